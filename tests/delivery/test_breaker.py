"""The breaker: an outage, or single people's events."""

import pytest

from connector.delivery.breaker import FAILING_SHARE, LEAST_CERTAIN, LEAST_LANES, QUIET_S, SAMPLE, Breaker


def fail(breaker, *lanes, now_s=0.0, certain=False):
    """Let each lane fail once; give what the breaker said."""
    return [breaker.failed(lane, now_s, certain=certain) for lane in lanes]


def get_through(breaker, lane="healthy", times=SAMPLE, now_s=0.0):
    for _ in range(times):
        breaker.got_through(lane, now_s)


def test_several_people_failing_and_nobody_else_getting_through_is_an_outage():
    breaker = Breaker(0.0)

    assert fail(breaker, "a", "b", "c", "d", "e") == [False] * 4 + [True]
    assert breaker.failing_lanes == LEAST_LANES


def test_one_person_whose_events_always_fail_is_no_outage():
    breaker = Breaker(0.0)

    assert not any(fail(breaker, *["a"] * 1000, now_s=QUIET_S * 100))


@pytest.mark.parametrize(
    ("got_through", "is_outage"),
    [pytest.param(3, False, id="17 of 20 failed"), pytest.param(2, True, id="18 of 20 failed")],
)
def test_almost_all_of_the_last_answers_have_to_be_failures(got_through, is_outage):
    breaker = Breaker(0.0)
    get_through(breaker, times=got_through)

    said = fail(breaker, *range(SAMPLE - got_through))

    assert said[-1] is is_outage
    assert not any(said[:-1])


def test_answers_that_are_long_past_do_not_count():
    breaker = Breaker(0.0)
    get_through(breaker, times=1000)

    said = fail(breaker, *range(18))

    assert said == [False] * 17 + [True]


def test_people_that_got_through_meanwhile_are_not_failing():
    breaker = Breaker(0.0)
    fail(breaker, "a", "b", "c", "d")
    breaker.got_through("a", 0.0)

    said = fail(breaker, *["b", "c", "d"] * 6)

    assert not any(said)
    assert breaker.failing_lanes == 3
    assert fail(breaker, "e") == [False]
    assert fail(breaker, "f") == [True]


def test_a_person_whose_request_was_given_up_is_not_failing():
    breaker = Breaker(0.0)
    fail(breaker, "a", "b", "c", "d")

    breaker.forget("a")
    breaker.forget("nobody")

    assert fail(breaker, "e") == [False]
    assert breaker.failing_lanes == 4


def test_people_of_partitions_that_were_given_away_are_not_failing():
    breaker = Breaker(0.0)
    fail(breaker, "a", "b", "c", "d")

    breaker.moved()

    assert breaker.failing_lanes == 0
    assert fail(breaker, "e", "f", "g", "h", "i") == [False] * 4 + [True]


# Little traffic


@pytest.mark.parametrize(
    ("now_s", "is_outage"),
    [
        pytest.param(QUIET_S - 0.1, False, id="not yet quiet for long"),
        pytest.param(QUIET_S, True, id="quiet for long"),
    ],
)
def test_two_people_failing_are_an_outage_when_nobody_got_through_for_long(now_s, is_outage):
    breaker = Breaker(0.0)
    fail(breaker, "a", now_s=1.0)

    assert fail(breaker, "b", now_s=now_s) == [is_outage]


def test_the_last_that_got_through_begins_the_quiet_time_anew():
    breaker = Breaker(0.0)
    breaker.got_through("a", 50.0)
    fail(breaker, *["b", "c"] * 10, now_s=60.0)

    assert fail(breaker, "b", now_s=50.0 + QUIET_S - 1.0) == [False]
    assert fail(breaker, "b", now_s=50.0 + QUIET_S) == [True]


def test_failures_that_no_event_can_cause_are_an_outage_when_they_follow_each_other():
    breaker = Breaker(0.0)

    assert fail(breaker, *["a"] * LEAST_CERTAIN, certain=True) == [False, False, True]


def test_such_failures_are_an_outage_although_others_got_through_before():
    breaker = Breaker(0.0)
    get_through(breaker, times=1000)

    assert fail(breaker, *["a"] * LEAST_CERTAIN, certain=True) == [False, False, True]


@pytest.mark.parametrize("between", ["an answer", "a failure that an event may cause"])
def test_such_failures_count_only_when_nothing_came_between(between):
    breaker = Breaker(0.0)
    fail(breaker, "a", "a", certain=True)
    if between == "an answer":
        breaker.got_through("b", 0.0)
    else:
        fail(breaker, "a")

    assert fail(breaker, "a", "a", certain=True) == [False, False]
    assert fail(breaker, "a", certain=True) == [True]


# After an outage


def test_after_an_outage_everything_begins_anew():
    breaker = Breaker(0.0)
    fail(breaker, *range(SAMPLE), certain=True)

    breaker.reset(100.0)

    assert breaker.failing_lanes == 0
    assert fail(breaker, "a", "a", certain=True) == [False, False]
    breaker.got_through("a", 100.0)
    # Of the sample nothing is left: three of four answers are not almost all.
    assert fail(breaker, "b", "c", "d", "e", now_s=100.0) == [False] * 4
    assert fail(breaker, "f", now_s=100.0 + QUIET_S - 0.1) == [False]


def test_after_an_outage_quiet_time_begins_anew():
    breaker = Breaker(0.0)
    breaker.reset(100.0)

    assert fail(breaker, "a", "b", now_s=100.0 + QUIET_S - 0.1) == [False, False]
    assert fail(breaker, "b", now_s=100.0 + QUIET_S) == [True]


def test_the_numbers_are_those_of_the_documentation():
    assert (SAMPLE, FAILING_SHARE, LEAST_LANES, LEAST_CERTAIN, QUIET_S) == (20, 0.9, 5, 3, 60.0)
