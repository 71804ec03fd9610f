"""What is counted adds up: every record and every request is in exactly one place."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.outcome import Reply
from connector.delivery.planner import unreadable
from connector.delivery.stats import LastError
from connector.errors import UnreadableRecord
from tests.builders import letter_task, record, request_task
from tests.delivery.setup import WALL_S, plan_several, play, until
from tests.fakes import BROKEN, OK, REFUSED, TIMEOUT, KeptDeadLetters, ScriptedSender

ONE = "Track Event", "trackEvent"
NOW = WALL_S + 1000.0  # when the loop begins


def check(setup):
    """Compare both sums, as DeliveryStats has them, at this moment."""
    stats, works = setup.stats, {lane.works[0] for lane in setup.dispatcher._lanes}
    assert stats.received == stats.repeated + stats.settled + stats.handed_over + now_held(setup)
    assert stats.matched >= 0
    opened = Counter(work.begun[0] for work in works if work.begun is not None)
    ended = Counter()
    for (mapping, _), count in [*stats.delivered.items(), *stats.withdrawn.items()]:
        ended[mapping] += count
    for (_, mapping), count in stats.dead_letters.items():
        ended[mapping] += count
    ended[""] -= stats.unreadable
    planned = Counter()
    for (mapping, _), count in stats.planned.items():
        planned[mapping] += count
    assert planned == ended + opened


def now_held(setup):
    return setup.dispatcher.held_records - setup.dispatcher._handed_over


def test_a_request_is_planned_and_retried_once_however_often_it_is_tried():
    async def scenario(setup):
        setup.submit(record(0), record(1))
        await setup.settled()
        check(setup)

    setup, _ = play(scenario, sender=ScriptedSender(BROKEN, BROKEN, BROKEN, OK, OK))

    assert setup.stats.planned == setup.stats.delivered == {ONE: 2}
    assert (setup.stats.retried, setup.stats.retries, setup.stats.matched) == ({ONE: 1}, 3, 2)


def test_a_record_that_holds_no_event_is_unreadable_and_plans_nothing():
    async def scenario(setup):
        setup.submit(record(0))
        await setup.settled()
        check(setup)

    error = UnreadableRecord("not_json", "the value is not JSON")
    setup, _ = play(scenario, plan=lambda _: (unreadable(error),))

    assert (setup.stats.unreadable, setup.stats.matched, setup.stats.filtered) == (1, 0, 0)
    assert setup.stats.planned == {}
    assert setup.stats.last_errors == {}


def test_the_deletion_of_a_person_is_a_request_without_a_mapping():
    async def scenario(setup):
        setup.submit(record(0), record(1))
        await setup.settled()
        check(setup)

    deletion = request_task(b"x", mapping="", action="deletePerson")
    setup, _ = play(scenario, plan=lambda _: (deletion,), sender=ScriptedSender(REFUSED, OK))

    assert (setup.stats.unreadable, setup.stats.matched) == (0, 2)
    assert setup.stats.planned == {("", "deletePerson"): 2}


def test_a_request_that_another_configuration_does_not_have_is_withdrawn():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: setup.sender.sent)
        await asyncio.sleep(0.1)
        setup.reconfigure(plan_several("b"), version="v2")
        await setup.settled()
        check(setup)

    setup, _ = play(scenario, plan=plan_several("a"), sender=ScriptedSender(BROKEN), base_s=100.0)

    assert setup.stats.planned == {("a", "trackEvent"): 1, ("b", "trackEvent"): 1}
    assert setup.stats.withdrawn == {("a", "trackEvent"): 1}
    assert setup.stats.delivered == {("b", "trackEvent"): 1}


def test_a_request_that_another_configuration_has_as_well_is_planned_once():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: setup.sender.sent)
        await asyncio.sleep(0.1)
        setup.reconfigure(plan_several("a", "b"), version="v2")
        await setup.settled()
        check(setup)

    setup, _ = play(scenario, plan=plan_several("a"), sender=ScriptedSender(BROKEN), base_s=100.0)

    assert setup.stats.planned == {("a", "trackEvent"): 1, ("b", "trackEvent"): 1}
    assert setup.stats.withdrawn == {}


def test_what_is_held_at_the_end_of_an_assignment_is_handed_over_once():
    async def scenario(setup):
        setup.submit(record(0, "u1"), record(1, "u1"), record(2, "u2"))
        await until(lambda: setup.stats.settled == 1)
        await setup.dispatcher.drain(1.0)
        await setup.hand_over(record(0, "u1"), record(1, "u1"), record(2, "u2"))
        await setup.settled()
        check(setup)

    setup, _ = play(scenario, sender=ScriptedSender(by_body={b"u1.0": [BROKEN]}), base_s=50.0)

    assert (setup.stats.received, setup.stats.repeated, setup.stats.settled) == (6, 1, 3)
    assert (setup.stats.handed_over, setup.stats.withdrawn) == (2, {ONE: 1})
    assert setup.stats.planned == {ONE: 4}


def test_the_last_error_of_a_mapping_has_code_status_and_time():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: setup.stats.last_errors)
        first = dict(setup.stats.last_errors)
        await setup.settled()
        return first

    sender = ScriptedSender(BROKEN, REFUSED, latency_s=1.0)
    setup, first = play(scenario, sender=sender, base_s=2.0)

    assert first == {"Track Event": LastError("transient", 500, NOW + 1.0)}
    assert setup.stats.last_errors == {"Track Event": LastError("rejected", 400, NOW + 3.0)}


def test_what_cannot_be_planned_is_an_error_of_its_mapping_too():
    async def scenario(setup):
        setup.submit(record(0))
        await setup.settled()

    setup, _ = play(scenario, plan=lambda _: (letter_task("missing_field"),))

    assert setup.stats.last_errors == {"Track Event": LastError("missing_field", None, NOW)}


def source(milliseconds):
    return (("trace", b"1"), ("encharge.source", b"segment.events/1/5/" + milliseconds))


@pytest.mark.parametrize(
    ("headers", "delay_s"),
    [
        pytest.param(source(b"%d" % ((NOW - 60) * 1000)), 61.0, id="forwarded by ingest"),
        pytest.param((), 11.0, id="read from the source"),
        pytest.param((("trace", b"1"),), 11.0, id="only headers of others"),
        pytest.param(
            (*source(b"%d" % ((NOW - 60) * 1000)), ("encharge.redriven_from", b"d/0/1")), 11.0, id="redriven"
        ),
        pytest.param(source(b"-1"), 11.0, id="source without a time"),
        pytest.param(source(b"9" * 5000), 11.0, id="absurd time"),
        pytest.param(source("²".encode()), 11.0, id="no number"),
        pytest.param((("encharge.source", None),), 11.0, id="null"),
        pytest.param((("encharge.source", b""),), 11.0, id="empty"),
    ],
)  # fmt: skip
def test_the_delay_is_from_produce_to_acceptance(headers, delay_s):
    async def scenario(setup):
        setup.submit(record(0, headers=headers, timestamp=int((NOW - 10) * 1000)))
        await setup.settled()

    setup, _ = play(scenario, sender=ScriptedSender(latency_s=1.0))

    assert setup.stats.delivered == {ONE: 1}
    assert setup.stats.delay.total_s == pytest.approx(delay_s)


def plan_by_value(each):
    """Plan what the value names: a, b requests; l a letter; u unreadable; x fails; | the next event."""

    def tasks(number, names):
        return tuple(task(name)._replace(event=number) for name in names)

    def task(name):
        if name == "u":
            return unreadable(UnreadableRecord("not_json", "the value is not JSON"))
        if name == "l":
            return letter_task("missing_field", mapping="l")
        if name == "d":
            return request_task(each.value, mapping="", action="deletePerson")
        if name == "x":
            raise ZeroDivisionError
        return request_task(each.value, mapping=name)

    events = each.value.decode().split("|")
    return tasks(0, events[0]) if len(events) == 1 else (tasks(*item) for item in enumerate(events))


def without_a(each):
    return plan_by_value(each._replace(value=each.value.replace(b"a", b"")))


def nothing(_each):
    return ()


VALUES = st.sampled_from(
    (b"", b"a", b"a", b"ab", b"b", b"l", b"u", b"d", b"al", b"x", b"a|b", b"a|x", b"|", b"ba|a")
)
ANSWERS = st.sampled_from((OK, OK, REFUSED, BROKEN, BROKEN, TIMEOUT, Reply(429), ZeroDivisionError()))
STEPS = st.one_of(
    st.tuples(st.just("submit"), st.tuples(st.sampled_from(("u1", "u2", "")), VALUES)),
    st.tuples(st.just("wait"), st.sampled_from((0.0, 0.01, 0.05, 1.0, 30.0))),
    st.tuples(st.just("plan"), st.sampled_from((plan_by_value, without_a, nothing))),
    st.tuples(st.just("plan"), st.just(without_a)),
    st.tuples(st.just("same"), st.none()),
    st.tuples(st.just("hand_over"), st.sampled_from((0.0, 0.01, 5.0))),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(STEPS, min_size=5, max_size=40), st.lists(ANSWERS, min_size=5, max_size=30), st.integers(0, 3)
)
def test_sums_hold_at_any_moment_whatever_happens(taken, answers, failures):
    async def scenario(setup):
        kept = []
        for number, (name, value) in enumerate(taken):
            match name:
                case "submit":
                    kept.append(record(len(kept), *value))
                    setup.submit(kept[-1])
                case "wait":
                    await asyncio.sleep(value)
                case "plan":
                    setup.reconfigure(value, version=f"v{number}", discards=value is nothing)
                case "same":
                    setup.reconfigure()
                case "hand_over" if kept:
                    await setup.hand_over(*kept, drain_s=value)
            check(setup)
        await setup.settled()
        check(setup)
        setup.total = len(kept)

    letters = KeptDeadLetters(failures=failures)
    setup, _ = play(scenario, plan=plan_by_value, sender=ScriptedSender(*answers), letters=letters)

    assert setup.total == setup.stats.settled
    assert now_held(setup) == 0
