"""The batch reader: rebalances, commits, back-pressure, stopping.

In virtual time below a fake consumer, so that each moment of a rebalance can be hit; then on a real Kafka.
"""

import asyncio
from collections import OrderedDict, deque
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from aiokafka.errors import CommitFailedError, KafkaConnectionError, NotLeaderForPartitionError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.edges.aiokafka_internals import committed_with_metadata
from connector.edges.batch_reader import BatchReader, ReaderLimits
from tests.builders import record
from tests.eventually import eventually_async
from tests.virtual_time import run

P0, P1 = TopicPartition("by-user", 0), TopicPartition("by-user", 1)
LIMITS = ReaderLimits(records=160, bytes=10_000, drain_s=8.0, commit_every_s=1.0)  # batches of 10


class RecordingStage:
    """Settles at once unless told to hold; notes what the reader does with it."""

    def __init__(self, calls=None):
        self.calls = [] if calls is None else calls
        self.taken = []
        self.offsets = {}
        self.holds = False
        self.drain_takes_s = 0.0
        self.held_records = self.held_bytes = 0
        self.full_lanes = {}
        self._freed = asyncio.Event()

    def assign(self, assignment):
        self.assignment = assignment
        self.calls.append(("assign", dict(assignment.committed)))

    def rewind(self, partition, offset):
        self.calls.append(("rewind", partition, offset))

    async def take(self, partition, records):
        self.taken += [(partition.partition, each.offset) for each in records]
        self.offsets[partition] = OffsetAndMetadata(records[-1].offset + 1, "map")
        if self.holds:
            self.held_records += len(records)
            self.held_bytes += sum(len(each.value) for each in records)

    def settle(self, records):
        """Let go of so many records of the size of the last."""
        self.held_bytes -= self.held_bytes // self.held_records * records
        self.held_records -= records
        self._freed.set()

    async def room(self, below_records, below_bytes):
        while self.held_records >= below_records or self.held_bytes >= below_bytes:
            self._freed.clear()
            await self._freed.wait()

    def commits(self):
        return dict(self.offsets)

    async def drain(self, deadline_s):
        self.calls.append(("drain", deadline_s))
        await asyncio.sleep(self.drain_takes_s)

    def release(self):
        self.calls.append(("release",))
        self.offsets.clear()
        self.held_records = self.held_bytes = 0


class FakeConsumer:
    """The methods of AIOKafkaConsumer that the reader uses, and a rebalance on demand."""

    def __init__(self, world, settings):
        self.world, self.settings = world, settings
        self.calls, self.batches = world.calls, deque()
        self.listener = None
        self.partitions, self.paused = set(), set()
        self.asked, self.signs_of_life, self.life_troubles = [], 0, deque()
        self.stop_takes_s = 0.0
        self._coordinator = SimpleNamespace(
            generation=1,
            fetch_committed_offsets=self._fetch,
            request_rejoin=lambda: self.calls.append(("rejoin",)),
            _do_heartbeat=self._heartbeat,
        )
        self._fetcher = SimpleNamespace(_records=OrderedDict())

    def subscribe(self, topics, listener):
        self.topics, self.listener = topics, listener

    async def start(self):
        if self.world.unreachable:
            self.world.unreachable -= 1
            raise KafkaConnectionError
        await self.rebalance({P0, P1})  # aiokafka revokes nothing before it assigns something

    async def revoke(self):
        await self.listener.on_partitions_revoked(frozenset(self.partitions))

    async def assign(self, partitions):
        self.partitions, self.paused = partitions, set()
        await self.listener.on_partitions_assigned(frozenset(partitions))

    async def rebalance(self, partitions):
        await self.revoke()
        await self.assign(partitions)

    def has(self, partition, *offsets, size=4):
        """Make records of a partition come with the next read."""
        values = [record(each, value=b"x" * size, partition=partition.partition) for each in offsets]
        self.batches.append((partition, values))

    async def getmany(self, *partitions, timeout_ms=0, max_records=None):
        if partitions:
            self.signs_of_life += 1
            if self.life_troubles:
                raise self.life_troubles.popleft()
            return {}
        self.asked.append(max_records)
        if not self.batches:
            await asyncio.sleep(timeout_ms / 1000)
        if not self.batches:
            return {}
        partition, records = self.batches.popleft()
        if isinstance(records, Exception):
            raise records
        assert len(records) <= max_records
        return {partition: records}

    def assignment(self):
        return frozenset(self.partitions)

    def pause(self, *partitions):
        self.paused |= set(partitions)

    def resume(self, *partitions):
        self.paused -= set(partitions)

    async def commit(self, offsets):
        trouble = self.world.commit_troubles.popleft() if self.world.commit_troubles else None
        self.calls.append(("commit", offsets) if trouble is None else ("commit fails",))
        if isinstance(trouble, Exception):
            raise trouble
        if trouble is not None:
            await asyncio.sleep(trouble)

    def partitions_for_topic(self, topic):
        return {0, 1, 2, 3}

    async def beginning_offsets(self, partitions):
        return {each: self.world.begins.get(each, 0) for each in partitions}

    async def _heartbeat(self):
        return self.world.is_known

    async def stop(self):
        self.calls.append(("stop",))
        await asyncio.sleep(self.stop_takes_s)

    async def _fetch(self, partitions):
        if self.world.fetch_troubles:
            trouble = self.world.fetch_troubles.popleft()
            if isinstance(trouble, Exception):
                raise trouble
            await asyncio.sleep(trouble)
        return {each: self.world.committed[each] for each in partitions if each in self.world.committed}


