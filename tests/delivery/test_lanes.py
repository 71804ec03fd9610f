"""The lanes: whose turn it is, who waits, who holds too much, and what stands in two lanes."""

import asyncio

import pytest

from connector.delivery.lane import Work
from connector.delivery.lanes import Lanes
from connector.delivery.offsets import OffsetTracker
from tests.builders import record


def work(offset=0, **more):
    return Work(record(offset, **more), OffsetTracker())


def lanes(*keys, most=1000):
    """Give lanes with one record for each key; a pair of keys is an alias."""
    made = Lanes(most)
    for offset, key in enumerate(keys):
        made.add(work(offset), *(key if isinstance(key, tuple) else (key,)))
    made.admit()
    return made


def ready(lanes):
    return [lane.key for lane in lanes.ready]


def serve(lanes, *, settle=True):
    """Serve the next ready lane; give key and offset, no offset for a lane that is put aside."""
    lane = lanes.ready.take()
    one = lanes.turn(lane)
    if one is None:
        return lane.key, None
    if settle and lanes.settled(lane):
        lanes.ready.append(lane)
    return lane.key, one.record.offset


def serve_all(lanes):
    seen = []
    while lanes.ready:
        seen.append(serve(lanes))
    return seen


def take(lanes, key):
    """Take a lane as a worker does."""
    in_turn = [lanes.ready.take() for _ in range(len(lanes.ready))]
    for lane in in_turn:
        if lane.key != key:
            lanes.ready.append(lane)
    [lane] = [each for each in in_turn if each.key == key]
    return lane


def add(lanes, one, key):
    lanes.add(one, key)
    lanes.admit()


def test_every_person_has_a_lane_and_is_ready_once():
    made = lanes("a", "b", "a", "a", "b")

    assert ready(made) == ["a", "b"]
    assert len(made) == 2
    assert [lane.key for lane in made] == ["a", "b"]


def test_records_of_a_lane_come_in_the_order_in_which_they_were_added():
    made = lanes("a", "b", "a", "b", "a")

    assert serve_all(made) == [("a", 0), ("b", 1), ("a", 2), ("b", 3), ("a", 4)]


def test_a_lane_is_gone_when_it_is_empty_and_comes_again():
    made = lanes("a")

    assert made.settled(take(made, "a")) is False
    assert (len(made), list(made)) == (0, [])

    add(made, work(7), "a")
    assert ready(made) == ["a"]


def test_a_lane_that_is_being_served_is_not_ready():
    made = lanes("a")
    lane = take(made, "a")

    add(made, work(1), "a")

    assert ready(made) == []
    assert made.settled(lane) is True


def test_whose_turn_it_is_does_not_change_until_it_is_settled():
    made = lanes("a", "a")
    lane = take(made, "a")

    assert made.turn(lane) is made.turn(lane) is lane.works[0]


# Waiting


class Timer:
    cancelled = False

    def cancel(self):
        self.cancelled = True


def waiting(*keys, told_until_s=0.0):
    made = lanes(*keys)
    for key in keys:
        lane = take(made, key)
        lane.timer, lane.told_until_s = Timer(), told_until_s
        made.wait(lane)
    return made


def test_a_lane_that_waits_is_not_ready_until_it_is_woken():
    made = waiting("a", "b")
    first = next(iter(made.waiting))
    timer = first.timer
    assert ready(made) == []

    made.wake(first)

    assert ready(made) == ["a"]
    assert [lane.key for lane in made.waiting] == ["b"]
    assert timer.cancelled
    assert first.timer is None


def test_a_lane_is_woken_once():
    made = waiting("a")
    lane = next(iter(made.waiting))

    made.wake(lane)
    made.wake(lane)

    assert ready(made) == ["a"]


def test_a_lane_that_does_not_wait_is_not_woken():
    made = lanes("a")
    lane = take(made, "a")

    made.wake(lane)

    assert ready(made) == []


def test_all_may_be_woken_in_the_order_in_which_they_began_to_wait():
    made = waiting("c", "a", "b")

    made.wake_all(5.0)

    assert ready(made) == ["c", "a", "b"]
    assert not made.waiting


def test_the_one_that_waited_longest_may_be_woken():
    made = waiting("c", "a", "b")

    made.wake_longest(5.0)
    assert ready(made) == ["c"]

    made.wake_longest(5.0)
    assert ready(made) == ["c", "a"]


def test_there_may_be_nobody_to_wake():
    made = lanes("a")

    made.wake_longest(5.0)
    made.wake_all(5.0)

    assert ready(made) == ["a"]


@pytest.mark.parametrize(
    ("now_s", "woken"),
    [pytest.param(9.9, [], id="before"), pytest.param(10.0, ["a", "b"], id="from then on")],
)
def test_whoever_was_asked_to_wait_is_not_woken_with_the_others(now_s, woken):
    made = waiting("a", "b", told_until_s=10.0)

    made.wake_all(now_s)

    assert ready(made) == woken


