"""The flow: what every start and every outcome means for gate, breaker, limiter and guard together."""

import math

import pytest

from connector.delivery.breaker import LEAST_LANES
from connector.delivery.flood_guard import FloodPolicy
from connector.delivery.flow import Flow, FlowPolicy
from connector.delivery.gate import FIRST_TRIAL_S, Closed, Shut
from connector.delivery.limiter import LimiterPolicy
from connector.delivery.outcome import Delivered, Rejected, Throttled, Transient, Unauthorized

NEVER = math.inf
THROUGH = [Delivered(200), Rejected(400), Throttled(429, None), Throttled(429, 5.0), Throttled(400, None)]
NOT_THROUGH = [Transient("500", 500), Transient("timeout"), Throttled(503, 5.0), Unauthorized(401)]


def flow(most=100, flood=None, now_s=0.0):
    return Flow(
        FlowPolicy(limiter=LimiterPolicy(most_in_flight=most), flood=flood or FloodPolicy(run=0, share=1)),
        now_s,
    )


def end(one, outcome, *, lane="a", now_s=0.0, latency_s=0.1):
    """Start a request that ends so; give what the flow said."""
    trial = one.start(now_s)
    return one.ended(lane, outcome, latency_s=latency_s, now_s=now_s, trial=trial)


def outage(one, now_s=0.0):
    for lane in range(LEAST_LANES):
        end(one, Transient("500", 500), lane=lane, now_s=now_s)
    assert Shut.OUTAGE in one.gate.reasons


def test_while_the_gate_is_open_the_limiter_decides():
    one = flow(most=2)

    assert (one.room, one.wait_s(0.0)) == (2, 0.0)
    assert one.start(0.0) is False
    assert one.room == 1
    one.start(0.0)
    assert (one.room, one.wait_s(0.0)) == (0, NEVER)


def test_room_is_never_negative():
    one = flow(most=32)
    for _ in range(32):
        one.start(0.0)
    for _ in range(16):
        one.ended("a", Transient("timeout"), latency_s=1.0, now_s=0.0, trial=False)
        one.start(0.0)
    for _ in range(16):
        one.ended("a", Transient("timeout"), latency_s=1.0, now_s=0.0, trial=False)
        one.start(0.0)

    assert one.limiter.window < one.limiter.in_flight
    assert one.room == 0


def test_while_the_gate_is_shut_one_trial_may_start_in_time():
    one = flow()
    one.gate.shut(Shut.OUTAGE, 10.0)

    assert one.room == 1
    assert one.wait_s(10.0) == FIRST_TRIAL_S
    assert one.wait_s(11.0) == 0.0
    assert one.start(11.0) is True
    assert one.gate.on_trial
    assert one.wait_s(11.0) == NEVER


def test_a_full_window_does_not_keep_a_trial_from_starting():
    one = flow(most=1)
    one.start(0.0)
    one.gate.shut(Shut.OUTAGE, 0.0)

    assert one.wait_s(1.0) == 0.0


@pytest.mark.parametrize("reason", [Shut.FLOOD, Shut.PAUSED, Shut.DISABLED])
def test_while_people_keep_the_gate_shut_nothing_starts(reason):
    one = flow()
    one.gate.shut(reason, 0.0)

    assert one.wait_s(1e6) == NEVER


@pytest.mark.parametrize("outcome", THROUGH + NOT_THROUGH, ids=repr)
def test_every_outcome_ends_one_request(outcome):
    one = flow()

    assert end(one, outcome) is False
    assert one.limiter.in_flight == 0


# Outages


def test_many_people_failing_shut_the_gate_and_it_says_why():
    one = flow()

    outage(one, now_s=7.0)

    assert dict(one.gate.reasons) == {Shut.OUTAGE: Closed(7.0, "500")}


def test_refused_connections_shut_the_gate_soon():
    one = flow()

    for _ in range(3):
        assert not one.gate.reasons
        end(one, Transient("connect"))

    assert set(one.gate.reasons) == {Shut.OUTAGE}


