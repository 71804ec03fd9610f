"""`encharge-connector test --record`."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.command import run
from tests.cli.project import BODY, CASES, DESTINATION, ORDER, change, lines, snapshot
from tests.strategies import events


@pytest.fixture
def project(here):
    """A destination file and its cases, all of which pass."""
    (here / "destination.yaml").write_text(DESTINATION)
    (here / "destination.cases.yaml").write_text(CASES)
    return here


def test_what_happens_now_is_recorded_as_a_case(project):
    (project / "destination.cases.yaml").unlink()

    done = run("test", "--record", stdin=lines(ORDER))

    assert (done.code, done.out, done.err) == (0, "1 case added to destination.cases.yaml\n", "")
    assert (project / "destination.cases.yaml").read_text().splitlines()[1:] == [
        "cases:",
        "  - name: 'track Order, line 1'",
        "    event:",
        "      type: track",
        "      event: Order",
        "      userId: u1",
        "      properties: {total: 5}",
        "    expect:",
        "      - mapping: Orders",
        "        action: trackEvent",
        "        body:",
        *BODY.splitlines(),
    ]


def test_recording_leaves_existing_cases_and_comments_alone(project):
    file = project / "destination.cases.yaml"
    file.write_text("# Ours.\n" + CASES + "# Last words.\n")

    run("test", "--record", stdin=lines(ORDER))

    assert file.read_text().startswith("# Ours.\n" + CASES + "# Last words.\n")
    assert [row["case"] for row in run("test", "--json").json_lines] == [
        "A small order",
        "A screen",
        "Somebody unknown",
        "track Order, line 1",
    ]


def test_recording_the_same_events_again_makes_other_names(project):
    for _ in range(3):
        run("test", "--record", stdin=lines(ORDER))

    assert [row["case"] for row in run("test", "--json").json_lines][3:] == [
        "track Order, line 1",
        "track Order, line 1 (2)",
        "track Order, line 1 (3)",
    ]


def test_recorded_errors_and_events_that_nothing_takes_pass(project):
    found = lines(
        {"type": "track", "properties": {"total": 100}}, {"type": "screen"}, {"batch": [ORDER, ORDER]}
    )

    done = run("test", "--record", "own.cases.yaml", "--events", "-", stdin=found)

    assert done.out == "4 cases added to own.cases.yaml\n"
    assert run("test", "own.cases.yaml").code == 0


def test_recording_tells_json_a_line_for_each_case(project):
    [row] = run("test", "--record", "--json", stdin=lines(ORDER)).json_lines

    assert (row["file"], row["case"]) == ("destination.cases.yaml", "track Order, line 1")
    assert [outcome["mapping"] for outcome in row["expect"]] == ["Orders"]


def test_no_event_leaves_the_files_alone(project):
    (project / "destination.cases.yaml").unlink()

    assert run("test", "--record", stdin=b"\n").out == "0 cases added to destination.cases.yaml\n"
    assert [path.name for path in project.iterdir()] == ["destination.yaml"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param(b"{", "the value is not JSON in UTF-8", id="no JSON"),
        pytest.param(b"[]", "the value is JSON but no object", id="no object"),
        pytest.param(b'{"a":' + b"[" * 95 + b"]" * 95 + b"}", "is nested too deeply, so no file of cases can hold it", id="deep"),
        pytest.param(b'{"a":"\\ud800","b":1e400}', "holds a number that is no JSON, so no file of cases can hold it", id="infinity"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_a_case_is_told_and_nothing_is_written(project, line, told):
    before = snapshot(project)

    done = run("test", "--record", stdin=lines(ORDER) + line)

    assert done.code == 2
    assert done.err == f"error: <stdin>:2: {told}\n"
    assert snapshot(project) == before


def test_a_body_that_no_file_of_cases_could_hold_is_told(project):
    decode = "properties: {a: {'@json': {mode: decode, value: {'@path': $.properties.text}}}}"
    change(project / "destination.yaml", "properties: {'@path': $.properties}", decode)
    event = {**ORDER, "properties": {"text": "[" * 95 + "]" * 95}}

    done = run("test", "--record", stdin=lines(event))

    assert (done.code, done.err) == (
        2,
        "error: <stdin>:1: is nested too deeply, so no file of cases can hold it\n",
    )


def test_the_api_key_is_in_no_case_and_no_output(project):
    secret = "key-that-nobody-may-see"

    done = run("test", "--record", "--json", stdin=lines(ORDER), CONNECTOR_ENCHARGE_API_KEY=secret)
    text = (project / "destination.cases.yaml").read_text()

    assert done.code == 0
    assert [
        where for where in (done.out, done.err, text) if secret in where or "X-Encharge-Token" in where
    ] == []


@settings(max_examples=25, deadline=None)
@given(st.lists(events(), min_size=1, max_size=3))
def test_whatever_is_recorded_passes(found):
    with tempfile.TemporaryDirectory() as folder:
        destination, cases = Path(folder) / "destination.yaml", Path(folder) / "destination.cases.yaml"
        destination.write_text("id: presets\n")

        recorded = run("test", "--record", "--destination", destination, stdin=lines(*found))
        tested = run("test", "--destination", destination)

        assert (recorded.code, recorded.out) == (
            0,
            f"{len(found)} case{'s' * (len(found) > 1)} added to {cases}\n",
        )
        assert (tested.code, tested.out.splitlines()[-1]) == (
            0,
            recorded.out.split(" added")[0] + ", 0 failed",
        )
