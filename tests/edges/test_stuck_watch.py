"""What is told of partitions that are stuck: stories of a real deliver stage, in virtual time."""

import asyncio

import structlog

from connector.delivery.gate import Shut
from connector.delivery.liveness import VERY_LONG, LiveLimits, ReaderVitals, Vitals, dead_reasons
from connector.delivery.waits import WaitKind
from connector.edges.stuck_watch import StuckWatch
from tests.builders import record
from tests.delivery.setup import PLACE, Setup, until
from tests.fakes import BROKEN, KeptDeadLetters, ScriptedSender
from tests.virtual_time import run

OTHER = PLACE._replace(partition=1)
AFTER_S = 300.0
LOOKS = {"stuck_after_s": AFTER_S, "every_s": 5.0}
LIMITS = LiveLimits(poll_s=300.0, stuck_after_s=AFTER_S, request_timeout_s=10.0)


class HangingSender:
    """Never answers, nor gives up."""

    async def send(self, _request):
        await asyncio.get_running_loop().create_future()


class World:
    """A deliver stage, its watch, and what was logged of stuck partitions so far."""

    def __init__(self, lines, **options):
        self.setup = Setup(**options)
        self.watch = StuckWatch(self.setup.stage, self.setup.flow, clock=self.setup.now_s, **LOOKS)
        self.lines = lines

    def told(self):
        """Give what was logged since the last time."""
        ours = ("partitions do not move", "partitions move again", "state of the worker")
        found = [line for line in self.lines if line["event"] in ours]
        self.lines.clear()
        return found

    def is_dead(self):
        vitals = Vitals(
            [ReaderVitals("by-user", is_reading=True, polled_s=self.setup.now_s(), revoking_s=None)],
            has_crashed=False,
            stuck=self.watch.stuck,
            busy=self.setup.stage.busy,
        )
        return [reason.code for reason in dead_reasons(vitals, LIMITS, self.setup.now_s())]


def play(scenario, **options):
    """Play a scenario, a coroutine function of a World whose watch looks on."""

    async def played():
        with structlog.testing.capture_logs() as lines:
            world = World(lines, **options)
            world.watch.start()
            found = await scenario(world)
            await world.watch.stop()
            return found

    return run(played())


def test_a_person_whose_request_fails_again_and_again_is_told_once_and_when_it_gets_through():
    sender = ScriptedSender(by_body={b"u1.0": [BROKEN] * 9})

    async def scenario(world):
        world.setup.submit(record(0, "u1"), record(1, "u2"), record(2, "u1"))
        await asyncio.sleep(AFTER_S - 10)
        before = world.told(), world.watch.count()
        await until(lambda: world.watch.count())
        first, count = world.told(), world.watch.count()
        await asyncio.sleep(60)
        still = world.told()
        await world.setup.settled()
        await asyncio.sleep(6)
        return before, first, count, still, world.told(), world.watch.count()

    before, first, count, still, last, left = play(scenario, sender=sender, base_s=100.0, cap_s=100.0)

    assert before == ([], 0)
    warning, state = first
    assert (warning["log_level"], warning["count"], warning["partitions"]) == ("warning", 1, "0")
    assert warning["waits_for"].startswith("person's request retrying since 5 min")
    assert "u1" not in str(first)
    assert (state["log_level"], state["in_flight"], state["failing_persons"]) == ("warning", 0, 1)
    assert state["partitions"]["0"].startswith("watermark 0, held 2, waits for person's request retrying")
    assert (count, still) == (1, [])
    assert [(line["event"], line["log_level"], line["stuck"]) for line in last] == [("partitions move again", "info", 0)]  # fmt: skip
    assert left == 0