@pytest.mark.parametrize("reason", ["500", "timeout", "read", "write", "protocol"])
def test_failures_that_an_event_may_cause_do_not_shut_it_for_one_person(reason):
    one = flow()

    for _ in range(100):
        end(one, Transient(reason))

    assert one.gate.is_open


@pytest.mark.parametrize("outcome", THROUGH, ids=repr)
def test_a_trial_that_shows_encharge_at_work_opens_the_gate(outcome):
    one = flow()
    outage(one)

    assert end(one, outcome, now_s=5.0) is True
    assert one.gate.is_open
    assert not one.gate.on_trial
    assert one.breaker.failing_lanes == 0


@pytest.mark.parametrize("outcome", NOT_THROUGH, ids=repr)
def test_a_trial_that_fails_leaves_it_shut_and_the_next_one_comes_later(outcome):
    one = flow()
    outage(one)

    assert end(one, outcome, now_s=5.0) is False
    assert not one.gate.is_open
    assert not one.gate.on_trial
    assert one.wait_s(5.0) > 0.0


@pytest.mark.parametrize("outcome", THROUGH, ids=repr)
def test_an_answer_to_an_older_request_opens_the_gate_too(outcome):
    one = flow()
    one.start(0.0)
    outage(one)

    assert one.ended("late", outcome, latency_s=9.0, now_s=9.0, trial=False) is True
    assert one.gate.is_open


@pytest.mark.parametrize("outcome", NOT_THROUGH, ids=repr)
def test_a_failure_of_an_older_request_does_not(outcome):
    one = flow()
    one.start(0.0)
    outage(one)

    assert one.ended("late", outcome, latency_s=9.0, now_s=9.0, trial=False) is False
    assert not one.gate.is_open


@pytest.mark.parametrize("reason", [Shut.PAUSED, Shut.CREDENTIALS, Shut.FLOOD])
def test_an_answer_to_an_older_request_ends_nothing_but_an_outage(reason):
    one = flow()
    one.start(0.0)
    one.gate.shut(reason, 0.0)
    one.gate.shut(Shut.OUTAGE, 0.0)

    assert one.ended("late", Delivered(200), latency_s=1.0, now_s=1.0, trial=False) is False
    assert set(one.gate.reasons) == {reason}


def test_after_an_outage_limiter_and_breaker_begin_anew():
    one = flow()
    for _ in range(40):
        end(one, Transient("timeout"))
    outage(one)
    assert one.limiter.window < 32

    end(one, Delivered(200), now_s=100.0)

    assert one.limiter.window == 32
    assert [end(one, Transient("500", 500), lane=lane, now_s=100.0) for lane in range(4)] == [False] * 4
    assert one.gate.is_open
    end(one, Transient("500", 500), lane=4, now_s=100.0)
    assert not one.gate.is_open


def test_the_person_whose_request_got_through_is_not_failing():
    one = flow()
    end(one, Transient("500", 500), lane="a")
    end(one, Transient("500", 500), lane="b")

    end(one, Delivered(200), lane="a")

    assert one.breaker.failing_lanes == 1


# Overload


@pytest.mark.parametrize(
    "outcome", [Transient("timeout"), Transient("503", 503), Throttled(503, 5.0)], ids=repr
)
def test_signs_of_overload_shrink_the_window(outcome):
    one = flow()

    for _ in range(32):
        end(one, outcome)

    assert one.limiter.window == 16


@pytest.mark.parametrize("outcome", [Transient("500", 500), Transient("read"), Unauthorized(401)], ids=repr)
def test_other_failures_tell_nothing_of_load(outcome):
    one = flow()

    for _ in range(100):
        end(one, outcome)

    assert one.limiter.window == 32


@pytest.mark.parametrize("outcome", [Delivered(200), Rejected(400)], ids=repr)
def test_answers_make_the_window_grow_unless_they_are_slow(outcome):
    fast, slow = flow(), flow()

    for _ in range(33):
        end(fast, outcome, latency_s=0.1)
    end(slow, outcome, latency_s=0.1)
    for _ in range(40):
        end(slow, outcome, latency_s=10.0)

    assert fast.limiter.window == 65
    assert slow.limiter.window < 32


