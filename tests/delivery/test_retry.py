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


@pytest.mark.parametrize("outcome", [Throttled(429, None), Unauthorized(401)], ids=repr)
def test_being_throttled_or_unauthorized_never_gives_up(outcome):
    assert step(outcome, age_s=1e9) == RetryIn(0.5)


@pytest.mark.parametrize("outcome", [Throttled(429, 7.0), Transient("500", 500, 7.0)], ids=repr)
def test_retry_after_outranks_a_shorter_backoff(outcome):
    assert step(outcome) == RetryIn(7.0)
    assert step(outcome, attempt=6, roll=0.9) == RetryIn(27.0)


@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_no_wait_is_negative_or_above_the_cap(attempt, roll):
    assert 0 <= backoff_s(POLICY, attempt, roll) <= POLICY.cap_s
