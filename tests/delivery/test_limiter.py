"""The limiter: how many requests at once, how many a second, and the ceiling over both."""

import math

import pytest

from connector.delivery.limiter import (
    BURST_S,
    FIRST_WINDOW,
    FORGET_S,
    HEADROOM,
    HOLD_LEAST,
    REFUSED_LEAST,
    ROUNDS,
    SLOW_FACTOR,
    SLOW_FLOOR_S,
    Limiter,
    LimiterPolicy,
)

USUAL_S = 0.5


def limiter(most=1000, per_s=None, now_s=0.0):
    return Limiter(LimiterPolicy(most_in_flight=most, ceiling_per_s=per_s), now_s)


def answer(limiter, times=1, *, now_s=0.0, latency_s=USUAL_S):
    for _ in range(times):
        limiter.start(now_s)
        limiter.delivered(latency_s, now_s)


def overload(limiter, times=1, *, now_s=0.0):
    for _ in range(times):
        limiter.start(now_s)
        limiter.overloaded(now_s)


def refuse(limiter, times=1, *, now_s=0.0, retry_after_s=None):
    for _ in range(times):
        limiter.start(now_s)
        limiter.throttled(retry_after_s, now_s)


def second(limiter, end_s, *, accepted=0, refused=0, length_s=1.0):
    """Let one round of answers pass: all but the last come when it begins."""
    kinds = [answer] * accepted + [refuse] * refused
    for kind in kinds[:-1]:
        kind(limiter, now_s=end_s - length_s)
    kinds[-1](limiter, now_s=end_s)


# The window


@pytest.mark.parametrize(("most", "first"), [(1, 1), (31, 31), (32, 32), (33, 32), (1000, 32)])
def test_the_window_is_small_at_first_and_never_above_what_is_allowed(most, first):
    assert limiter(most).window == first


def test_requests_may_start_until_the_window_is_full():
    one = limiter(3)

    waits_s = []
    for _ in range(4):
        waits_s.append(one.wait_s(5.0))
        one.start(5.0)

    assert waits_s == [0.0, 0.0, 0.0, math.inf]
    assert one.in_flight == 4


@pytest.mark.parametrize("end", ["cancel", "delivered", "overloaded", "throttled"])
def test_however_a_request_ends_it_makes_room(end):
    one = limiter(1)
    one.start(0.0)

    match end:
        case "cancel":
            one.cancel()
        case "delivered":
            one.delivered(USUAL_S, 0.0)
        case "overloaded":
            one.overloaded(0.0)
        case "throttled":
            one.throttled(None, 0.0)

    assert one.in_flight == 0
    assert one.wait_s(0.0) == 0.0


def test_slow_start_adds_one_for_every_answer_up_to_what_is_allowed():
    one = limiter(40)

    seen = []
    for _ in range(10):
        answer(one)
        seen.append(one.window)

    assert seen == [33, 34, 35, 36, 37, 38, 39, 40, 40, 40]


def test_requests_that_tell_nothing_do_not_make_the_window_grow():
    one = limiter(40)

    for _ in range(100):
        one.start(0.0)
        one.cancel()

    assert one.window == FIRST_WINDOW


def test_a_refusal_for_speed_is_no_mark_of_overload():
    one = limiter()

    refuse(one, 500)

    assert one.window > FIRST_WINDOW


def test_a_round_in_which_all_answers_are_marked_halves_the_window():
    one = limiter()

    overload(one, 32)
    assert one.window == 16
    overload(one, 16)
    assert one.window == 8


def test_the_window_shrinks_only_at_the_end_of_a_round():
    one = limiter()

    overload(one, 31)

    assert one.window == 32


def test_the_window_never_shrinks_below_one():
    one = limiter()

    overload(one, 1000)

    assert one.window == 1
    assert one.wait_s(0.0) == 0.0


def test_a_few_marks_are_taken_for_chance():
    one = limiter(32)

    overload(one)
    answer(one, 31)

    assert one.window == 32


def test_few_marks_shrink_the_window_a_little():
    one = limiter(32)

    overload(one, 4)
    answer(one, 28)

    # An eighth is marked; the average takes a quarter of that; the window loses half the average.
    assert one.window == int(32 * (1 - 0.125 * 0.25 / 2)) == 31
    assert one._window.size == pytest.approx(32 * (1 - 0.125 * 0.25 / 2))