class World:
    """A reader with its fakes, and an agent that hands batches over while `agent` is set."""

    def __init__(self, limits=LIMITS):
        self.calls = []  # of stage and consumer alike, in order
        self.unreachable = 0
        self.commit_troubles, self.fetch_troubles = deque(), deque()  # errors, or seconds it takes
        self.committed, self.begins = {}, {}
        self.is_known = True  # to the group's coordinator
        self.consumers = []
        self.stage = RecordingStage(self.calls)
        self.channel = asyncio.Queue(maxsize=2)
        self.agent = asyncio.Event()
        self.agent.set()
        self.reader = BatchReader(
            topic="by-user",
            group="group",
            stage=self.stage,
            channel=self.channel,
            limits=limits,
            connection={"bootstrap_servers": "kafka:9092"},
            clock=asyncio.get_running_loop().time,
        )

    @property
    def consumer(self):
        return self.consumers[-1]

    async def reads(self):
        """Wait for the first assignment; what was called for it is `first_calls`."""
        await until(lambda: self.reader.is_reading)
        self.first_calls = [*self.calls]
        self.calls.clear()

    def commits(self):
        return [call[1] for call in self.calls if call[0] == "commit"]

    def happened(self):
        """The names of what was called, in order."""
        return [name for name, *_ in self.calls]


