"""Reads a topic in a consumer group and hands batches on; rebalances are its whole difficulty.

aiokafka may, while a rebalance goes on, return records of the old assignment or already of the new one.
Two natural ways to tell them apart are wrong: dropping a batch because the generation changed loses the
first records of the new assignment, and letting the revoke listener wait for the read loop is a
deadlock. The rule here:

    reading --revoke begins--> revoking --revoke ends--> assigning --assign ends--> reading
            batches are not handed on      epoch + 1         batches are held back

A batch is stamped with the epoch when it was read. Whoever takes it waits until the reader is reading,
and drops it when its epoch is over: its records were not settled, so their next owner reads them again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from mode import Service

from connector.edges.aiokafka_internals import (
    committed_with_metadata,
    is_member,
    let_others_first,
    rejoin,
    stay_in_group,
)
from connector.edges.clocks import monotonic_clock
from connector.edges.kafka_trouble import in_words
from connector.edges.lease import Lease

LARGEST_BATCH = 250  # records; a batch is handled without a pause of the event loop
BATCHES_IN_BUFFER = 16  # so that what is held comes from several partitions
COMMIT_TIMEOUT_S = 5.0
RECONNECT_S = 2.0
ROOM_CHECK_S = 1.0  # how often a full reader shows the group that it is alive

log = structlog.get_logger(__name__)


class Batch(NamedTuple):
    """Records of one partition, in order, read during one assignment."""

    epoch: int
    partition: TopicPartition
    records: Sequence[ConsumerRecord]


class Assignment(NamedTuple):
    """What we own now.

    committed      all our partitions, with what was committed for them
    share          of all partitions of the topic, in (0, 1]
    lease_until_s  gives the monotonic time until which they are surely ours
    """

    committed: Mapping[TopicPartition, OffsetAndMetadata | None]
    share: float
    lease_until_s: Callable[[], float]


class Stage(Protocol):
    """What a reader feeds: it knows which offsets are settled."""

    @property
    def held_records(self) -> int:
        """Records taken and not settled."""
        ...

    @property
    def held_bytes(self) -> int:
        """Bytes of these records."""
        ...

    @property
    def full_lanes(self) -> Mapping[tuple[str, int], int]:
        """Partitions that should not be read on for now, as one person of theirs has too many records."""
        ...

    def assign(self, assignment: Assignment) -> None:
        """Begin an assignment."""
        ...

    def rewind(self, partition: TopicPartition, offset: int) -> None:
        """Begin a partition at an offset below the committed one: the topic was made anew."""
        ...

    async def take(self, partition: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        """Take records of one partition."""
        ...

    async def room(self, below_records: int, below_bytes: int) -> None:
        """Wait until less than this is held."""
        ...

    def commits(self) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """Give what may be committed now."""
        ...

    async def drain(self, deadline_s: float) -> None:
        """Finish what is under way, at most until the deadline, and begin nothing more."""
        ...

    def release(self) -> None:
        """End the assignment; what is not settled belongs to somebody else now."""
        ...


class ReaderLimits(NamedTuple):
    """How much may be read ahead of what is settled, and how long things may take."""

    records: int
    bytes: int
    drain_s: float
    commit_every_s: float
    session_s: float = 10.0
    poll_s: float = 300.0


class Channel(Protocol):
    """Where batches go: a Faust channel."""

    async def put(self, value: Batch) -> Any:
        """Put one batch, waiting while the channel is full."""
        ...


class BatchReader(Service, ConsumerRebalanceListener):  # type: ignore[misc]
    """A member of a consumer group that reads batches into a channel and commits what its stage settled."""

    def __init__(
        self,
        *,
        topic: str,
        group: str,
        stage: Stage,
        channel: Channel,
        limits: ReaderLimits,
        connection: Mapping[str, Any],
        clock: Callable[[], float] = monotonic_clock,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.topic, self.group = topic, group
        self._stage, self._channel, self._limits = stage, channel, limits
        self._batch_size = min(LARGEST_BATCH, max(limits.records // BATCHES_IN_BUFFER, 1))
        self._connection, self._clock = dict(connection), clock
        self._session_timeout_s = limits.session_s
        self._consumer: AIOKafkaConsumer | None = None
        self._epoch = 0
        self._reading = asyncio.Event()
        self._commit_lock = asyncio.Lock()
        self._committed: dict[TopicPartition, OffsetAndMetadata] = {}
        self._queued = 0  # records in the channel or on their way into it
        self._taken = asyncio.Event()  # something left the channel
        self._paused: set[TopicPartition] = set()
        self._expected: dict[TopicPartition, int] = {}  # committed, until the first batch has come
        self._lease = Lease(limits.session_s)
        self._closed = False
        self._loops: dict[str, asyncio.Future[Any]] = {}
        self.assigned: frozenset[TopicPartition] = frozenset()
        self.expired = 0  # records that retention deleted before they were read
        self.polled_s: float | None = None  # when the loop last asked Kafka for something; None before it did
        self.revoking_s: float | None = None  # since when partitions are given back; None when they are not

    @property
    def label(self) -> str:
        """Name of the service in Faust's logs."""
        return f"{type(self).__name__}: {self.topic}"

    @property
    def is_reading(self) -> bool:
        """Whether we are a member of the group with an assignment, and not in a rebalance."""
        return self._reading.is_set()

    @property
    def queued(self) -> int:
        """Records read that the stage has not taken yet."""
        return self._queued

    # The agent's side

    async def hand_over(self, batch: Batch) -> None:
        """Give a batch from the channel to the stage, unless its assignment is over."""
        self._queued -= len(batch.records)
        self._taken.set()
        while batch.epoch == self._epoch and not self._closed:
            if self._reading.is_set():
                if batch.partition in self._expected:
                    await self._check_continuity(batch.partition, batch.records[0].offset)
                    continue  # it may have taken a while
                await self._stage.take(batch.partition, batch.records)
                return
            await self._reading.wait()

    # Rebalance listener, called by aiokafka

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Drain, commit, forget. Every rebalance revokes everything (eager protocol)."""
        self._reading.clear()
        self.revoking_s = self._clock()
        await self._stage.drain(self._limits.drain_s)
        await self.commit()
        self._lease.end()
        self._stage.release()
        self._committed.clear()
        self._expected.clear()
        self.assigned = frozenset()
        # From here on, what getmany() returns belongs to the next assignment.
        self._epoch += 1
        self.revoking_s = None
        if revoked:
            log.info("partitions revoked", topic=self.topic, partitions=sorted(p for _, p in revoked))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Take up where the last owners stopped."""
        consumer = self._consumer
        assert consumer is not None
        try:
            # No heartbeat is sent while this listener runs, so it must not take long.
            async with asyncio.timeout(self._session_timeout_s / 2):
                found = await committed_with_metadata(consumer, assigned)
                await self._lease.begin(consumer)
        except (KafkaError, TimeoutError) as error:
            log.warning("committed offsets not found, will rejoin", topic=self.topic, error=_words(error))
            rejoin(consumer)
            return
        committed = {partition: found.get(partition) for partition in assigned}
        self._stage.assign(Assignment(committed, self._share(consumer, assigned), self._lease.until_s))
        self._expected = {tp: commit.offset for tp, commit in committed.items() if commit is not None}
        self._paused.clear()
        self.assigned = frozenset(assigned)
        if not self._closed:
            self._reading.set()
        log.info("partitions assigned", topic=self.topic, partitions=sorted(p for _, p in assigned))

    def _share(self, consumer: AIOKafkaConsumer, assigned: set[TopicPartition]) -> float:
        return len(assigned) / max(len(consumer.partitions_for_topic(self.topic) or ()), len(assigned), 1)

    async def _check_continuity(self, partition: TopicPartition, first: int) -> None:
        """Compare the first offset of an assignment with the committed one, and say what a gap is."""
        committed = self._expected.pop(partition)
        if first < committed:
            log.error(
                "topic begins below the committed offset, it was made anew", topic=self.topic,
                partition=partition.partition, committed=committed, first=first,
            )  # fmt: skip
            self._stage.rewind(partition, first)
        elif first > committed and self._consumer is not None:
            try:
                async with asyncio.timeout(COMMIT_TIMEOUT_S):
                    begin = (await self._consumer.beginning_offsets([partition]))[partition]
            except (KafkaError, TimeoutError):
                begin = committed  # cannot be told; gaps of compaction and transactions are ordinary
            if begin > committed:
                self.expired += begin - committed
                log.error(
                    "records were deleted by retention before they were delivered", topic=self.topic,
                    partition=partition.partition, records=begin - committed, committed=committed,
                )  # fmt: skip

    # Reading

    async def on_start(self) -> None:
        """Begin reading and committing."""
        self._loops = {
            "reading": self.add_future(self._read()),
            "committing": self.add_future(self._keep_committing()),
        }

    @property
    def ended(self) -> Sequence[str]:
        """What ended though the reader was not closed: reading, committing."""
        return [] if self._closed else [name for name, future in self._loops.items() if future.done()]

    async def _read(self) -> None:
        consumer = await self._connect()
        waiting: deque[Batch] = deque()
        while consumer is not None and not self._closed:
            self.polled_s = self._clock()
            try:
                room = await self._room(consumer)
                if room <= 0:
                    continue
                found = await consumer.getmany(timeout_ms=200, max_records=min(room, self._batch_size))
            except KafkaError as error:
                log.warning("reading failed, will repeat", topic=self.topic, error=_words(error))
                await self.sleep(RECONNECT_S)
                continue
            epoch = self._epoch  # after the read: a rebalance inside getmany() has moved it already
            for partition, records in found.items():
                self._queued += len(records)
                waiting.append(Batch(epoch, partition, records))
                let_others_first(consumer, partition)
            while waiting and not self._closed:
                await self._put(consumer, waiting.popleft())

    async def _put(self, consumer: AIOKafkaConsumer, batch: Batch) -> None:
        """Put a batch into the channel; while that is full, show the group that we are alive."""
        putting = asyncio.ensure_future(self._channel.put(batch))
        try:
            while not self._closed:
                await asyncio.wait({putting}, timeout=ROOM_CHECK_S)
                if putting.done():
                    putting.result()
                    return
                self.polled_s = self._clock()
                try:
                    await stay_in_group(consumer)
                except KafkaError as error:  # the batch stays: what follows it would be committed
                    log.warning("reading failed, will repeat", topic=self.topic, error=_words(error))
        finally:
            putting.cancel()

    async def _connect(self) -> AIOKafkaConsumer | None:
        while not self._closed:
            consumer = AIOKafkaConsumer(
                group_id=self.group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                partition_assignment_strategy=[StickyPartitionAssignor],
                session_timeout_ms=round(self._session_timeout_s * 1000),
                heartbeat_interval_ms=round(min(self._session_timeout_s / 5, 3.0) * 1000),
                max_poll_interval_ms=round(self._limits.poll_s * 1000),
                metadata_max_age_ms=60_000,
                fetch_max_bytes=16 * 1024**2,
                rebalance_timeout_ms=30_000,
                **self._connection,
            )
            consumer.subscribe([self.topic], listener=self)
            self._consumer = consumer  # start() may call the listener already
            try:
                await consumer.start()
            except KafkaError as error:
                log.warning(
                    "group cannot be joined, will repeat",
                    group=self.group,
                    topic=self.topic,
                    error=_words(error),
                )
                self._consumer = None
                await consumer.stop()
                await self.sleep(RECONNECT_S)
                continue
            return consumer
        return None

    async def _room(self, consumer: AIOKafkaConsumer) -> int:
        """Give how many records may be read now; while there is no room, wait a little instead."""
        room = self._limits.records - self._queued - self._stage.held_records
        is_full = room <= 0 or self._stage.held_bytes >= self._limits.bytes
        if self._reading.is_set():
            self._pause(consumer, all_=is_full)
        if not is_full:
            return room
        await stay_in_group(consumer)
        self._taken.clear()
        try:
            async with asyncio.timeout(ROOM_CHECK_S):
                if self._queued:
                    await self._taken.wait()
                # Half empty before reading on, so that a full reader does not fetch single records.
                await self._stage.room(self._limits.records // 2 + 1, self._limits.bytes // 2 + 1)
        except TimeoutError:
            pass
        return 0

    def _pause(self, consumer: AIOKafkaConsumer, *, all_: bool) -> None:
        assigned = consumer.assignment()
        full = self._stage.full_lanes
        wanted = set(assigned) if all_ else {each for each in assigned if each in full} if full else set()
        if wanted != self._paused:
            consumer.resume(*(self._paused - wanted))
            consumer.pause(*(wanted - self._paused))
            self._paused = wanted

    # Committing

    async def _keep_committing(self) -> None:
        while not self._closed:
            await self.sleep(self._limits.commit_every_s)
            if self._reading.is_set():
                await self.commit()

    async def commit(self) -> None:
        """Commit what is new; a failure is told and repeated with the next commit."""
        async with self._commit_lock:
            consumer = self._consumer
            if consumer is None or not is_member(consumer):
                return
            found = self._stage.commits()
            new = {tp: commit for tp, commit in found.items() if self._committed.get(tp) != commit}
            if not new:
                return
            try:
                async with asyncio.timeout(COMMIT_TIMEOUT_S):
                    await consumer.commit(new)
            except (KafkaError, TimeoutError) as error:
                log.warning("commit failed, will repeat", topic=self.topic, error=_words(error))
            else:
                self._committed.update(new)

    # Stopping

    async def on_stop(self) -> None:
        """Close, unless that was done before the service was told to stop."""
        await self.close()

    async def close(self) -> None:
        """Read no more, finish what is under way, commit, leave the group. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._reading.clear()
        self._epoch += 1
        if self.assigned:  # also in the middle of a revoke, which the end of the consumer would cut short
            await self._stage.drain(self._limits.drain_s)
            try:
                async with asyncio.timeout(COMMIT_TIMEOUT_S):  # with the wait for one that is under way
                    await self.commit()
            except TimeoutError:
                log.warning("stopped without a commit, what was done since the last is done again",
                            topic=self.topic)  # fmt: skip
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            try:
                async with asyncio.timeout(COMMIT_TIMEOUT_S):
                    await consumer.stop()
            except (KafkaError, TimeoutError) as error:
                log.warning("leaving the group failed", topic=self.topic, error=_words(error))


def _words(error: BaseException) -> str:
    """Say in one line what it means; what has no words of ours gives its class and its own text."""
    told = in_words(error)
    return f"{told}: {error}".rstrip(": ") if told == type(error).__name__ else told