def test_the_share_of_marks_is_averaged_over_rounds():
    one = limiter(32)
    overload(one, 8)
    answer(one, 24)
    first = one._window.size
    assert first == pytest.approx(32 * (1 - 0.25 * 0.25 / 2))

    overload(one, 8)
    answer(one, 24)

    alpha = 0.0625 + (0.25 - 0.0625) * 0.25
    grown = first
    for _ in range(23):  # the last one ends the round
        grown = min(32, grown + 1 / grown)
    assert one._window.size == pytest.approx(min(32, grown) * (1 - alpha / 2), rel=0.01)


def test_half_the_answers_marked_count_in_full_at_once():
    one = limiter(32)

    overload(one, 16)
    answer(one, 16)

    assert one._window.size == 32 * (1 - 0.5 / 2)


def test_after_an_overload_the_window_grows_by_one_a_round():
    one = limiter()
    overload(one, 32)
    assert one.window == 16

    answer(one, 15)
    assert one.window == 16
    answer(one, 3)
    assert one.window == 17
    answer(one, 17)
    assert one.window == 18


def test_restarted_the_window_begins_with_slow_start_again():
    one = limiter()
    overload(one, 100)

    one.restart()

    assert one.window == FIRST_WINDOW
    answer(one, 10)
    assert one.window == FIRST_WINDOW + 10


def test_a_restart_forgets_no_request_that_is_under_way():
    one = limiter(2)
    one.start(0.0)

    one.restart()

    assert one.in_flight == 1
    one.start(0.0)
    assert one.wait_s(0.0) == math.inf


# Slow answers


@pytest.mark.parametrize(
    ("usual_s", "latency_s", "is_slow"),
    [
        pytest.param(0.5, 0.5 * SLOW_FACTOR, False, id="four times the usual"),
        pytest.param(0.5, 0.5 * SLOW_FACTOR + 0.001, True, id="more than four times"),
        pytest.param(0.01, SLOW_FLOOR_S, False, id="many times the usual, but a second"),
        pytest.param(0.01, SLOW_FLOOR_S + 0.001, True, id="many times the usual, and more than a second"),
        pytest.param(5.0, 19.9, False, id="slow by nature"),
    ],
)
def test_an_answer_is_a_mark_when_it_is_far_slower_than_usual(usual_s, latency_s, is_slow):
    one = limiter(10)
    answer(one, 10, latency_s=usual_s)

    answer(one, 1, latency_s=latency_s)
    answer(one, 9, latency_s=usual_s)

    assert (one.window < 10) is is_slow


def test_the_first_answer_is_the_usual():
    one = limiter(1)

    answer(one, 1, latency_s=30.0)
    answer(one, 1, latency_s=100.0)

    assert one._window._usual_s == pytest.approx(30.0 + 70.0 * 0.01)


def test_a_slow_answer_moves_the_usual_a_tenth_as_much():
    one = limiter(1)

    answer(one, 1, latency_s=1.0)
    answer(one, 1, latency_s=101.0)

    assert one._window._usual_s == pytest.approx(1.0 + 100.0 * 0.001)


# The pace


def test_there_is_no_limit_a_second_until_encharge_refuses():
    one = limiter()

    for end_s in range(1, 20):
        second(one, end_s, accepted=50)

    assert one.per_s is None
    assert one.wait_s(20.0) == 0.0


def test_refusals_set_the_pace_to_a_little_more_than_was_accepted():
    one = limiter()

    second(one, 1.0, accepted=40, refused=10)

    assert one.per_s == pytest.approx(HEADROOM * 40)


def test_the_pace_is_counted_over_the_time_that_the_round_took():
    one = limiter()

    second(one, 4.0, accepted=40, refused=10, length_s=4.0)

    assert one.per_s == pytest.approx(HEADROOM * 10)


@pytest.mark.parametrize(
    ("refused", "is_limited"), [pytest.param(6, False, id="a tenth"), pytest.param(7, True, id="more")]
)
def test_a_few_refusals_are_not_worth_a_slower_pace(refused, is_limited):
    one = limiter()

    second(one, 1.0, accepted=60 - refused, refused=refused)

    assert (one.per_s is not None) is is_limited


@pytest.mark.parametrize("accepted", [0, 2])
@pytest.mark.parametrize(("refused", "is_limited"), [(4, False), (5, True)])
def test_refusals_in_a_quiet_second_are_chance_until_they_are_five(accepted, refused, is_limited):
    one = limiter()

    second(one, 1.0, accepted=accepted, refused=refused)

    assert (one.per_s is not None) is is_limited


