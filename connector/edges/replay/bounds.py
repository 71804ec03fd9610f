"""Keeps a stage within the ranges of a plan: what is cut off, and which partitions need no more reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiokafka import ConsumerRecord
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from connector.delivery.selection import Range


class Bounds:
    """The ranges, and those of our partitions of which everything was read."""

    def __init__(self, ranges: Mapping[int, Range]) -> None:
        self._ranges = ranges
        self._records = sum(range_.end - range_.start for range_ in ranges.values())
        self.passed: set[TopicPartition] = set()

    def assign(self, committed: Mapping[TopicPartition, OffsetAndMetadata | None]) -> float:
        """Begin an assignment; give the share of the rate, which is our share of what is in the ranges."""
        ranges = self._ranges
        self.passed = {
            tp
            for tp, commit in committed.items()
            if tp.partition not in ranges
            or (commit is not None and commit.offset >= ranges[tp.partition].end)
        }
        ours = sum(
            ranges[tp.partition].end - ranges[tp.partition].start
            for tp in committed
            if tp.partition in ranges
        )
        # Never nothing: what waits for a share of nothing would wait on when there is one.
        return max(ours / max(self._records, 1), 0.001)

    def cut(self, partition: TopicPartition, records: Sequence[ConsumerRecord]) -> list[ConsumerRecord]:
        """Give what of a batch belongs to the range.

        Where its end is a gap, one record beyond is given, too: the watermark then passes the end.
        """
        if partition in self.passed:
            return []
        end = self._ranges[partition.partition].end
        inside = [record for record in records if record.offset < end]
        if len(inside) < len(records) or inside[-1].offset == end - 1:
            self.passed.add(partition)
            if not inside or inside[-1].offset < end - 1:
                inside.append(records[len(inside)])
        return inside
