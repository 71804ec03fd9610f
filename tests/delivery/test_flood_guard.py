"""The flood guard: how many dead letters are too many."""

import pytest

from connector.delivery.flood_guard import LEAST, FloodGuard, FloodPolicy


def bury(guard, times=1):
    return [guard.buried() for _ in range(times)]


def deliver(guard, times=1):
    for _ in range(times):
        guard.delivered()


def mixed(guard, delivered, buried):
    """Let so many be delivered and then so many given up; give what was said of the last."""
    deliver(guard, delivered)
    return bury(guard, buried)[-1]


def test_so_many_in_a_row_are_too_many():
    guard = FloodGuard(FloodPolicy(run=5, share=1))

    assert bury(guard, 6) == [False] * 4 + [True, True]


def test_a_delivered_request_begins_the_row_anew():
    guard = FloodGuard(FloodPolicy(run=5, share=1))
    bury(guard, 4)

    deliver(guard)

    assert guard.run == 0
    assert bury(guard, 5) == [False] * 4 + [True]


def test_any_number_in_a_row_may_be_allowed():
    guard = FloodGuard(FloodPolicy(run=0, share=1))

    assert not any(bury(guard, 5000))


@pytest.mark.parametrize(
    ("delivered", "buried", "is_flood"),
    [
        pytest.param(80, 20, False, id="a fifth of 100"),
        pytest.param(79, 21, True, id="more than a fifth of 100"),
        pytest.param(0, LEAST - 1, False, id="all of too few"),
        pytest.param(0, LEAST, True, id="all of enough"),
        pytest.param(0, 1, False, id="the first"),
        pytest.param(5000, 200, False, id="a fifth of the last thousand"),
        pytest.param(5000, 201, True, id="more than a fifth of the last thousand"),
    ],
)
def test_more_than_a_share_of_the_last_requests_is_too_many(delivered, buried, is_flood):
    guard = FloodGuard(FloodPolicy(run=0, share=0.2, of=1000))

    assert mixed(guard, delivered, buried) is is_flood


def test_a_sample_smaller_than_the_least_is_enough_when_it_is_full():
    guard = FloodGuard(FloodPolicy(run=0, share=0.5, of=10))

    assert mixed(guard, 3, 6) is False
    assert mixed(guard, 0, 1) is True


def test_what_is_long_past_does_not_count():
    guard = FloodGuard(FloodPolicy(run=0, share=0.2, of=1000))
    bury(guard, 500)

    deliver(guard, 1000)

    assert guard.given_up == 0
    assert bury(guard, 200) == [False] * 200


def test_any_share_may_be_allowed():
    guard = FloodGuard(FloodPolicy(run=0, share=1.0, of=100))

    assert not any(bury(guard, 500))


def test_no_share_at_all_may_be_allowed():
    guard = FloodGuard(FloodPolicy(run=0, share=0.0, of=1000))

    assert mixed(guard, LEAST - 2, 1) is False
    assert bury(guard) == [True]


def test_the_usual_policy_stops_a_broken_mapping_after_a_hundred_requests():
    guard = FloodGuard(FloodPolicy())

    assert bury(guard, LEAST) == [False] * (LEAST - 1) + [True]


def test_after_a_reset_everything_begins_anew():
    guard = FloodGuard(FloodPolicy(run=5, share=0.2))
    bury(guard, 500)

    guard.reset()

    assert (guard.given_up, guard.run) == (0, 0)
    assert bury(guard, 5) == [False] * 4 + [True]
    guard.delivered()
    assert guard.given_up == 5


def test_people_are_told_what_was_counted():
    guard = FloodGuard(FloodPolicy(of=4))
    deliver(guard, 3)
    bury(guard, 2)

    assert guard.describe() == "2 of the last 4 requests were given up, 2 in a row"


def test_the_usual_policy_is_two_hundred_in_a_row_or_a_fifth_of_a_thousand():
    assert FloodPolicy() == FloodPolicy(run=200, share=0.2, of=1000)
    assert LEAST == 100