@asynccontextmanager
async def working(world, consumer=FakeConsumer, agent_s=0.0):
    """Start the reader of a world and an agent that takes so long for a batch."""

    def connect(**settings):
        world.consumers.append(consumer(world, settings))
        return world.consumers[-1]

    async def work():
        while True:
            batch = await world.channel.get()
            await world.agent.wait()
            await asyncio.sleep(agent_s)
            await world.reader.hand_over(batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connector.edges.batch_reader.AIOKafkaConsumer", connect)
        agent = asyncio.create_task(work())
        await world.reader.start()
        try:
            async with asyncio.timeout(3600):
                yield
        finally:
            await world.reader.stop()
            agent.cancel()


def play(scenario, *, before=lambda world: None, **options):
    """Play a scenario with a started reader in virtual time; give what it gives."""

    async def started():
        world = World(**options)
        before(world)
        async with working(world):
            return await scenario(world)

    return run(started())


async def until(check):
    async with asyncio.timeout(60):
        while not check():
            await asyncio.sleep(0.01)


def test_records_go_to_the_stage_in_the_order_of_each_partition():
    async def scenario(world):
        await world.reads()
        world.consumer.has(P0, 0, 1, 2)
        world.consumer.has(P1, 7)
        world.consumer.has(P0, 3)
        await until(lambda: len(world.stage.taken) == 5)
        return world.stage.taken

    assert play(scenario) == [(0, 0), (0, 1), (0, 2), (1, 7), (0, 3)]


@pytest.mark.parametrize(
    ("records", "size"),
    [
        pytest.param(160, 10, id="a sixteenth of what may be held"),
        pytest.param(1_000_000, 250, id="never so many that the event loop stands still"),
        pytest.param(1, 1, id="at least one"),
    ],
)
def test_a_batch_has_a_limit(records, size):
    async def scenario(world):
        await world.reads()
        await until(lambda: world.consumer.asked)
        return world.consumer.asked

    assert set(play(scenario, limits=LIMITS._replace(records=records))) == {size}


def test_an_assignment_begins_with_what_was_committed():
    async def scenario(world):
        await world.reads()
        return world.first_calls, world.reader.assigned

    calls, assigned = play(
        scenario, before=lambda world: world.committed.update({P1: OffsetAndMetadata(7, "map")})
    )

    assert calls == [("drain", 8.0), ("release",), ("assign", {P0: None, P1: OffsetAndMetadata(7, "map")})]
    assert assigned == {P0, P1}


def test_the_consumer_never_commits_by_itself_and_reads_only_what_is_committed():
    async def scenario(world):
        await world.reads()
        return world.consumer

    consumer = play(scenario)

    assert consumer.topics == ["by-user"]
    expected = {
        "group_id": "group",
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "isolation_level": "read_committed",
        "session_timeout_ms": 10_000,
        "heartbeat_interval_ms": 2_000,
        "bootstrap_servers": "kafka:9092",
    }
    assert expected.items() <= consumer.settings.items()


# Rebalances


def test_a_revoke_drains_then_commits_then_releases():
    async def scenario(world):
        await world.reads()
        world.stage.drain_takes_s = 3.0
        revoking = asyncio.create_task(world.consumer.revoke())
        await until(lambda: world.calls == [("drain", 8.0)])
        world.stage.offsets[P0] = OffsetAndMetadata(5, "")  # settled while draining
        during = world.reader.is_reading
        await revoking
        return [*world.calls], during, world.reader.is_reading, world.reader.assigned

    calls, during, after, assigned = play(scenario)

    assert calls == [("drain", 8.0), ("commit", {P0: OffsetAndMetadata(5, "")}), ("release",)]
    assert (during, after, assigned) == (False, False, frozenset())


def test_a_batch_that_waits_in_the_channel_is_dropped_when_its_assignment_is_over():
    async def scenario(world):
        await world.reads()
        world.agent.clear()
        world.consumer.has(P0, 0, 1)
        world.consumer.has(P1, 0)
        await until(lambda: world.channel.qsize() == 1)
        await world.consumer.rebalance({P0, P1})
        world.agent.set()
        world.consumer.has(P0, 0, 1)
        await until(lambda: world.stage.taken)
        return world.stage.taken

    assert play(scenario) == [(0, 0), (0, 1)]


def test_a_batch_read_while_revoking_is_of_the_old_assignment_and_dropped():
    async def scenario(world):
        await world.reads()
        world.stage.drain_takes_s = 5.0
        revoking = asyncio.create_task(world.consumer.revoke())
        await until(lambda: not world.reader.is_reading)
        world.consumer.has(P0, 0, 1)
        await until(lambda: not world.consumer.batches)
        await asyncio.sleep(1)
        while_revoking = [*world.stage.taken]
        await revoking
        await world.consumer.assign({P0})
        world.consumer.has(P0, 0)
        await until(lambda: world.stage.taken)
        return while_revoking, world.stage.taken

    assert play(scenario) == ([], [(0, 0)])


def test_a_batch_read_while_assigning_is_of_the_new_assignment_and_held_until_it_began():
    async def scenario(world):
        await world.reads()
        await world.consumer.revoke()
        world.consumer.has(P0, 0, 1)
        world.consumer.has(P0, 2)
        await until(lambda: not world.consumer.batches)
        await asyncio.sleep(10)
        while_assigning = [*world.stage.taken]
        world.calls.clear()
        await world.consumer.assign({P0})
        await until(lambda: len(world.stage.taken) == 3)
        return while_assigning, world.happened()[0], world.stage.taken

    assert play(scenario) == ([], "assign", [(0, 0), (0, 1), (0, 2)])


def test_a_batch_that_was_held_is_dropped_when_its_assignment_never_began():
    async def scenario(world):
        await world.reads()
        await world.consumer.revoke()
        world.consumer.has(P0, 0, 1)
        await until(lambda: not world.consumer.batches)
        await world.consumer.revoke()  # the group was rebalanced once more
        await world.consumer.assign({P0})
        world.consumer.has(P0, 0)
        await until(lambda: world.stage.taken)
        await asyncio.sleep(10)
        return world.stage.taken

    assert play(scenario) == [(0, 0)]


def test_dropped_batches_take_no_room():
    async def scenario(world):
        await world.reads()
        world.agent.clear()
        for _ in range(4):
            world.consumer.has(P0, 0)
        await until(lambda: world.consumer.signs_of_life)  # full: four records, none of them taken
        await world.consumer.rebalance({P0})
        world.agent.set()
        for offset in range(40):
            world.consumer.has(P0, offset)
        await until(lambda: len(world.stage.taken) == 40)
        return world.stage.taken

    assert play(scenario, limits=LIMITS._replace(records=4)) == [(0, offset) for offset in range(40)]


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(NotLeaderForPartitionError(), id="an error"),
        pytest.param(5.1, id="half the session timeout is over"),
    ],
)
def test_without_committed_offsets_an_assignment_does_not_begin_and_a_new_one_is_asked_for(trouble):
    async def scenario(world):
        await world.reads()
        world.fetch_troubles.append(trouble)
        await world.consumer.rebalance({P0})
        not_reading, first = world.reader.is_reading, world.happened()
        world.consumer.has(P0, 0, 1)
        await until(lambda: not world.consumer.batches)
        await world.consumer.rebalance({P0})
        world.consumer.has(P0, 0)
        await until(lambda: world.stage.taken)
        return not_reading, first, world.stage.taken

    assert play(scenario) == (False, ["drain", "release", "rejoin"], [(0, 0)])


