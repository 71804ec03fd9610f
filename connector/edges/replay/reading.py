"""Reads a bounded range of a topic outside of any group: what of it is there, and all of its records."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from connector.delivery.selection import Range
from connector.edges.kafka import connection
from connector.edges.kafka_trouble import missing_topic, trouble
from connector.edges.topic_admin import topic_admin
from connector.errors import ConfigurationError, Problem
from connector.settings import Settings

BATCH = 2000  # records


class Wanted(NamedTuple):
    """What range is asked for.

    since, until  epoch seconds of records; None for the beginning, and for what is there now
    offsets       partition -> where to begin and end (None: as `until` says); no other partitions are read
    """

    since: float | None = None
    until: float | None = None
    offsets: Mapping[int, tuple[int, int | None]] | None = None


class RangeReader:
    """Reads one topic with a consumer that belongs to no group."""

    def __init__(
        self,
        settings: Settings,
        consumer: AIOKafkaConsumer,
        topic: str,
        partitions: Sequence[TopicPartition],
    ) -> None:
        self._settings, self._consumer = settings, consumer
        self._topic, self._partitions = topic, partitions

    async def ranges(self, wanted: Wanted) -> dict[int, Range]:
        """Give the ranges as of now, without empty ones; what transactions still hold back is not in them.

        Raises: ConfigurationError for partitions that do not exist, OperationalError
        """
        try:
            begins = await self._consumer.beginning_offsets(self._partitions)
            ends = await self._consumer.end_offsets(self._partitions)
            starts = begins | await self._at(wanted.since, ends)
            ends |= {tp: min(offset, ends[tp]) for tp, offset in (await self._at(wanted.until, ends)).items()}
        except KafkaError as error:
            raise await trouble(self._settings, self._topic, error) from error
        strangers = set(wanted.offsets or ()) - {tp.partition for tp in self._partitions}
        if strangers:
            message = f"{self._topic} has no partition {min(strangers)}"
            raise ConfigurationError(Problem(message, path="--from-offsets"))
        found = {}
        for tp in self._partitions:
            start, end = starts[tp], ends[tp]
            if wanted.offsets is not None:
                if tp.partition not in wanted.offsets:
                    continue
                first, last = wanted.offsets[tp.partition]
                start, end = max(first, start), end if last is None else min(last, end)
            if start < end:
                found[tp.partition] = Range(start, end)
        return found

    async def _at(self, at: float | None, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Give the first offset of that time or later, the end where there is none."""
        if at is None:
            return {}
        found = await self._consumer.offsets_for_times(dict.fromkeys(self._partitions, round(at * 1000)))
        return {tp: ends[tp] if found.get(tp) is None else found[tp].offset for tp in self._partitions}

    async def read(self, ranges: Mapping[int, Range]) -> AsyncIterator[list[ConsumerRecord]]:
        """Give all records of the ranges, in order within a partition; ends also where the ends are gaps.

        Raises: OperationalError
        """
        consumer = self._consumer
        left = {TopicPartition(self._topic, number): range_ for number, range_ in ranges.items()}
        if left:
            consumer.assign(list(left))
        for tp, range_ in left.items():
            consumer.seek(tp, range_.start)
        try:
            while left:
                found = await consumer.getmany(timeout_ms=500, max_records=BATCH)
                for tp, records in found.items():
                    if tp in left:
                        yield [record for record in records if record.offset < left[tp].end]
                for tp in [tp for tp in left if await consumer.position(tp) >= left[tp].end]:
                    del left[tp]
                    consumer.pause(tp)
        except KafkaError as error:
            raise await trouble(self._settings, self._topic, error) from error


@asynccontextmanager
async def range_reader(settings: Settings, topic: str) -> AsyncIterator[RangeReader]:
    """Connect to the cluster.

    Raises: OperationalError when it cannot be reached or has no such topic
    """
    async with topic_admin(settings) as admin:
        count = (await admin.partition_counts([topic])).get(topic, 0)
    if not count:
        raise missing_topic(topic)
    consumer = AIOKafkaConsumer(
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        fetch_max_bytes=16 * 1024**2,
        **connection(settings, "replay-plan"),
    )
    try:
        await consumer.start()
    except KafkaError as error:
        await consumer.stop()
        raise await trouble(settings, "Kafka", error) from error
    partitions = [TopicPartition(topic, number) for number in range(count)]
    try:
        consumer.assign(partitions)
        yield RangeReader(settings, consumer, topic, partitions)
    finally:
        await consumer.stop()
