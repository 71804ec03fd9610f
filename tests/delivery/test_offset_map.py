"""What a commit's metadata says of the records above the watermark, written and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.offset_map import LONGEST, LONGEST_BEGUN, NOTHING, OffsetMap, decode_map, encode_map
from connector.delivery.offsets import Run

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


# The text itself: a newer worker has to read what an older one wrote.


@pytest.mark.parametrize(
    ("watermark", "runs", "begun", "text"),
    [
        pytest.param(100, [], {}, "", id="nothing"),
        pytest.param(100, [Run(101, 101)], {}, "1:1.1", id="one"),
        pytest.param(100, [Run(100, 100)], {}, "1:0.1", id="from the watermark on"),
        pytest.param(0, [Run(16, 31), Run(42, 42)], {}, "1:10.10,a.1", id="hexadecimal lengths"),
        pytest.param(100, [], {100: 2}, "1:;v1:0.2", id="begun"),
        pytest.param(100, [Run(101, 102)], {126: 17, 100: 2}, "1:1.2;v1:0.2,1a.11", id="begun, ascending"),
    ],
)
def test_a_map_is_written_so(watermark, runs, begun, text):
    assert encode_map(watermark, runs, begun, "v1") == text
    assert decode_map(watermark, text) == OffsetMap(runs, begun, "v1" if begun else "")


@pytest.mark.parametrize(
    ("longest", "text"),
    [(13, "1:1.1,1.1,1.1"), (12, "1:1.1,1.1"), (9, "1:1.1,1.1"), (8, "1:1.1"), (5, "1:1.1"), (4, "")],
)
def test_runs_are_cut_only_when_they_do_not_fit(longest, text):
    assert encode_map(0, [Run(1, 1), Run(3, 3), Run(5, 5)], longest=longest) == text


@pytest.mark.parametrize(
    ("longest", "text"), [(13, "1:;v1:0.1,1.1"), (12, "1:;v1:0.1"), (9, "1:;v1:0.1"), (8, "")]
)
def test_begun_records_are_cut_only_when_they_do_not_fit(longest, text):
    assert encode_map(0, [], {0: 1, 1: 1}, "v1", longest=longest) == text


@pytest.mark.parametrize(("longest", "text"), [(13, "1:1.1;v1:0.1"), (12, "1:1.1;v1:0.1"), (11, "1:;v1:0.1")])
def test_begun_records_come_before_runs_when_not_both_fit(longest, text):
    assert encode_map(0, [Run(1, 1)], {0: 1}, "v1", longest=longest) == text


def test_the_longest_map_fits_into_what_kafka_keeps():
    runs = [Run(offset, offset) for offset in range(1, 10_000, 2)]
    begun = dict.fromkeys(range(0, 10_000, 2), 1)

    text = encode_map(0, runs, begun, "v1")

    assert LONGEST - 4 <= len(text) <= LONGEST < 4096
    assert LONGEST_BEGUN - 10 < len(text.partition(";")[2]) <= LONGEST_BEGUN


def test_the_version_of_the_configuration_may_be_as_long_as_64_characters():
    begun = {5: 1}

    assert decode_map(0, encode_map(0, [], begun, "v" * 64)).begun == begun
    assert decode_map(0, encode_map(0, [], begun, "v" * 65)) == NOTHING