# Commits


def test_what_the_stage_settled_is_committed_in_time_and_only_when_it_is_new():
    async def scenario(world):
        await world.reads()
        world.consumer.has(P0, 0, 1)
        await asyncio.sleep(5)
        world.consumer.has(P1, 4)
        await asyncio.sleep(5)
        return world.commits()

    assert play(scenario) == [{P0: OffsetAndMetadata(2, "map")}, {P1: OffsetAndMetadata(5, "map")}]


def test_an_offset_map_that_changed_is_worth_a_commit():
    async def scenario(world):
        await world.reads()
        for metadata in ("1:1.1", "1:1.2"):
            world.stage.offsets[P0] = OffsetAndMetadata(2, metadata)
            await asyncio.sleep(3)
        return world.commits()

    assert play(scenario) == [{P0: OffsetAndMetadata(2, "1:1.1")}, {P0: OffsetAndMetadata(2, "1:1.2")}]


@pytest.mark.parametrize(
    "trouble",
    [pytest.param(CommitFailedError("x"), id="an error"), pytest.param(99.0, id="no answer in time")],
)
def test_a_commit_that_failed_is_repeated(trouble):
    async def scenario(world):
        await world.reads()
        world.commit_troubles.append(trouble)
        world.consumer.has(P0, 0, 1)
        await until(world.commits)
        return world.happened(), world.commits(), world.reader.is_reading

    happened, commits, is_reading = play(scenario)

    assert happened == ["commit fails", "commit"]
    assert commits == [{P0: OffsetAndMetadata(2, "map")}]
    assert is_reading


def test_a_stranger_to_the_group_commits_nothing():
    async def scenario(world):
        await world.reads()
        world.consumer._coordinator.generation = -1
        world.consumer.has(P0, 0)
        await asyncio.sleep(5)
        await world.consumer.revoke()
        return world.happened()

    assert play(scenario) == ["drain", "release"]


