"""What follows an attempt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.outcome import Delivered, Rejected, Throttled, Transient, Unauthorized
from connector.delivery.retry import GiveUp, RetryIn, RetryPolicy, Settle, backoff_s, next_step

POLICY = RetryPolicy(window_s=100.0, base_s=1.0, cap_s=30.0)


def step(outcome, attempt=1, age_s=0.0, roll=0.5):
    return next_step(POLICY, outcome, attempt=attempt, age_s=age_s, roll=roll)


def test_a_delivered_request_is_settled():
    assert step(Delivered(200)) == Settle()


def test_a_rejected_request_is_given_up_at_once():
    assert step(Rejected(400)) == GiveUp("rejected")


@pytest.mark.parametrize(("attempt", "delay_s"), [(1, 0.5), (2, 1.0), (5, 8.0), (6, 15.0), (5000, 15.0)])
def test_waits_double_up_to_the_cap(attempt, delay_s):
    assert step(Transient("500"), attempt=attempt) == RetryIn(delay_s)


def test_a_failing_request_is_given_up_when_the_window_is_over():
    assert step(Transient("500"), age_s=99.9) == RetryIn(0.5)
    assert step(Transient("500"), age_s=100.0) == GiveUp("retry_window")


@pytest.mark.parametrize(
    "outcome", [Throttled(429, None), Unauthorized(401)], ids=["throttled", "unauthorized"]
)
def test_being_throttled_or_unauthorized_never_gives_up(outcome):
    assert step(outcome, age_s=1e9) == RetryIn(0.5)


@pytest.mark.parametrize("outcome", [Throttled(429, 7.0), Transient("500", 500, 7.0)], ids=repr)
def test_retry_after_outranks_a_shorter_backoff(outcome):
    assert step(outcome) == RetryIn(7.0)
    assert step(outcome, attempt=6, roll=0.9) == RetryIn(27.0)


@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_no_wait_is_negative_or_above_the_cap(attempt, roll):
    assert 0 <= backoff_s(POLICY, attempt, roll) <= POLICY.cap_s


@pytest.mark.parametrize("attempt", [1, 2, 9])
def test_a_wait_is_drawn_from_the_whole_range(attempt):
    assert step(Transient("500"), attempt=attempt, roll=0.0) == RetryIn(0.0)
    assert step(Transient("500"), attempt=attempt, roll=0.999) == RetryIn(
        pytest.approx(min(2.0 ** (attempt - 1), 30.0) * 0.999)
    )


def test_a_wait_that_encharge_asks_for_is_not_capped_by_the_backoff():
    assert step(Throttled(429, 3600.0)) == RetryIn(3600.0)


def test_asking_for_no_wait_at_all_leaves_the_backoff():
    assert step(Transient("500", 500, 0.0)) == RetryIn(0.5)


def test_a_request_in_its_window_is_repeated_however_often_it_failed():
    assert step(Transient("500"), attempt=10**6, age_s=99.0) == RetryIn(15.0)


def test_the_longest_exponent_does_not_overflow():
    policy = RetryPolicy(base_s=1e-9, cap_s=1e9)

    assert backoff_s(policy, 33, 1.0) == backoff_s(policy, 10**9, 1.0) == 2.0**32 * 1e-9


def test_the_usual_policy_is_four_hours_of_waits_from_a_second_to_five_minutes():
    assert RetryPolicy() == RetryPolicy(window_s=14_400.0, base_s=1.0, cap_s=300.0)
