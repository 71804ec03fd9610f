"""The tracker against a naive model, and its rules one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.offset_map import decode_map, encode_map
from connector.delivery.offsets import OffsetTracker, Run


def opened(*offsets, **more):
    tracker = OffsetTracker(**more)
    for offset in offsets:
        assert tracker.open(offset)
    return tracker


@pytest.mark.parametrize(
    ("settled", "watermarks"),
    [
        pytest.param([4, 5, 7], [5, 7, 8], id="in order"),
        pytest.param([7, 5, 4], [4, 4, 8], id="last one first"),
        pytest.param([5, 7, 4], [4, 4, 8], id="first one last"),
    ],
)
def test_watermark_never_passes_an_unsettled_offset(settled, watermarks):
    tracker = opened(4, 5, 7)  # 6 was compacted away

    seen = []
    for offset in settled:
        tracker.settle(offset)
        seen.append(tracker.watermark)

    assert seen == watermarks


def test_nothing_is_committed_for_a_partition_of_which_nothing_was_seen():
    assert OffsetTracker().watermark is None


def test_an_offset_that_is_read_again_is_not_worked_on_again():
    tracker = opened(4, 5)

    assert not tracker.open(4)
    assert not tracker.open(5)
    assert tracker.open(6)


def test_what_an_earlier_owner_completed_is_passed_over():
    tracker = OffsetTracker(10, [Run(11, 12), Run(15, 15)])

    worked_on = [offset for offset in range(10, 18) if tracker.open(offset)]

    assert worked_on == [10, 13, 14, 16, 17]


def test_completed_offsets_that_were_not_read_again_yet_are_still_known():
    tracker = OffsetTracker(10, [Run(11, 12), Run(15, 20)])
    tracker.open(10)

    assert list(tracker.completed()) == [Run(11, 12), Run(15, 20)]


def test_settling_an_offset_that_is_not_open_is_an_error():
    tracker = opened(4)

    with pytest.raises(KeyError):
        tracker.settle(5)


# A life of a partition: offsets with gaps, settled in any order, cut by restarts that keep only what was
# committed. Each step settles the n-th open offset (modulo their number), opens the next one, or restarts.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.integers(1, 4)),
        st.tuples(st.just("settle"), st.integers(0, 50)),
        st.tuples(st.just("restart"), st.integers(0, 60)),
    ),
    max_size=120,
)


@given(STEPS)
def test_no_offset_is_lost_and_committed_ones_are_not_repeated(steps):
    log = []  # all offsets that exist
    done = set()
    tracker, position = OffsetTracker(), 0
    for step, number in steps:
        if step == "open":
            offset = log[position] if position < len(log) else (log[-1] if log else 0) + number
            if position == len(log):
                log.append(offset)
            position += 1
            if not tracker.open(offset):
                assert offset in done
        elif step == "settle":
            unsettled = [offset for offset in log[:position] if offset not in done]
            if unsettled:
                offset = unsettled[number % len(unsettled)]
                tracker.settle(offset)
                done.add(offset)
        else:
            watermark = tracker.watermark
            if watermark is None:
                continue
            text = encode_map(watermark, tracker.completed(), longest=number)
            completed = decode_map(watermark, text).completed
            known = {o for run in completed for o in range(run.first, run.last + 1)}
            assert not (known & set(log)) - done, "an unsettled offset was called completed"
            position = sum(offset < watermark for offset in log)
            done = {offset for offset in log if offset < watermark} | (known & set(log))
            tracker = OffsetTracker(watermark, completed)
        if tracker.watermark is not None:
            assert all(offset in done for offset in log if offset < tracker.watermark)
            unsettled = [offset for offset in log[:position] if offset not in done]
            assert tracker.open_count == len(unsettled)


def test_the_first_offset_that_is_seen_is_the_watermark_until_it_is_settled():
    tracker = OffsetTracker()

    assert tracker.open(1000)
    assert (tracker.watermark, tracker.next_offset, tracker.open_count) == (1000, 1001, 1)
    tracker.settle(1000)
    assert (tracker.watermark, tracker.next_offset, tracker.open_count) == (1001, 1001, 0)


def test_a_partition_that_was_committed_keeps_that_until_something_is_seen():
    tracker = OffsetTracker(10, [Run(12, 12)])

    assert (tracker.watermark, tracker.next_offset) == (10, 10)
    assert not tracker.open(9)


def test_records_between_runs_are_completed_above_the_watermark():
    tracker = opened(*range(10))
    for offset in (1, 2, 5, 8, 9):
        tracker.settle(offset)

    assert tracker.watermark == 0
    assert list(tracker.completed()) == [Run(1, 2), Run(5, 5), Run(8, 9)]


def test_nothing_is_completed_above_a_watermark_with_nothing_unsettled_below():
    tracker = opened(0, 1, 2)
    for offset in (0, 1, 2):
        tracker.settle(offset)

    assert (tracker.watermark, list(tracker.completed())) == (3, [])
    assert list(OffsetTracker().completed()) == []


def test_a_run_of_which_a_part_was_read_again_is_told_as_what_is_left_and_what_was_read():
    tracker = OffsetTracker(10, [Run(11, 20)])
    for offset in (10, 11, 12):
        tracker.open(offset)

    assert list(tracker.completed()) == [Run(11, 12), Run(13, 20)]


def test_an_offset_is_settled_when_it_was_seen_and_is_not_open():
    tracker = opened(4, 5)
    tracker.settle(4)

    assert [tracker.is_settled(offset) for offset in (3, 4, 5, 6)] == [True, True, False, False]
    assert not OffsetTracker().is_settled(0)


def test_a_partition_that_was_made_anew_begins_below_its_commit_and_forgets_what_was_done():
    tracker = OffsetTracker(100, [Run(105, 110)])

    tracker.rewind(3)

    assert (tracker.watermark, tracker.open_count, list(tracker.completed())) == (3, 0, [])
    assert all(tracker.open(offset) for offset in (3, 4, 105, 110))
    assert tracker.watermark == 3