def test_nothing_is_committed_between_two_assignments():
    async def scenario(world):
        await world.reads()
        await world.consumer.revoke()
        world.stage.offsets[P0] = OffsetAndMetadata(9, "")  # of an assignment that has not begun
        await asyncio.sleep(5)
        return world.commits()

    assert play(scenario) == []


def test_a_new_assignment_commits_anew_what_the_old_one_had_committed():
    async def scenario(world):
        await world.reads()
        world.consumer.has(P0, 0)
        await until(world.commits)
        await world.consumer.rebalance({P0})
        world.consumer.has(P0, 0)  # the commit of another member had come between
        await asyncio.sleep(5)
        return world.commits()

    assert play(scenario) == [{P0: OffsetAndMetadata(1, "map")}] * 2


# Back-pressure


def test_a_full_reader_pauses_and_shows_life_and_reads_on_when_half_empty():
    async def scenario(world):
        await world.reads()
        world.stage.holds = True
        for offset in range(4):
            world.consumer.has(P0, offset)
        world.consumer.has(P1, 0)
        await until(lambda: world.consumer.paused)
        await asyncio.sleep(100)
        full = len(world.stage.taken), set(world.consumer.paused), world.consumer.signs_of_life
        world.stage.settle(2)
        await asyncio.sleep(0.1)  # well below the second after which it looks by itself
        return full, len(world.stage.taken), world.consumer.paused

    full, taken_after, paused_after = play(scenario, limits=LIMITS._replace(records=4))

    assert full[:2] == (4, {P0, P1})
    assert 90 <= full[2] <= 110  # about one a second
    assert (taken_after, paused_after) == (5, set())


def test_a_reader_that_stays_more_than_half_full_reads_what_there_is_room_for():
    async def scenario(world):
        await world.reads()
        world.stage.holds = True
        for offset in range(6):
            world.consumer.has(P0, offset)
        await until(lambda: world.consumer.paused)
        world.stage.settle(1)
        await asyncio.sleep(0.1)
        at_once = len(world.stage.taken)
        await asyncio.sleep(3)
        return at_once, len(world.stage.taken), world.consumer.asked[-1]

    assert play(scenario, limits=LIMITS._replace(records=4)) == (4, 5, 1)


def test_a_reader_is_full_by_bytes_as_well():
    async def scenario(world):
        await world.reads()
        world.stage.holds = True
        for offset in (0, 1):
            world.consumer.has(P0, offset, size=6000)
            await until(lambda: len(world.stage.taken) == offset + 1)  # noqa: B023  called at once
        world.consumer.has(P0, 2, size=6000)
        await asyncio.sleep(10)
        full = len(world.stage.taken), set(world.consumer.paused)
        world.stage.settle(2)
        await until(lambda: len(world.stage.taken) == 3)
        return full, world.consumer.paused

    assert play(scenario) == ((2, {P0, P1}), set())


def test_a_reader_whose_stage_is_busy_shows_life_and_loses_nothing():
    async def scenario(world):
        await world.reads()
        world.agent.clear()
        for offset in range(9):
            world.consumer.has(P0, offset)
        await asyncio.sleep(100)
        signs_of_life = world.consumer.signs_of_life
        world.agent.set()
        await until(lambda: len(world.stage.taken) == 9)
        return signs_of_life, world.stage.taken

    signs_of_life, taken = play(scenario)

    assert 90 <= signs_of_life <= 110
    assert taken == [(0, offset) for offset in range(9)]


def test_a_sign_of_life_that_fails_costs_no_batch():
    async def scenario(world):
        await world.reads()
        world.agent.clear()
        for offset in range(9):
            world.consumer.has(P0, offset)
        world.consumer.life_troubles += [KafkaConnectionError(), KafkaConnectionError()]
        await until(lambda: not world.consumer.life_troubles)
        world.agent.set()
        await until(lambda: len(world.stage.taken) == 9)
        return world.stage.taken

    assert play(scenario) == [(0, offset) for offset in range(9)]


