"""Files of cases: read with the place of every mistake, and added to without touching what is there."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core import Destination
from connector.core.cases import Case, case_name, judge, record
from connector.edges.cases_file import add_cases, beside, case_files, read_cases
from connector.errors import ConfigurationError, OperationalError
from tests.strategies import events, mappings

CASES = """\
# Written by hand.
cases:
  - name: An order   # the usual one
    event: {type: track, event: Order, userId: u1}
    expect:
      - mapping: Orders
        body: {event: Order, total: 1.0}
"""
NEW = Case("A page, line 7", {"type": "page", "userId": "u1", "n": 1.0}, {"Pages": {"body": {"a": 1}}})


def write(folder, text, name="destination.cases.yaml"):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def problems(file):
    with pytest.raises(ConfigurationError) as raised:
        read_cases(file)
    return [str(problem).removeprefix(str(file)) for problem in raised.value.problems]


def test_a_case_is_read_with_the_line_it_starts_on(tmp_path):
    file = write(tmp_path, CASES)

    [located] = read_cases(file)

    assert (located.file, located.line) == (file, 3)
    assert located.case == Case(
        "An order",
        {"type": "track", "event": "Order", "userId": "u1"},
        {"Orders": {"body": {"event": "Order", "total": 1.0}}},
    )


def test_a_file_without_cases_is_empty(tmp_path):
    assert read_cases(write(tmp_path, "cases: []\n")) == ()
    assert read_cases(write(tmp_path, "cases:\n# none yet\n")) == ()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param(CASES, "[]", ":1: must be an object", id="a list"),
        pytest.param(CASES, "case: []", ":1:7: case: unknown; known are cases", id="no cases"),
        pytest.param(CASES, "cases: {a: 1}", ":1:8: cases: must be a list", id="cases no list"),
        pytest.param(CASES, "cases: [5]", ":1:9: cases[0]: must be an object", id="case no object"),
        pytest.param("name: An order", "nam: An order", ":3:10: cases[0].nam: unknown; known are name,", id="unknown key"),
        pytest.param("name: An order", "name: 5", ":3:11: cases[0].name: is required and must be text", id="name no text"),
        pytest.param("{type: track, event: Order, userId: u1}", "[]", ":4:12: cases[0].event: is required", id="event"),
        pytest.param("    expect:\n", "    expects:\n", ":6:7: cases[0].expects: unknown", id="no expect"),
        pytest.param("mapping: Orders", "mapping: 1", ":6:18: cases[0].expect[0].mapping: is required", id="mapping"),
        pytest.param("mapping: Orders", "mapping: Orders\n        action: track", ":7:17: cases[0].expect[0].action: must be one of trackEvent", id="action"),
        pytest.param("mapping: Orders", "mapping: Orders\n        method: PUT", ":7:17: cases[0].expect[0].method: must be one of POST, DELETE", id="method"),
        pytest.param("mapping: Orders", "mapping: Orders\n        url: 1", ":7:14: cases[0].expect[0].url: must be text", id="url"),
        pytest.param("mapping: Orders", "only: true", ":6:15: cases[0].expect[0].only: unknown", id="unknown in an outcome"),
        pytest.param("body: {event: Order, total: 1.0}", "action: addTag", ":6:9: cases[0].expect[0]: needs either body or error", id="neither"),
        pytest.param("body: {event: Order, total: 1.0}", "body: text", ":7:15: cases[0].expect[0].body: must be an object", id="body"),
        pytest.param("body: {event: Order, total: 1.0}", "error: {}", ":7:16: cases[0].expect[0].error.code: must be one of invalid_trigger", id="error without a code"),
        pytest.param("body: {event: Order, total: 1.0}", "error: {code: invalid_event, message: 5}", ":7:47: cases[0].expect[0].error.message: must be text", id="message"),
        pytest.param("body: {event: Order, total: 1.0}", "error: {code: invalid_event}\n        url: x", ":8:14: cases[0].expect[0].url: is of no use beside error", id="url beside error"),
        pytest.param("total: 1.0", "at: 2026-11-24", ":7:34: cases[0].expect[0].body.at: is read as date", id="a date"),
        pytest.param("cases:\n", "cases: [\n", ":3:3: while parsing a flow node", id="no YAML"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_line_and_column(tmp_path, old, new, told):
    first, *_ = problems(write(tmp_path, CASES.replace(old, new)))

    assert first.startswith(told)


def test_two_cases_of_one_name_are_refused(tmp_path):
    twice = CASES + CASES.partition("cases:\n")[2]

    assert problems(write(tmp_path, twice)) == [
        ":8:11: cases[1].name: 'An order' is the name of an earlier case, too"
    ]


def test_one_mapping_is_expected_once(tmp_path):
    twice = CASES + "      - {mapping: Orders, body: {}}\n"

    assert problems(write(tmp_path, twice)) == [
        ":8:19: cases[0].expect[1].mapping: 'Orders' is expected once already"
    ]


def test_a_file_that_is_missing_says_how_to_get_one(tmp_path):
    assert problems(tmp_path / "none.yaml") == [
        ": No such file or directory; `encharge-connector test --record` writes one"
    ]


def test_the_cases_of_a_destination_file_stand_beside_it():
    assert beside(Path("here/destination.yaml")) == Path("here/destination.cases.yaml")
    assert beside(Path("staging.yml")) == Path("staging.cases.yaml")


def test_a_directory_stands_for_all_files_of_cases_below_it(tmp_path):
    (tmp_path / "below").mkdir()
    for name in ("b.cases.yaml", "a.cases.yaml", "destination.yaml", "below/c.cases.yaml"):
        write(tmp_path, "cases: []\n", name)

    assert [file.name for file in case_files(tmp_path)] == ["a.cases.yaml", "b.cases.yaml", "c.cases.yaml"]
    assert case_files(tmp_path / "b.cases.yaml") == (tmp_path / "b.cases.yaml",)


def test_a_directory_without_cases_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"holds no file \*\.cases\.yaml"):
        case_files(tmp_path)


# Adding


def test_a_first_case_makes_the_file(tmp_path):
    file = tmp_path / "new.cases.yaml"

    add_cases(file, [NEW])

    assert [located.case for located in read_cases(file)] == [NEW]
    assert file.read_text().startswith("# Events and the requests they must become;")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(CASES, id="as we write it"),
        pytest.param(CASES.rstrip("\n"), id="no line break at the end"),
        pytest.param(CASES + "\n# the end\n\n", id="comments at the end"),
        pytest.param(CASES.replace("\n  ", "\n"), id="no indentation"),
        pytest.param(CASES.replace("\n  ", "\n      "), id="another indentation"),
        pytest.param(CASES.replace("\n", "\r\n"), id="line breaks of Windows"),
        pytest.param("cases:\n# none yet\n", id="no case yet"),
        pytest.param("---\n" + CASES.replace("total: 1.0", "'total':    1.0"), id="odd spelling"),
    ],
)
def test_what_stands_in_the_file_stays_as_it_is_byte_by_byte(tmp_path, text):
    file = tmp_path / "destination.cases.yaml"
    file.write_bytes(text.encode())
    before = [located.case for located in read_cases(file)]

    add_cases(file, [NEW])

    assert file.read_bytes().startswith(text.encode())
    assert [located.case for located in read_cases(file)] == [*before, NEW]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("cases: []\n", id="a list on one line"),
        pytest.param("{cases: [{name: a, event: {}, expect: []}]}\n", id="all on one line"),
        pytest.param(CASES + "...\n", id="the end of the document is marked"),
    ],
)
def test_a_file_that_has_no_place_for_another_case_is_left_alone(tmp_path, text):
    file = write(tmp_path, text)

    with pytest.raises(
        ConfigurationError, match=r"\.yaml:\d+:\d+: cases: must be the last thing in the file"
    ):
        add_cases(file, [NEW])

    assert file.read_text() == text


def test_a_file_in_another_encoding_is_left_alone(tmp_path):
    file = tmp_path / "destination.cases.yaml"
    file.write_bytes(CASES.encode("utf-16"))
    assert len(read_cases(file)) == 1

    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        add_cases(file, [NEW])

    assert file.read_bytes() == CASES.encode("utf-16")


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(OperationalError, match=r"new\.yaml cannot be written: No such file or directory"):
        add_cases(tmp_path / "none" / "new.yaml", [NEW])


# Recording


@settings(max_examples=50, deadline=None)
@given(found=st.lists(events(), min_size=1, max_size=3), configured=st.lists(mappings(), max_size=3))
def test_what_is_recorded_passes(found, configured):
    try:
        destination = Destination.from_config({"id": "x", "mappings": configured or None}, api_key="")
    except ConfigurationError:
        destination = Destination.from_config({"id": "x"}, api_key="")
    names = set()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.cases.yaml"
        for line, event in enumerate(found, start=1):
            name = case_name(event, line, names)
            names.add(name)
            add_cases(file, [record(name, event, destination)])

        cases = [located.case for located in read_cases(file)]

    assert [case.event for case in cases] == found
    assert [judge(case, destination) for case in cases] == [()] * len(found)


@pytest.mark.parametrize(
    ("event", "name"),
    [
        pytest.param({"type": "track", "event": "Order Completed"}, "track Order Completed, line 3", id="track"),
        pytest.param({"type": "page", "name": "Home"}, "page Home, line 3", id="page"),
        pytest.param({"type": "identify"}, "identify, line 3", id="type alone"),
        pytest.param({"type": 5}, "event, line 3", id="no type"),
        pytest.param({"type": "track", "event": " a\n\x00b\ud800 "}, "track a b, line 3", id="characters that cannot be seen"),
        pytest.param({"type": "track", "event": "x" * 200}, f"track {'x' * 74}, line 3", id="long"),
    ],
)  # fmt: skip
def test_a_case_is_named_after_its_event_and_line(event, name):
    assert case_name(event, 3, set()) == name


def test_no_two_cases_get_one_name():
    assert case_name({"type": "page"}, 3, {"page, line 3", "page, line 3 (2)"}) == "page, line 3 (3)"