def test_the_pace_is_never_below_one_a_second():
    one = limiter()

    second(one, 1.0, refused=10)

    assert one.per_s == 1.0


def test_one_slow_second_does_not_make_the_pace_slow():
    one = limiter()
    second(one, 1.0, accepted=100)

    second(one, 2.0, accepted=5, refused=5)

    assert one.per_s == pytest.approx(HEADROOM * 100)


def test_what_was_accepted_long_ago_is_forgotten():
    one = limiter()
    second(one, 1.0, accepted=100)
    for end_s in range(2, 2 + ROUNDS):
        second(one, end_s, accepted=20, refused=5)

    assert one.per_s == pytest.approx(HEADROOM * 20)


def test_without_refusals_the_pace_grows_by_a_twentieth_a_second():
    one = limiter()
    second(one, 1.0, accepted=80, refused=20)

    second(one, 2.0, accepted=80)
    assert one.per_s == pytest.approx(HEADROOM * 80 * 1.05)
    second(one, 4.0, accepted=80, length_s=2.0)
    assert one.per_s == pytest.approx(HEADROOM * 80 * 1.05**3)


def test_a_long_time_without_answers_does_not_make_the_pace_jump():
    one = limiter()
    second(one, 1.0, accepted=80, refused=20)

    answer(one, now_s=50.0)

    assert one.per_s == pytest.approx(HEADROOM * 80 * 1.05**10)


@pytest.mark.parametrize(
    ("refused", "grows"), [pytest.param(3, True, id="3 of 100"), pytest.param(4, False, id="4 of 100")]
)
def test_a_stray_refusal_does_not_keep_the_pace_from_growing(refused, grows):
    one = limiter()
    second(one, 1.0, accepted=80, refused=20)

    second(one, 2.0, accepted=100 - refused, refused=refused)

    assert one.per_s == pytest.approx(HEADROOM * 80 * (1.05 if grows else 1.0))


@pytest.mark.parametrize(
    ("after_s", "is_limited"),
    [pytest.param(FORGET_S, True, id="a minute"), pytest.param(FORGET_S + 1, False, id="more")],
)
def test_the_pace_is_unlimited_again_a_minute_after_the_last_refusal(after_s, is_limited):
    one = limiter()
    second(one, 1.0, accepted=80, refused=20)

    answer(one, now_s=1.0 + after_s)

    assert (one.per_s is not None) is is_limited


def test_timeouts_are_answers_that_were_not_refused():
    one = limiter()

    overload(one, 40, now_s=0.5)
    refuse(one, 10, now_s=0.5)
    overload(one, now_s=1.0)

    assert one.per_s == pytest.approx(HEADROOM * 41)


def test_a_round_lasts_a_second():
    one = limiter()

    refuse(one, 10, now_s=0.99)
    assert one.per_s is None

    refuse(one, now_s=1.0)
    assert one.per_s == 1.0


# Starts at a pace


def test_starts_are_spread_evenly_with_a_short_burst():
    one = limiter(per_s=100.0)

    now_s, starts_s = 10.0, []
    for _ in range(12):
        now_s += one.wait_s(now_s)
        starts_s.append(now_s)
        one.start(now_s)

    # Five intervals of 10 ms are saved up, and one is due.
    assert starts_s == pytest.approx([10.0] * 6 + [10.01, 10.02, 10.03, 10.04, 10.05, 10.06])


def test_a_long_pause_saves_up_no_more_than_the_burst():
    one = limiter(per_s=100.0)
    one.start(0.0)

    waits_s = []
    for _ in range(8):
        waits_s.append(one.wait_s(1000.0))
        one.start(1000.0)

    assert waits_s == pytest.approx([0.0] * 6 + [0.01, 0.02])


def test_a_slow_ceiling_is_kept():
    one = limiter(per_s=0.5)
    one.start(100.0)

    assert one.wait_s(100.0) == pytest.approx(2.0 - BURST_S)
    assert one.wait_s(101.0) == pytest.approx(1.0 - BURST_S)
    assert one.wait_s(102.0) == 0.0


def test_without_a_ceiling_starts_cost_no_time():
    one = limiter()

    for _ in range(30):
        one.start(0.0)

    assert one.wait_s(0.0) == 0.0


