"""The tracker against a naive model, and its rules one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.offset_map import NOTHING, OffsetMap, decode_map, encode_map
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


RUNS = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 300)), max_size=60).map(
    lambda pairs: list(_runs(pairs))
)


def _runs(pairs):
    position = 0
    for number, (gap, length) in enumerate(pairs):
        first = position + gap + (1 if number else 0)
        yield Run(first, first + length - 1)
        position = first + length


BEGUN = st.dictionaries(st.integers(0, 5000), st.integers(1, 100), max_size=30)


@given(st.integers(0, 2**60), RUNS, BEGUN)
def test_a_map_reads_back_as_it_was_written(watermark, runs, begun):
    moved = [Run(watermark + run.first, watermark + run.last) for run in runs]
    waiting = {watermark + offset: done for offset, done in begun.items()}

    text = encode_map(watermark, moved, waiting, "1f0c9a2b7d3e")

    assert decode_map(watermark, text) == OffsetMap(moved, waiting, "1f0c9a2b7d3e" if begun else "")
    assert bool(text) == bool(runs or begun)


@given(RUNS, BEGUN, st.integers(0, 200))
def test_a_map_that_does_not_fit_is_cut_between_two_entries(runs, begun, longest):
    text = encode_map(0, runs, begun, "v1", longest=longest)
    read = decode_map(0, text)

    assert len(text) <= longest or text == ""
    assert read.completed == runs[: len(read.completed)]
    assert list(read.begun) == sorted(begun)[: len(read.begun)]
    assert read.begun.items() <= begun.items()


def test_begun_records_never_take_more_than_a_quarter_of_the_map():
    begun = dict.fromkeys(range(10**9, 10**9 + 1000), 1)

    text = encode_map(0, [Run(1, 1)], begun, "v1")

    assert text.startswith("1:1.1;v1:")
    assert 900 < len(text) <= 1010


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="nothing"),
        pytest.param("", id="empty"),
        pytest.param("somebody else's", id="not ours"),
        pytest.param("2:1.1", id="another version"),
        pytest.param("1:1", id="half a pair"),
        pytest.param("1:1.0", id="a run of nothing"),
        pytest.param("1:-1.1", id="backwards"),
        pytest.param("1:1.1;v 1:1.1", id="odd version of the configuration"),
        pytest.param("1:1.1;:1.1", id="no version of the configuration"),
        pytest.param("1:1.1;v1:x.1", id="no number"),
        pytest.param("1:" + "f" * 17 + ".1", id="beyond any offset"),
    ],
)
def test_a_text_that_is_no_map_tells_nothing(text):
    assert decode_map(5, text) == NOTHING


@given(st.text(alphabet="0123456789abcdef.,;:v", max_size=40), st.integers(0, 1000))
def test_whatever_a_map_says_lies_above_the_watermark(text, watermark):
    found = decode_map(watermark, "1:" + text)

    ends = [watermark - 1]
    for run in found.completed:
        assert ends[-1] < run.first <= run.last
        ends.append(run.last)
    assert all(offset >= watermark for offset in found.begun)
