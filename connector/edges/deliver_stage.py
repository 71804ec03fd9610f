"""The deliver stage behind a batch reader: a new dispatcher for each assignment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiokafka import ConsumerRecord
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from connector.delivery.dispatcher import Context, Dispatcher
from connector.delivery.offset_map import decode_map
from connector.delivery.offsets import OffsetTracker
from connector.delivery.planner import PlanRecord


class DeliverStage:
    """Turns records into requests and requests into settled offsets."""

    def __init__(self, context: Context, plan_record: PlanRecord) -> None:
        self._context = context
        self._plan_record = plan_record
        self._dispatcher = Dispatcher(context, plan_record, {})

    @property
    def held_records(self) -> int:
        """Records taken and not settled."""
        return self._dispatcher.held_records

    @property
    def held_bytes(self) -> int:
        """Bytes of these records."""
        return self._dispatcher.held_bytes

    def assign(self, committed: Mapping[TopicPartition, OffsetAndMetadata | None]) -> None:
        """Begin an assignment; what an earlier owner completed above its commits is not sent again."""
        trackers = {partition: _tracker(commit) for partition, commit in committed.items()}
        self._dispatcher = Dispatcher(self._context, self._plan_record, trackers)

    async def take(self, partition: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        """Put records into their lanes."""
        self._dispatcher.submit(partition, records)

    async def room(self, below_records: int, below_bytes: int) -> None:
        """Wait until less than this is held."""
        await self._dispatcher.room(below_records, below_bytes)

    def commits(self) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """Give watermark and offset map of every partition of which anything was seen."""
        return {
            TopicPartition(partition.topic, partition.partition): OffsetAndMetadata(
                commit.watermark, commit.metadata
            )
            for partition, commit in self._dispatcher.commits().items()
        }

    async def drain(self, deadline_s: float) -> None:
        """Finish what is under way."""
        await self._dispatcher.drain(deadline_s)

    def release(self) -> None:
        """Forget everything that is not settled."""
        self._dispatcher = Dispatcher(self._context, self._plan_record, {})


def _tracker(commit: OffsetAndMetadata | None) -> OffsetTracker:
    if commit is None:
        return OffsetTracker()
    return OffsetTracker(commit.offset, decode_map(commit.offset, commit.metadata))