def test_a_worker_takes_its_share_of_the_ceiling():
    one = limiter(per_s=100.0)
    assert one.per_s == 100.0

    one.share(0.25)
    assert one.per_s == 25.0

    one.share(1.0)
    assert one.per_s == 100.0


def test_no_share_means_no_start_for_very_long():
    one = limiter(per_s=100.0)
    one.share(0.0)

    one.start(0.0)

    assert one.wait_s(0.0) > 1e8


def test_the_lower_of_pace_and_ceiling_counts():
    fast, slow = limiter(per_s=1000.0), limiter(per_s=10.0)

    for one in (fast, slow):
        second(one, 1.0, accepted=40, refused=10)

    assert fast.per_s == pytest.approx(HEADROOM * 40)
    assert slow.per_s == 10.0


def test_the_pace_spaces_the_starts():
    one = limiter()
    second(one, 1.0, refused=10)  # one a second

    one.start(5.0)

    assert one.wait_s(5.0) == pytest.approx(1.0 - BURST_S)


# Waiting for all


def test_when_most_answers_ask_to_wait_nothing_starts_until_then():
    one = limiter()

    refuse(one, HOLD_LEAST, now_s=0.1, retry_after_s=7.0)

    assert one.wait_s(0.1) == pytest.approx(7.0)
    assert one.wait_s(5.1) == pytest.approx(2.0)
    assert one.wait_s(8.0) == 0.0


def test_the_shortest_of_the_times_is_waited_for():
    one = limiter()

    for asked_s in (9.0, 3.0, 8.0, 7.0, 6.0):
        refuse(one, retry_after_s=asked_s)

    assert one.wait_s(0.0) == 3.0


@pytest.mark.parametrize(
    ("accepted", "told", "untold", "waits"),
    [
        pytest.param(0, 4, 0, False, id="four answers are too few"),
        pytest.param(0, 5, 0, True, id="all of five"),
        pytest.param(5, 5, 0, True, id="half of ten"),
        pytest.param(6, 5, 0, False, id="less than half"),
        pytest.param(0, 5, 6, False, id="most say no time"),
        pytest.param(0, 0, 20, False, id="none says a time"),
    ],
)
def test_all_wait_only_when_many_answers_say_a_time(accepted, told, untold, waits):
    one = limiter()

    answer(one, accepted)
    refuse(one, untold)
    refuse(one, told, retry_after_s=5.0)

    assert (one.wait_s(0.0) == 5.0) is waits
    assert (one.wait_s(0.0) == 0.0) is not waits


def test_what_comes_while_all_wait_does_not_make_it_longer():
    one = limiter()
    refuse(one, 5, now_s=0.0, retry_after_s=3.0)

    refuse(one, 5, now_s=0.5, retry_after_s=3.0)

    assert one.wait_s(0.5) == pytest.approx(2.5)


def test_after_the_wait_all_may_have_to_wait_again():
    one = limiter()
    refuse(one, 5, now_s=0.0, retry_after_s=0.2)

    refuse(one, now_s=0.2, retry_after_s=0.4)

    assert one.wait_s(0.2) == pytest.approx(0.2)


def test_times_told_in_an_earlier_round_are_forgotten():
    one = limiter()
    answer(one, 60, now_s=0.5)
    refuse(one, 4, now_s=0.5, retry_after_s=3.0)
    answer(one, now_s=1.0)

    answer(one, 5, now_s=1.5)
    refuse(one, 3, now_s=1.5, retry_after_s=3.0)

    assert one.wait_s(1.5) == 0.0


def test_a_full_window_outranks_every_time():
    one = limiter(1)
    refuse(one, 5, retry_after_s=3.0)
    one.start(0.0)

    assert one.wait_s(0.0) == math.inf


def test_the_numbers_are_those_that_were_measured():
    assert (FIRST_WINDOW, SLOW_FACTOR, SLOW_FLOOR_S) == (32.0, 4.0, 1.0)
    assert (ROUNDS, HEADROOM, FORGET_S) == (10, 1.05, 60.0)
    assert (REFUSED_LEAST, HOLD_LEAST, BURST_S) == (5, 5, 0.05)


def test_just_as_many_marks_as_are_taken_for_chance_leave_the_window():
    one = limiter(20)

    overload(one)
    answer(one, 19)

    assert one.window == 20