def test_a_429_slows_the_pace_and_its_time_holds_all():
    one = flow()

    for now_s in (0.2, 0.4, 0.6, 0.8, 1.0):
        end(one, Throttled(429, 4.0), now_s=now_s)

    assert one.limiter.per_s is not None
    assert one.wait_s(1.0) >= 4.0 - 0.1


def test_a_503_that_asks_to_wait_does_not_slow_the_pace():
    one = flow()

    for number in range(20):
        end(one, Throttled(503, 4.0), now_s=number / 10)

    assert one.limiter.per_s is None


# Credentials


def test_a_refused_key_shuts_the_gate_and_it_says_why():
    one = flow()

    end(one, Unauthorized(403), now_s=5.0)

    assert dict(one.gate.reasons) == {Shut.CREDENTIALS: Closed(5.0, "HTTP 403")}


def test_a_request_that_told_nothing_is_given_back():
    one = flow()
    one.start(0.0)

    one.give_back(1.0, trial=False)

    assert one.limiter.in_flight == 0
    assert one.gate.is_open
    assert one.limiter.window == 32


def test_a_trial_that_told_nothing_is_a_trial_that_failed():
    one = flow()
    end(one, Unauthorized(401), now_s=0.0)
    one.start(1.0)

    one.give_back(1.5, trial=True)

    assert one.limiter.in_flight == 0
    assert set(one.gate.reasons) == {Shut.CREDENTIALS}
    assert one.wait_s(1.5) == 2.0


# Floods


def test_too_many_dead_letters_shut_the_gate_and_it_says_why():
    one = flow(flood=FloodPolicy(run=3, share=1))

    for _ in range(3):
        assert one.gate.is_open
        one.buried("a", "rejected", 5.0)

    assert dict(one.gate.reasons) == {
        Shut.FLOOD: Closed(5.0, "3 of the last 3 requests were given up, 3 in a row")
    }


def test_records_that_hold_no_event_are_no_flood():
    one = flow(flood=FloodPolicy(run=3, share=1))

    for _ in range(100):
        one.buried("a", "unreadable_not_json", 0.0)

    assert one.gate.is_open
    assert one.flood.run == 0


def test_a_delivered_request_ends_a_run_of_dead_letters_but_no_other_answer_does():
    one = flow(flood=FloodPolicy(run=3, share=1))
    for outcome in (Rejected(400), Throttled(429, None), Transient("500")):
        end(one, outcome)
        one.buried("a", "rejected", 0.0)
    assert set(one.gate.reasons) == {Shut.FLOOD}

    one = flow(flood=FloodPolicy(run=3, share=1))
    for _ in range(10):
        one.buried("a", "rejected", 0.0)
        one.buried("a", "rejected", 0.0)
        end(one, Delivered(200))
    assert one.gate.is_open


@pytest.mark.parametrize("code", ["retry_window", "unreadable_not_json"])
def test_a_person_whose_record_was_given_up_is_not_failing(code):
    one = flow()
    end(one, Transient("500", 500), lane="a")

    one.buried("a", code, 0.0)

    assert one.breaker.failing_lanes == 0


def test_resumed_after_a_flood_counting_begins_anew():
    one = flow(flood=FloodPolicy(run=3, share=1))
    for _ in range(3):
        one.buried("a", "rejected", 0.0)

    assert one.resume(Shut.FLOOD, 10.0) is True

    assert one.gate.is_open
    assert one.flood.run == 0


def test_resuming_something_else_does_not_forget_the_dead_letters():
    one = flow(flood=FloodPolicy(run=3, share=1))
    one.gate.shut(Shut.PAUSED, 0.0)
    one.buried("a", "rejected", 0.0)

    assert one.resume(Shut.PAUSED, 10.0) is True

    assert one.flood.run == 1


def test_resuming_what_was_not_shut_begins_nothing_anew():
    one = flow(most=200)
    for _ in range(10):
        end(one, Delivered(200))
    end(one, Transient("500", 500))

    assert one.resume(Shut.PAUSED, 10.0) is False

    assert one.limiter.window == 42
    assert one.breaker.failing_lanes == 1
