"""What the control topic remembers of letters that were redriven."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.offsets import Run
from connector.delivery.redriven import Redriven, all_redriven, control_key, read_redriven

OFFSETS = st.lists(st.sets(st.integers(0, 60)))


@given(OFFSETS, st.integers(0, 60))
def test_it_holds_exactly_what_was_added_through_any_number_of_writings(additions, start):
    redriven, expected = Redriven(), set()
    for number, offsets in enumerate(additions):
        redriven = read_redriven(redriven.with_more(offsets, number).as_value())
        expected |= offsets

    kept = redriven.from_offset(start)

    assert {offset for offset in range(70) if redriven.holds(offset)} == expected
    assert {offset for offset in range(70) if kept.holds(offset)} == {
        each for each in expected if each >= start
    }
    assert bool(redriven) is bool(expected)
    assert all(
        later.first > earlier.last + 1
        for earlier, later in zip(redriven.runs, redriven.runs[1:], strict=False)
    )


def test_neighbours_are_written_as_one_run():
    redriven = Redriven([Run(7, 7), Run(0, 4)]).with_more([5, 9, 10], 1_795_507_200_120)

    assert redriven.as_value() == {"offsets": "0-5,7,9-10", "newest": 1_795_507_200_120}


def test_the_newest_letter_counts_in_whatever_order_they_are_sent():
    assert Redriven().with_more([1], 50).with_more([2], 40).newest == 50


@pytest.mark.parametrize(
    ("offset", "timestamp", "contradicts"),
    [
        pytest.param(5, 1000, False, id="as young as the youngest"),
        pytest.param(5, 1001, True, id="younger than any that was redriven"),
        pytest.param(6, 1001, False, id="not one of them"),
    ],
)
def test_a_letter_that_was_not_there_then_shows_that_the_topic_is_another(offset, timestamp, contradicts):
    assert Redriven([Run(0, 5)], 1000).contradicts(offset, timestamp) is contradicts


@pytest.mark.parametrize(
    "value",
    [
        None, 5, "0-5", {}, {"offsets": "", "newest": 5}, {"offsets": "0-5"}, {"offsets": [0], "newest": 5},
        {"offsets": "5-0", "newest": 5}, {"offsets": "0-5,x", "newest": 5}, {"offsets": "0--5", "newest": 5},
        {"offsets": "0-5", "newest": "5"}, {"offsets": "9" * 5000, "newest": 5},
    ],
)  # fmt: skip
def test_what_is_no_such_value_says_that_nothing_was_redriven(value):
    assert not read_redriven(value)


def test_every_partition_has_its_own_key():
    control = {
        control_key("dead", 1): {"offsets": "3", "newest": 9},
        "redriven/other/0": {"offsets": "0", "newest": 9},
    }

    found = all_redriven(control, "dead", [0, 1])

    assert [found[0].holds(0), found[1].holds(3)] == [False, True]
