"""Counts over time: dense for the last minute, thin for a day, and never one too many or too few."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.history import (
    DAY_S,
    HOUR_S,
    LARGEST_BYTES,
    MINUTE_S,
    History,
    Told,
    from_json,
)
from tests.strategies import json_values

START = 1_764_000_000.0
EVERY_S = 5.0


def written_after(seconds, per_s=1, names=("received",), **options):
    """Give the JSON of a process that has counted so much a second, marked often at its end."""
    history, age_s = History(START), 0.0
    while (age_s := age_s + (EVERY_S if seconds - age_s < 2 * HOUR_S else 60.0)) <= seconds:
        totals = dict.fromkeys(names, int(age_s * per_s))
        if history.is_due(START + age_s):
            history.mark(START + age_s, totals)
    told = history.told(START + seconds, dict.fromkeys(names, int(seconds * per_s)), **options)
    return orjson.loads(orjson.dumps(told))


def counted(told, window_s, later_s=0.0):
    """Give how much was received in a window, and how long it really is."""
    begin, counts = told.since(told.at + later_s - window_s)
    return counts.get("received", 0), told.at + later_s - begin


@pytest.mark.parametrize(
    ("window_s", "step_s"),
    [
        pytest.param(MINUTE_S, EVERY_S, id="a minute"),
        pytest.param(HOUR_S, 60.0, id="an hour"),
        pytest.param(DAY_S, 900.0, id="a day"),
    ],
)
def test_a_window_begins_at_most_one_step_early_and_holds_all_of_that_time(window_s, step_s):
    told = from_json(written_after(2 * DAY_S + 1234.0, per_s=10))

    count, span_s = counted(told, window_s)

    assert window_s <= span_s <= window_s + step_s + EVERY_S
    assert count == pytest.approx(10 * span_s)


def test_a_long_life_takes_no_more_room_than_a_day():
    assert len(written_after(4 * DAY_S)["ages"]) < 180


def test_before_a_process_has_lived_as_long_as_a_window_the_window_holds_everything():
    told = from_json(written_after(600.0, per_s=3))

    assert counted(told, HOUR_S) == (1800, 600.0)


def test_after_the_last_word_nothing_is_counted():
    told = from_json(written_after(600.0))

    assert counted(told, MINUTE_S, later_s=59.0)[0] > 0
    assert counted(told, MINUTE_S, later_s=60.0) == (0, 60.0)


def test_later_totals_add_what_came_since():
    told = from_json(written_after(600.0, names=("received", "settled")))

    later = told.then(told.at + 5.0, {"received": 650, "settled": 600, "filtered": 2})

    assert later.since(told.at) == (told.at, {"received": 50, "settled": 0, "filtered": 2})
    assert counted(later, 65.0)[0] == 60 + 50
    assert counted(later, DAY_S)[0] == 650
    assert later.totals == {"received": 650, "settled": 600, "filtered": 2}


def test_totals_that_seem_to_be_earlier_take_nothing_back_and_add_what_is_more():
    told = from_json(written_after(600.0, names=("received", "settled")))

    joined = told.then(told.at - 5.0, {"received": 595, "settled": 601})  # a clock was set back in between

    assert (joined.at, joined.totals) == (told.at, {"received": 600, "settled": 601})
    assert joined.since(START) == (START, {"received": 600, "settled": 601})


def test_a_clock_that_goes_back_loses_nothing():
    history = History(START)
    history.mark(START + 100.0, {"received": 5})
    history.mark(START + 40.0, {"received": 7})

    told = from_json(history.told(START + 50.0, {"received": 9}))

    assert told.at == START + 100.0
    assert counted(told, MINUTE_S + 100.0)[0] == 9


def test_all_is_told_with_when_it_was_and_whether_it_is_the_last_word():
    history = History(START)
    history.mark(START + 5.0, {"received": 3, "delivered/trackEvent/A/B": 1})
    history.mark(START + 10.0, {"received": 3, "delivered/trackEvent/A/B": 2})

    written = history.told(START + 12.0, {"received": 7, "delivered/trackEvent/A/B": 2}, ended=True)

    assert written == {
        "v": 1,
        "started_at": START,
        "at": START + 12.0,
        "ended": True,
        "totals": {"received": 7, "delivered/trackEvent/A/B": 2},
        "ages": [12.0, 7.0, 2.0],
        "counts": {"received": [3, -1, 4], "delivered/trackEvent/A/B": [1, 1]},
    }
    assert from_json(written).ended


def test_what_did_not_happen_takes_no_room():
    written = written_after(DAY_S, per_s=0)

    assert written["counts"] == {}
    assert len(orjson.dumps(written)) < 2_000


def test_an_hour_of_nothing_is_one_number():
    history = History(START)
    for step in range(1, 500):
        history.mark(START + step * EVERY_S, {"received": 1})

    written = history.told(START + 2500.0, {"received": 4})

    marks = len(written["ages"])
    assert written["counts"] == {"received": [1, 2 - marks, 3]}


@pytest.mark.parametrize("mappings", [20, 50])
def test_what_would_be_too_large_is_told_with_fewer_marks_and_the_same_sums(mappings):
    kinds = ("planned", "delivered")
    names = ["received", *(f"{kind}/trackEvent/Mapping {n}" for n in range(mappings) for kind in kinds)]

    written = written_after(DAY_S + 900.0, per_s=50, names=names)
    told = from_json(written)

    assert len(orjson.dumps(written)) <= LARGEST_BYTES
    assert 5 < len(told.times) < 100
    assert told.totals == dict.fromkeys(names, 50 * (int(DAY_S) + 900))
    count, span_s = counted(told, DAY_S)
    assert span_s >= DAY_S
    assert count == pytest.approx(50 * span_s, rel=1e-4)


def test_a_busy_worker_with_three_mappings_keeps_all_its_marks():
    kinds, bounds = ("planned", "delivered"), (0.1, 0.25, 0.5, 1.0)
    names = [f"{kind}/trackEvent/Mapping {n}" for n in range(3) for kind in kinds]
    names += ["received", "settled", *(f"delay/{bound}" for bound in bounds)]

    written = written_after(DAY_S + 900.0, per_s=1000, names=names)

    assert written == written_after(DAY_S + 900.0, per_s=1000, names=names, largest_bytes=10**6)


WRITTEN = History(START).told(START + 60.0, {"received": 5, "settled": 3})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"v": 2}, id="of the future"),
        pytest.param({"at": "now"}, id="time is a text"),
        pytest.param({"at": -1.0}, id="time is negative"),
        pytest.param({"at": 1e300}, id="time is absurd"),
        pytest.param({"started_at": None}, id="no start"),
        pytest.param({"totals": [1]}, id="totals are a list"),
        pytest.param({"totals": {"received": -1}}, id="negative total"),
        pytest.param({"totals": {"received": True}}, id="true is no count"),
        pytest.param({"totals": {"received": 2**63}}, id="absurd total"),
        pytest.param({"ages": []}, id="no mark"),
        pytest.param({"ages": [1.0] * 1001}, id="too many marks"),
        pytest.param({"ages": [5.0, 10.0]}, id="marks out of order"),
        pytest.param({"counts": {"received": [6]}}, id="more counted than there is"),
        pytest.param({"counts": {"received": [1, 1, 1]}}, id="more counts than marks"),
        pytest.param({"counts": {"received": [-(10**15)]}}, id="endless zeros"),
        pytest.param({"counts": {"received": 5}}, id="count without a list"),
        pytest.param({"counts": {"other": [1]}}, id="counted but not in the totals"),
    ],
)
def test_what_is_no_history_is_not_read(change):
    fine = {**WRITTEN, "ages": [60.0, 5.0], "counts": {"received": [1, 2]}}

    assert from_json(fine) is not None
    assert from_json(fine | change) is None


@given(
    st.fixed_dictionaries(
        {"v": st.just(1)},
        optional=dict.fromkeys(("at", "started_at", "ended", "totals", "ages", "counts"), json_values),
    )
    | json_values
)
def test_whatever_a_value_is_reading_it_raises_nothing(value):
    read = from_json(value)

    assert read is None or isinstance(read, Told)
