"""The dispatcher in virtual time: order, retries, dead letters, draining."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.dispatcher import Configuration, Context, Dispatcher, Taken
from connector.delivery.flood_guard import FloodPolicy
from connector.delivery.flow import Flow, FlowPolicy
from connector.delivery.limiter import LimiterPolicy
from connector.delivery.offset_map import decode_map
from connector.delivery.offsets import OffsetTracker
from connector.delivery.response_rules import read_rules
from connector.delivery.retry import RetryPolicy
from connector.delivery.stats import DeliveryStats
from tests.builders import Place, letter_task, plan_one_request, record, request_task
from tests.fakes import (
    BROKEN,
    OK,
    REFUSED,
    TIMEOUT,
    FixedDice,
    KeptDeadLetters,
    ScriptedAccount,
    ScriptedSender,
)
from tests.virtual_time import run

PLACE = Place()


class Setup:
    """A dispatcher with its fakes."""

    def __init__(
        self,
        sender=None,
        letters=None,
        plan=plan_one_request,
        max_in_flight=8,
        places=(PLACE,),
        most_per_lane=1000,
        flood=None,
        rules=None,
        **policy,
    ):
        self.sender = sender or ScriptedSender()
        self.letters = letters or KeptDeadLetters()
        self.stats = DeliveryStats()
        loop = asyncio.get_running_loop()
        self.account = ScriptedAccount()
        self.flow = Flow(
            FlowPolicy(
                limiter=LimiterPolicy(most_in_flight=max_in_flight),
                flood=flood or FloodPolicy(run=0, share=1),
            ),
            loop.time(),
        )
        self.context = Context(
            configuration=Configuration("test", "v1", plan, read_rules(rules)),
            sender=self.sender,
            account=self.account,
            dead_letters=self.letters,
            dice=FixedDice(),
            clock=loop.time,
            wall_clock=lambda: 0.0,
            policy=RetryPolicy(**policy),
            flow=self.flow,
            most_in_flight=max_in_flight,
            most_per_lane=most_per_lane,
            stats=self.stats,
        )
        self.lease_until_s = float("inf")
        self.begin({place: Taken(OffsetTracker()) for place in places})

    def begin(self, partitions):
        """Begin an assignment."""
        self.dispatcher = Dispatcher(self.context, partitions, lambda: self.lease_until_s)

    def submit(self, *records):
        for each in records:
            self.dispatcher.submit(Place(each.topic, each.partition), [each])

    async def settled(self):
        await self.dispatcher.room(1, 1)

    def watermark(self, place=PLACE):
        commit = self.dispatcher.commits().get(place)
        return None if commit is None else commit.watermark


def test_records_of_one_person_are_sent_one_after_the_other():
    async def scenario():
        setup = Setup()
        setup.submit(*(record(offset) for offset in range(5)))
        await setup.settled()
        return setup

    setup = run(scenario())

    assert setup.sender.sent == [b"u1.0", b"u1.1", b"u1.2", b"u1.3", b"u1.4"]
    assert setup.sender.most_under_way == 1
    assert setup.watermark() == 5


def test_records_of_several_people_are_sent_at_once_up_to_the_limit():
    async def scenario():
        setup = Setup(max_in_flight=8)
        setup.submit(*(record(offset, person=f"u{offset}") for offset in range(40)))
        await setup.settled()
        return setup

    setup = run(scenario())

    assert setup.sender.most_under_way == 8
    assert setup.watermark() == 40


def test_a_failing_person_holds_back_only_itself():
    async def scenario():
        sender = ScriptedSender(by_body={b"u1.0": [BROKEN, TIMEOUT, BROKEN]})
        setup = Setup(sender)
        setup.submit(record(0, "u1"), record(1, "u2"), record(2, "u1"), record(3, "u2"))
        while setup.stats.settled < 2:
            await asyncio.sleep(0.01)
        while_waiting = setup.watermark(), setup.dispatcher.commits()[PLACE].metadata
        await setup.settled()
        return setup, while_waiting

    setup, (watermark, metadata) = run(scenario())

    assert [body for body in setup.sender.sent if body.startswith(b"u1")] == [b"u1.0"] * 4 + [b"u1.2"]
    assert setup.sender.sent.index(b"u2.3") < setup.sender.sent.index(b"u1.2")
    assert watermark == 0
    assert metadata == "1:1.1,1.1"  # 1 and 3 are done, 0 and 2 are not
    assert setup.watermark() == 4
    assert setup.stats.retries == 3


def test_of_several_requests_only_the_failed_one_is_repeated():
    def plan(each):
        return tuple(request_task(each.value + suffix) for suffix in (b"-a", b"-b", b"-c"))

    async def scenario():
        setup = Setup(ScriptedSender(by_body={b"u1.0-b": [BROKEN, BROKEN]}), plan=plan)
        setup.submit(record(0), record(1))
        await setup.settled()
        return setup.sender.sent

    sent = run(scenario())

    assert sent == [
        b"u1.0-a", b"u1.0-b", b"u1.0-b", b"u1.0-b", b"u1.0-c", b"u1.1-a", b"u1.1-b", b"u1.1-c",
    ]  # fmt: skip


def test_a_rejected_request_becomes_a_dead_letter_and_the_others_go_on():
    def plan(each):
        return tuple(request_task(each.value + suffix, mapping=suffix.decode()) for suffix in (b"-a", b"-b"))

    async def scenario():
        setup = Setup(ScriptedSender(by_body={b"u1.0-a": [REFUSED]}), plan=plan)
        setup.submit(record(0))
        await setup.settled()
        return setup

    setup = run(scenario())

    assert setup.sender.sent == [b"u1.0-a", b"u1.0-b"]
    [letter] = setup.letters.letters
    assert (letter.key, letter.value, letter.code) == (b"u1", b"u1.0", "rejected")
    headers = {name: value.decode() for name, value in letter.headers}
    assert headers["encharge.mapping"] == "-a"
    assert headers["encharge.http_status"] == "400"
    assert headers["encharge.response"] == "said 400 errorCode=E400 traceId=t1"
    assert headers["encharge.attempts"] == "1"
    assert headers["__connect.errors.offset"] == "0"
    assert setup.watermark() == 1


def test_what_cannot_be_planned_becomes_a_dead_letter_without_a_request():
    async def scenario():
        setup = Setup(plan=lambda each: (letter_task("invalid_payload"), request_task(each.value)))
        setup.submit(record(0))
        await setup.settled()
        return setup

    setup = run(scenario())

    assert setup.letters.codes() == ["invalid_payload"]
    assert setup.sender.sent == [b"u1.0"]


def test_a_record_that_matches_nothing_is_settled_without_a_request():
    async def scenario():
        setup = Setup(plan=lambda _: ())
        setup.submit(record(0))
        await setup.settled()
        return setup

    setup = run(scenario())

    assert (setup.sender.sent, setup.watermark(), setup.stats.filtered) == ([], 1, 1)


@pytest.mark.parametrize("culprit", ["plan", "send"])
def test_an_unexpected_error_becomes_a_dead_letter_and_the_lane_goes_on(culprit):
    def plan(each):
        if culprit == "plan" and each.offset == 0:
            raise ZeroDivisionError
        return plan_one_request(each)

    async def scenario():
        script = {b"u1.0": [ZeroDivisionError()]} if culprit == "send" else {}
        setup = Setup(ScriptedSender(by_body=script), plan=plan)
        setup.submit(record(0), record(1))
        await setup.settled()
        return setup

    setup = run(scenario())

    assert setup.letters.codes() == ["internal"]
    assert setup.sender.sent[-1] == b"u1.1"
    assert setup.watermark() == 2


def test_a_request_that_keeps_failing_is_given_up_when_the_window_is_over():
    async def scenario():
        setup = Setup(ScriptedSender(by_body={b"u1.0": [BROKEN] * 1000}), window_s=60.0, cap_s=10.0)
        setup.submit(record(0), record(1))
        await setup.settled()
        return setup

    setup = run(scenario())

    assert setup.letters.codes() == ["retry_window"]
    assert setup.sender.times_s[-2] - setup.sender.times_s[0] >= 60.0
    assert setup.sender.sent[-1] == b"u1.1"


def test_a_dead_letter_that_cannot_be_written_holds_the_lane_and_sends_nothing_twice():
    async def scenario():
        letters = KeptDeadLetters(failures=5)
        setup = Setup(ScriptedSender(by_body={b"u1.0": [REFUSED]}), letters)
        setup.submit(record(0), record(1))
        while letters.attempts < 3:
            await asyncio.sleep(0.01)
        while_waiting = list(setup.sender.sent), setup.watermark()
        await setup.settled()
        return setup, while_waiting

    setup, while_waiting = run(scenario())

    assert while_waiting == ([b"u1.0"], 0)
    assert setup.sender.sent == [b"u1.0", b"u1.1"]
    assert setup.letters.codes() == ["rejected"]


def test_a_drain_finishes_what_is_under_way_and_starts_nothing_more():
    async def scenario():
        setup = Setup(ScriptedSender(latency_s=1.0), max_in_flight=2)
        setup.submit(record(0, "u1"), record(1, "u2"), record(2, "u1"), record(3, "u3"))
        await asyncio.sleep(0.5)
        await setup.dispatcher.drain(8.0)
        return setup

    setup = run(scenario())

    assert sorted(setup.sender.sent) == [b"u1.0", b"u2.1"]
    assert setup.watermark() == 2


def test_a_drain_finishes_all_requests_of_a_record_that_was_begun():
    def plan(each):
        return tuple(request_task(each.value + suffix) for suffix in (b"-a", b"-b", b"-c"))

    async def scenario():
        setup = Setup(ScriptedSender(latency_s=1.0), plan=plan)
        setup.submit(record(0), record(1))
        await asyncio.sleep(0.5)
        await setup.dispatcher.drain(8.0)
        return setup

    setup = run(scenario())

    assert setup.sender.sent == [b"u1.0-a", b"u1.0-b", b"u1.0-c"]
    assert setup.watermark() == 1


def test_a_drain_ends_at_its_deadline():
    async def scenario():
        setup = Setup(ScriptedSender(latency_s=100.0))
        setup.submit(record(0))
        await asyncio.sleep(0.5)
        begun = asyncio.get_running_loop().time()
        await setup.dispatcher.drain(8.0)
        return setup, asyncio.get_running_loop().time() - begun

    setup, took_s = run(scenario())

    assert took_s == pytest.approx(8.0)
    assert setup.watermark() == 0
    assert setup.flow.limiter.in_flight == 0


def test_a_drain_does_not_wait_for_retries():
    async def scenario():
        setup = Setup(ScriptedSender(by_body={b"u1.0": [BROKEN] * 100}), base_s=100.0)
        setup.submit(record(0))
        await asyncio.sleep(1.0)
        begun = asyncio.get_running_loop().time()
        await setup.dispatcher.drain(8.0)
        return asyncio.get_running_loop().time() - begun

    assert run(scenario()) < 0.001


def test_records_without_a_key_keep_nobody_waiting():
    async def scenario():
        setup = Setup()
        setup.submit(*(record(offset, person=None, value=b"x") for offset in range(5)))
        await setup.settled()
        return setup

    assert run(scenario()).sender.most_under_way == 5


ANSWERS = st.lists(st.sampled_from([OK, OK, OK, BROKEN, TIMEOUT, REFUSED]), max_size=200)
PEOPLE = st.lists(st.integers(0, 4), min_size=1, max_size=40)


@settings(deadline=None, max_examples=60)
@given(PEOPLE, ANSWERS, st.integers(1, 6), st.floats(0, 30))
def test_every_record_is_settled_once_and_in_order_per_person(people, answers, max_in_flight, drain_after_s):
    """Any answers, any number of workers, a drain and a new owner in the middle: nothing lost, order kept."""
    records = [record(offset, f"u{person}") for offset, person in enumerate(people)]
    delivered, letters = [], KeptDeadLetters()

    class Noting(ScriptedSender):
        async def send(self, request):
            answer = await super().send(request)
            if answer is OK:
                delivered.append(request.body)
            return answer

    async def scenario():
        sender = Noting(*answers)
        first = Setup(sender, letters, max_in_flight=max_in_flight, cap_s=5.0)
        first.submit(*records)
        await asyncio.sleep(drain_after_s)
        await first.dispatcher.drain(8.0)
        commit = first.dispatcher.commits()[PLACE]

        second = Setup(sender, letters, max_in_flight=max_in_flight, cap_s=5.0)
        left = decode_map(commit.watermark, commit.metadata)
        second.begin({PLACE: Taken(OffsetTracker(commit.watermark, left.completed), left)})
        second.submit(*records[commit.watermark :])
        await second.settled()
        return second

    second = run(scenario())

    settled = delivered + [letter.value for letter in letters.letters]
    assert sorted(settled) == sorted(each.value for each in records)
    for person in set(people):
        of_person = [body for body in delivered if body.startswith(b"u%d." % person)]
        assert of_person == sorted(of_person, key=lambda body: int(body.split(b".")[1]))
    assert second.watermark() == len(records)