def test_records_on_their_way_to_the_stage_take_room():
    async def scenario(world):
        await world.reads()
        world.agent.clear()
        for offset in range(10):
            world.consumer.has(P0, offset)
        await until(lambda: world.consumer.paused)
        await asyncio.sleep(10)
        unread = len(world.consumer.batches)
        world.agent.set()
        await until(lambda: len(world.stage.taken) == 10)
        return unread

    assert play(scenario, limits=LIMITS._replace(records=3)) == 7


def test_a_reader_that_was_full_at_a_rebalance_reads_the_new_assignment():
    async def scenario(world):
        await world.reads()
        world.stage.holds = True
        for offset in range(4):
            world.consumer.has(P0, offset)
        await until(lambda: world.consumer.paused)
        await world.consumer.rebalance({P1})
        for offset in range(6):
            world.consumer.has(P1, offset)
        await until(lambda: len(world.stage.taken) == 8)
        await until(lambda: world.consumer.paused)
        return world.consumer.paused

    assert play(scenario, limits=LIMITS._replace(records=4)) == {P1}


def test_a_reader_that_is_still_full_at_a_new_assignment_pauses_it_anew():
    async def scenario(world):
        await world.reads()
        world.agent.clear()
        for offset in range(3):
            world.consumer.has(P0, offset)
        await until(lambda: world.consumer.paused)
        await world.consumer.rebalance({P1})
        await until(lambda: world.consumer.paused)
        return world.consumer.paused

    assert play(scenario, limits=LIMITS._replace(records=3)) == {P1}


def test_no_more_is_read_than_there_is_room_for():
    async def scenario(world):
        await world.reads()
        world.stage.holds = True
        for offset in range(0, 32, 2):
            world.consumer.has(P0, offset, offset + 1)
        world.consumer.batches[-1][1].pop()
        await until(lambda: len(world.stage.taken) == 31)
        world.consumer.asked.clear()
        await until(lambda: world.consumer.asked)
        return world.consumer.asked[0]

    assert play(scenario, limits=LIMITS._replace(records=32)) == 1


def test_a_partition_that_was_read_lets_the_others_first():
    async def scenario(world):
        await world.reads()
        prefetched = world.consumer._fetcher._records
        prefetched.update({P0: "more", P1: "more"})
        world.consumer.has(P0, 0)
        await until(lambda: world.stage.taken)
        return [*prefetched]

    assert play(scenario) == [P1, P0]


# Trouble


def test_a_kafka_that_cannot_be_reached_is_tried_again_with_a_new_consumer():
    async def scenario(world):
        await world.reads()
        return [name for name, *_ in world.first_calls], len(world.consumers)

    happened, consumers = play(scenario, before=lambda world: setattr(world, "unreachable", 3))

    assert happened == ["stop", "stop", "stop", "drain", "release", "assign"]
    assert consumers == 4


def test_a_read_that_failed_is_repeated():
    async def scenario(world):
        await world.reads()
        world.consumer.batches.append((P0, NotLeaderForPartitionError()))
        world.consumer.has(P0, 0)
        await until(lambda: world.stage.taken)
        return world.stage.taken, world.reader.is_reading

    assert play(scenario) == ([(0, 0)], True)


# Stopping


def test_closing_drains_then_commits_then_leaves():
    async def scenario(world):
        await world.reads()
        world.consumer.has(P0, 0, 1)
        await until(lambda: world.stage.taken)
        world.calls.clear()
        await world.reader.close()
        return [*world.calls], world.reader.is_reading

    calls, is_reading = play(scenario)

    assert calls == [("drain", 8.0), ("commit", {P0: OffsetAndMetadata(2, "map")}), ("stop",)]
    assert not is_reading


def test_what_is_settled_while_draining_at_the_end_is_committed():
    async def scenario(world):
        await world.reads()
        world.stage.drain_takes_s = 3.0
        closing = asyncio.create_task(world.reader.close())
        await until(lambda: "drain" in world.happened())
        world.stage.offsets[P1] = OffsetAndMetadata(9, "")
        await closing
        return world.commits()

    assert play(scenario) == [{P1: OffsetAndMetadata(9, "")}]


