"""Who is served next: lanes in turn, long ones and short ones alternately."""

import pytest

from connector.delivery.lane import Lane, Work
from connector.delivery.offsets import OffsetTracker
from connector.delivery.ready import LONG, ReadyLanes
from tests.builders import record


def lane(key, records=1):
    made = Lane(key)
    made.works.extend(Work(record(offset), OffsetTracker()) for offset in range(records))
    return made


def ready(*lanes):
    made = ReadyLanes()
    for each in lanes:
        made.append(each)
    return made


def keys_in_turn(made):
    return [made.take().key for _ in range(len(made))]


def test_lanes_of_a_kind_are_served_in_the_order_in_which_they_became_ready():
    assert keys_in_turn(ready(*map(lane, "abc"))) == ["a", "b", "c"]
    assert keys_in_turn(ready(*(lane(key, LONG) for key in "abc"))) == ["a", "b", "c"]


def test_a_long_lane_does_not_wait_behind_short_ones_nor_they_behind_it():
    made = ready(*map(lane, "abcd"), lane("LONG", LONG), lane("LONGER", 10 * LONG))

    assert keys_in_turn(made) == ["LONG", "a", "LONGER", "b", "c", "d"]


def test_half_of_the_turns_are_left_to_short_lanes_however_many_long_ones_come_back():
    made = ready(*map(lane, "ab"), *(lane(f"L{number}", LONG) for number in range(3)))
    served = []
    while "b" not in served:
        taken = made.take()
        served.append(taken.key)
        if taken.key.startswith("L"):
            made.append(taken)

    assert served == ["L0", "a", "L1", "b"]


@pytest.mark.parametrize(("records", "is_long"), [(LONG - 1, False), (LONG, True)])
def test_how_many_records_make_a_lane_long(records, is_long):
    made = ready(lane("short"), lane("x", records))

    assert made.take().key == ("x" if is_long else "short")


@pytest.mark.parametrize("records", [1, LONG])
def test_a_lane_that_was_not_served_after_all_is_the_next(records):
    made = ready(lane("first", records), lane("second", records), lane("other", LONG), lane("more"))
    taken = made.take()
    made.put_back(taken)

    assert made.take() is taken


def test_what_is_ready_can_be_counted_and_looked_at():
    made = ready(lane("a"), lane("b", LONG))

    assert (len(made), bool(made)) == (2, True)
    assert sorted(each.key for each in made) == ["a", "b"]
    keys_in_turn(made)
    assert (len(made), bool(made)) == (0, False)
    with pytest.raises(IndexError):
        made.take()
