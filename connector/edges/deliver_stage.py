"""The deliver stage behind a batch reader: a new dispatcher for each assignment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiokafka import ConsumerRecord
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from connector.delivery.context import Configuration, Context
from connector.delivery.dispatcher import Dispatcher, Taken
from connector.delivery.gate import Closed, Shut
from connector.delivery.offset_map import decode_map
from connector.delivery.offsets import OffsetTracker
from connector.delivery.record import Partition
from connector.delivery.waits import Progress
from connector.edges.batch_reader import Assignment


class DeliverStage:
    """Turns records into requests and requests into settled offsets."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.dispatcher = Dispatcher(context, {})

    @property
    def held_records(self) -> int:
        """Records taken and not settled."""
        return self.dispatcher.held_records

    @property
    def held_bytes(self) -> int:
        """Bytes of these records."""
        return self.dispatcher.held_bytes

    @property
    def full_lanes(self) -> Mapping[tuple[str, int], int]:
        """Partitions with a person of whom too much is held."""
        return self.dispatcher.full_lanes

    def assign(self, assignment: Assignment) -> None:
        """Begin an assignment; what an earlier owner completed above its commits is not sent again."""
        taken = {partition: _taken(commit) for partition, commit in assignment.committed.items()}
        self._context.flow.limiter.share(assignment.share)
        self._context.flow.breaker.moved()
        self.dispatcher = Dispatcher(self._context, taken, assignment.lease_until_s)

    def rewind(self, partition: TopicPartition, offset: int) -> None:
        """Begin a partition at an offset below the committed one."""
        self.dispatcher.rewind(partition, offset)

    async def take(self, partition: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        """Put records into their lanes."""
        self.dispatcher.submit(partition, records)

    async def room(self, below_records: int, below_bytes: int) -> None:
        """Wait until less than this is held."""
        await self.dispatcher.room(below_records, below_bytes)

    def commits(self) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """Give watermark and offset map of every partition of which anything was seen."""
        return {
            TopicPartition(partition.topic, partition.partition): OffsetAndMetadata(
                commit.watermark, commit.metadata
            )
            for partition, commit in self.dispatcher.commits().items()
        }

    async def drain(self, deadline_s: float) -> None:
        """Finish what is under way."""
        await self.dispatcher.drain(deadline_s)

    def release(self) -> None:
        """Forget everything that is not settled."""
        self.dispatcher = Dispatcher(self._context, {})

    def progress(self) -> Mapping[Partition, Progress]:
        """Say of every partition how far it is and what it waits for."""
        return self.dispatcher.progress()

    @property
    def busy(self) -> int:
        """How many requests, keys and dead letters are being worked on."""
        return self.dispatcher.busy

    # Steering

    @property
    def closed(self) -> Mapping[Shut, Closed]:
        """Why nothing is sent; empty while sending goes on."""
        return self._context.flow.gate.reasons

    @property
    def serves(self) -> tuple[str, str]:
        """The destination, and the version of the configuration in force."""
        configuration = self._context.configuration
        return configuration.destination, configuration.version

    def reconfigure(self, configuration: Configuration) -> None:
        """Plan by another configuration from now on; what waits for a retry is planned anew."""
        self._context.configuration = configuration
        if not self.resume(Shut.FLOOD):
            self.dispatcher.go_on()

    def shut(self, reason: Shut, detail: str = "") -> None:
        """Send nothing until `resume`."""
        self._context.flow.gate.shut(reason, self._context.clock(), detail)

    def resume(self, reason: Shut) -> bool:
        """Take back a reason for sending nothing; True when sending goes on now."""
        opened = self._context.flow.resume(reason, self._context.clock())
        if opened:
            self.dispatcher.go_on()
        else:
            self.dispatcher.wake()  # what is left may allow a trial
        return opened

    def try_soon(self) -> None:
        """Try the key at once: it is another one."""
        self._context.flow.gate.try_soon(self._context.clock())
        self.dispatcher.go_on()


def _taken(commit: OffsetAndMetadata | None) -> Taken:
    if commit is None:
        return Taken(OffsetTracker())
    left = decode_map(commit.offset, commit.metadata)
    return Taken(OffsetTracker(commit.offset, left.completed), left)