def test_nothing_is_handed_on_once_closing_began():
    async def scenario(world):
        await world.reads()
        world.agent.clear()
        world.consumer.has(P0, 0)
        await until(lambda: not world.consumer.batches)
        await world.reader.close()
        world.agent.set()
        await asyncio.sleep(10)
        return world.stage.taken

    assert play(scenario) == []


def test_closing_ends_although_the_broker_does_not_answer():
    async def scenario(world):
        await world.reads()
        world.consumer.stop_takes_s = 1000.0
        world.commit_troubles.append(1000.0)
        world.consumer.has(P0, 0)
        await until(lambda: world.stage.taken)
        begun_s = asyncio.get_running_loop().time()
        await world.reader.close()
        return asyncio.get_running_loop().time() - begun_s

    assert play(scenario) < 30


def test_a_service_that_is_stopped_without_being_closed_closes():
    async def scenario(world):
        await world.reads()
        world.consumer.has(P0, 0)
        await until(lambda: world.stage.taken)
        await world.reader.stop()
        return world.happened()[-3:]

    assert play(scenario) == ["drain", "commit", "stop"]


def test_closing_twice_is_closing_once():
    async def scenario(world):
        await world.reads()
        await world.reader.close()
        await world.reader.close()
        return world.happened()

    assert play(scenario) == ["drain", "stop"]


def test_closing_without_an_assignment_drains_and_commits_nothing():
    async def scenario(world):
        await asyncio.sleep(1)
        await world.reader.close()
        return {*world.happened()}

    assert play(scenario, before=lambda world: setattr(world, "unreachable", 1000)) == {"stop"}


# All of it together: rebalances at any moment


class LogConsumer(FakeConsumer):
    """Reads a log of one partition from what was committed, as soon as the old assignment is over."""

    END = 60

    def __init__(self, world, settings):
        super().__init__(world, settings)
        self.position = 0

    async def getmany(self, *partitions, timeout_ms=0, max_records=None):
        if partitions:
            return {}
        await asyncio.sleep(0.05)
        offsets = range(self.position, min(self.position + max_records, self.END))
        self.position = max(self.position, offsets.stop)
        return {P0: [record(offset) for offset in offsets]} if offsets else {}

    async def commit(self, offsets):
        self.world.committed.update(offsets)

    async def reassign(self, assign_s):
        await self.revoke()
        self.position = self.world.committed[P0].offset if P0 in self.world.committed else 0
        await asyncio.sleep(assign_s)
        await self.assign({P0})


class LateStage(RecordingStage):
    """Settles so many records late, and notes each assignment apart."""

    def __init__(self, late):
        super().__init__()
        self.late = late
        self.assignments = []

    def assign(self, assignment):
        begin = assignment.committed[P0].offset if assignment.committed.get(P0) else 0
        self.assignments.append((begin, []))

    async def take(self, partition, records):
        self.assignments[-1][1].extend(each.offset for each in records)

    def commits(self):
        if not self.assignments:
            return {}
        begin, taken = self.assignments[-1]
        is_over = taken and taken[-1] == LogConsumer.END - 1
        return {P0: OffsetAndMetadata(begin + max(len(taken) - (0 if is_over else self.late), 0), "")}


MOMENTS = st.floats(0, 3)


@settings(deadline=None, max_examples=60)
@given(
    rebalances=st.lists(st.tuples(MOMENTS, MOMENTS, MOMENTS), max_size=5),
    agent_s=st.sampled_from([0.0, 0.03, 0.4]),
    late=st.integers(0, 12),
)
def test_every_assignment_begins_where_was_committed_and_misses_nothing(rebalances, agent_s, late):
    async def scenario():
        world = World(LIMITS._replace(records=64))
        world.stage = world.reader._stage = LateStage(late)
        async with working(world, LogConsumer, agent_s=agent_s):
            await world.reads()
            for after_s, drain_s, assign_s in rebalances:
                await asyncio.sleep(after_s)
                world.stage.drain_takes_s = drain_s
                await world.consumer.reassign(assign_s)
            await until(lambda: world.committed.get(P0, (0,))[0] == LogConsumer.END)
        return world.stage.assignments

    assignments = run(scenario())

    for begin, taken in assignments:
        assert taken == list(range(begin, begin + len(taken)))