def test_whoever_was_asked_to_wait_is_passed_over_when_one_is_woken():
    made = waiting("a", "b")
    first, second = made.waiting
    first.told_until_s, second.told_until_s = 10.0, 5.0

    made.wake_longest(4.9)
    assert ready(made) == []

    made.wake_longest(5.0)
    assert ready(made) == ["b"]


def test_a_real_timer_is_cancelled():
    async def scenario():
        made = lanes("a")
        lane = take(made, "a")
        timer = lane.timer = asyncio.get_running_loop().call_later(1000.0, print)
        made.wait(lane)
        made.wake(lane)
        return timer.cancelled()

    assert asyncio.run(scenario())


# Aliases


def test_an_alias_is_served_once_after_everything_before_it_in_both_lanes():
    made = lanes("a", "b", "b", ("a", "b"), "a", "b")

    seen = serve_all(made)

    offsets = [offset for _, offset in seen if offset is not None]
    assert sorted(offsets) == [0, 1, 2, 3, 4, 5]
    assert offsets.index(3) == 3
    assert len(made) == 0


def test_the_lane_in_which_an_alias_comes_first_is_put_aside():
    made = lanes(("a", "b"))
    assert ready(made) == ["a", "b"]

    assert serve(made) == ("a", None)
    assert ready(made) == ["b"]
    assert serve(made) == ("b", 0)
    assert len(made) == 0


def test_behind_an_alias_both_lanes_go_on():
    made = lanes(("a", "b"), "a", "b")

    assert serve_all(made) == [("a", None), ("b", 0), ("a", 1), ("b", 2)]


def test_a_lane_that_is_blocked_stays_so_while_the_other_has_records_before_the_alias():
    made = lanes("b", ("a", "b"), "a")

    assert serve(made) == ("b", 0)
    assert serve(made) == ("a", None)
    assert ready(made) == ["b"]
    add(made, work(9), "a")
    assert ready(made) == ["b"]
    assert serve_all(made) == [("b", 1), ("a", 2), ("a", 9)]


def test_while_an_alias_waits_for_its_retry_nobody_else_of_both_lanes_goes_on():
    made = lanes(("a", "b"), "a", "b")
    serve(made)
    lane = take(made, "b")
    assert made.turn(lane).record.offset == 0

    made.wait(lane)
    assert ready(made) == []

    made.wake(lane)
    assert serve_all(made) == [("b", 0), ("a", 1), ("b", 2)]


def test_an_alias_of_a_person_with_itself_stands_in_one_lane():
    made = lanes(("a", "a"), "a")

    assert len(made) == 1
    assert serve_all(made) == [("a", 0), ("a", 1)]


def test_a_chain_of_aliases_is_served_in_order():
    made = lanes(("a", "b"), ("b", "c"), ("c", "a"))

    offsets = [offset for _, offset in serve_all(made) if offset is not None]

    assert offsets == [0, 1, 2]
    assert len(made) == 0


def test_aliases_that_cross_do_not_wait_for_each_other():
    made = lanes(("a", "b"), ("b", "a"), ("a", "b"))

    offsets = [offset for _, offset in serve_all(made) if offset is not None]

    assert offsets == [0, 1, 2]
    assert len(made) == 0


def test_a_lane_that_was_emptied_from_the_other_one_is_gone_and_comes_again():
    made = lanes(("a", "b"), "b")
    serve_all(made)
    assert len(made) == 0

    add(made, work(5), "a")

    assert serve_all(made) == [("a", 5)]


# Too much of one person


def test_a_lane_that_holds_more_than_it_may_is_full_until_half_of_that_is_left():
    made = lanes(*["a"] * 4, most=4)
    assert dict(made.full) == {}

    add(made, work(4), "a")
    assert dict(made.full) == {("by-user", 0): 5}

    seen = []
    lane = take(made, "a")
    for _ in range(4):
        made.settled(lane)
        seen.append(dict(made.full))
    assert seen == [{("by-user", 0): 4}, {("by-user", 0): 3}, {}, {}]


def test_a_full_lane_tells_the_partition_of_its_last_record():
    made = Lanes(1)
    add(made, work(0, partition=3), "a")
    add(made, work(1, topic="other", partition=7), "a")

    assert dict(made.full) == {("other", 7): 2}


def test_an_alias_may_fill_the_second_persons_lane():
    made = lanes("b", ("a", "b"), most=1)
    assert dict(made.full) == {("by-user", 0): 2}

    serve_all(made)

    assert dict(made.full) == {}


def test_every_person_may_hold_as_much():
    made = lanes(*"abcdefgh", most=1)

    assert dict(made.full) == {}