def test_all_that_a_pause_holds_is_one_line_and_a_worker_that_is_paused_for_a_day_is_live():
    async def scenario(world):
        world.setup.stage.shut(Shut.PAUSED, "ops")
        world.setup.submit(record(0, "u1"), record(0, "u2", partition=1))
        await asyncio.sleep(86_400)
        told = world.told()
        dead = world.is_dead()
        world.setup.stage.resume(Shut.PAUSED)
        await world.setup.settled()
        await asyncio.sleep(6)
        return told, dead, world.told()

    told, dead, after = play(scenario, places=(PLACE, OTHER))

    assert (told[0]["event"], told[0]["partitions"]) == ("partitions do not move", "0, 1")
    assert told[0]["waits_for"].startswith("paused: by command")
    assert [line["event"] for line in told[1:]] == ["state of the worker"]
    assert dead == []
    assert [(line["event"], line["partitions"]) for line in after] == [("partitions move again", "0, 1")]


def test_an_outage_of_hours_leaves_the_worker_live():
    async def scenario(world):
        world.setup.submit(*(record(number, f"u{number}") for number in range(30)))
        await asyncio.sleep(6 * 3600)
        return world.watch.stuck[0].wait.kind, world.is_dead()

    sender = ScriptedSender(*[BROKEN] * 100_000)

    assert play(scenario, sender=sender) == (WaitKind.OUTAGE, [])


def test_a_dead_letter_topic_that_cannot_be_written_leaves_the_worker_live():
    async def scenario(world):
        world.setup.submit(record(0))
        await asyncio.sleep(2 * VERY_LONG * AFTER_S)
        return world.watch.stuck[0].wait.kind, world.is_dead()

    letters = KeptDeadLetters(failures=100_000)
    sender = ScriptedSender(ValueError("the sender is broken"))

    assert play(scenario, sender=sender, letters=letters) == (WaitKind.DEAD_LETTER, [])


def test_a_sender_that_never_gives_up_makes_the_worker_dead_after_a_very_long_time():
    async def scenario(world):
        world.setup.submit(record(0))
        await asyncio.sleep(VERY_LONG * AFTER_S - 10)
        before = world.is_dead()
        await asyncio.sleep(20)
        found = before, world.is_dead()
        await world.setup.dispatcher.drain(0.1)
        return found

    assert play(scenario, sender=HangingSender()) == ([], ["partition_stuck"])


def test_requests_under_way_are_work_and_workers_that_wait_for_some_are_not():
    async def scenario(world):
        idle = world.setup.stage.busy
        world.setup.submit(record(0, "u1"), record(1, "u2"), record(2, "u1"))
        await asyncio.sleep(0.5)
        working = world.setup.stage.busy
        await world.setup.settled()
        await asyncio.sleep(0)
        return idle, working, world.setup.stage.busy

    assert play(scenario, sender=ScriptedSender(latency_s=1.0)) == (0, 2, 0)


def test_another_partition_that_gets_stuck_is_told_and_the_state_only_with_the_first():
    async def scenario(world):
        world.setup.stage.shut(Shut.PAUSED)
        world.setup.submit(record(0))
        await asyncio.sleep(100)
        world.setup.submit(record(0, "u2", partition=1))
        await asyncio.sleep(2 * AFTER_S)
        return world.told()

    told = play(scenario, places=(PLACE, OTHER))

    assert [
        (line["event"], line["partitions"]) for line in told if line["event"] != "state of the worker"
    ] == [
        ("partitions do not move", "0"),
        ("partitions do not move", "1"),
    ]
    assert len(told) == 3


def test_a_look_that_fails_is_told_and_does_not_end_the_looking():
    class Stage:
        busy = 0
        looks = 0

        def progress(self):
            self.looks += 1
            raise ZeroDivisionError

    async def scenario():
        stage = Stage()
        with structlog.testing.capture_logs() as lines:
            watch = StuckWatch(stage, None, **LOOKS)
            watch.start()
            await until(lambda: stage.looks == 2)
            await watch.stop()
        return [line["event"] for line in lines]

    assert run(scenario()) == ["partitions could not be looked at"] * 2