# On a real Kafka


@asynccontextmanager
async def reading(cluster, topic, group, stage):
    """A reader with its agent, until the end of the block."""
    channel = asyncio.Queue(maxsize=2)
    reader = BatchReader(
        topic=topic,
        group=group,
        stage=stage,
        channel=channel,
        limits=LIMITS._replace(commit_every_s=0.1, session_s=6.0),
        connection={"bootstrap_servers": cluster.bootstrap_servers},
    )

    async def work():
        while True:
            await reader.hand_over(await channel.get())

    agent = asyncio.create_task(work())
    await reader.start()
    try:
        yield reader
    finally:
        await reader.close()
        await reader.stop()
        agent.cancel()


@pytest.mark.kafka
async def test_a_reader_commits_what_was_settled_and_the_next_one_goes_on_from_there(cluster):
    topic, group = cluster.topic(), cluster.name("group")
    place = TopicPartition(topic, 0)
    cluster.write(topic, [b"%d" % number for number in range(100)])
    one, two = RecordingStage(), RecordingStage()
    async with reading(cluster, topic, group, one):
        await eventually_async(lambda: len(one.taken) == 100, 15)
    committed = cluster.committed(group, topic)
    cluster.write(topic, [b"100"])

    async with reading(cluster, topic, group, two):
        await eventually_async(lambda: two.taken, 15)

    assert one.taken == [(0, offset) for offset in range(100)]
    assert committed == 100
    assert ("assign", {place: OffsetAndMetadata(100, "map")}) in two.calls
    assert two.taken == [(0, 100)]


@pytest.mark.kafka
async def test_readers_that_come_and_go_share_the_partitions_and_miss_and_repeat_nothing(cluster):
    topic, group = cluster.topic(partitions=4), cluster.name("group")
    stages = [RecordingStage(), RecordingStage()]

    async def write(begin):
        for partition in range(4):
            await asyncio.to_thread(cluster.write, topic, [b"%d" % (begin + n) for n in range(50)], partition)

    def taken():
        return sum(len(stage.taken) for stage in stages)

    await write(0)
    async with reading(cluster, topic, group, stages[0]) as one:
        await eventually_async(lambda: stages[0].taken, 15)
        async with reading(cluster, topic, group, stages[1]) as two:
            await write(50)
            await eventually_async(lambda: len(one.assigned) == len(two.assigned) == 2, 15)
            await write(100)
            await eventually_async(lambda: taken() == 600, 15)
        await eventually_async(lambda: len(one.assigned) == 4, 15)
        await write(150)
        await eventually_async(lambda: taken() == 800, 15)

    for partition in range(4):
        found = [offset for stage in stages for number, offset in stage.taken if number == partition]
        assert sorted(found) == list(range(200))
        assert cluster.committed(group, topic, partition) == 200
    assert len(stages[1].taken) >= 100


@pytest.mark.kafka
async def test_a_reader_whose_commits_cannot_be_found_asks_for_a_new_assignment(cluster, monkeypatch):
    topic, group, stage = cluster.topic(), cluster.name("group"), RecordingStage()
    cluster.write(topic, [b"0", b"1"])
    troubles = [NotLeaderForPartitionError(), KafkaConnectionError()]

    async def fetch(consumer, partitions):
        if troubles:
            raise troubles.pop()
        return await committed_with_metadata(consumer, partitions)

    monkeypatch.setattr("connector.edges.batch_reader.committed_with_metadata", fetch)

    async with reading(cluster, topic, group, stage) as reader:
        await eventually_async(lambda: stage.taken, 15)

        assert reader.is_reading
    assert (stage.taken, troubles) == ([(0, 0), (0, 1)], [])
