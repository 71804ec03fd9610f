"""`encharge-connector test`."""

import json
from xml.etree import ElementTree as ET

import pytest

from tests.cli.command import run
from tests.cli.project import BODY, CASES, DESTINATION, ORDER, change, snapshot


@pytest.fixture
def project(here):
    """A destination file and its cases, all of which pass."""
    (here / "destination.yaml").write_text(DESTINATION)
    (here / "destination.cases.yaml").write_text(CASES)
    return here


def test_cases_that_pass_are_told_one_a_line(project):
    done = run("test")

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "ok   A small order",
        "ok   A screen",
        "ok   Somebody unknown",
        "3 cases, 0 failed",
    ]


def test_a_body_that_differs_is_told_path_by_path(project):
    change(project / "destination.cases.yaml", BODY, BODY.replace("total: 5", "total: 6, coupon: null"))

    done = run("test")

    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines() == [
        "FAIL destination.cases.yaml:2: A small order",
        "     Orders: changed",
        "       - properties.total: 6",
        "       + properties.total: 5",
        "       - properties.coupon: null",
        "ok   A screen",
        "ok   Somebody unknown",
        "3 cases, 1 failed",
    ]


def test_a_request_that_was_not_expected_is_told(project):
    change(project / "destination.yaml", 'event = "Order"', 'event != "nothing"')

    [line] = [line for line in run("test").out.splitlines() if "Orders" in line]

    assert line == "     Orders: unexpected"
    assert '       + (method): "POST"\n' in run("test").out


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        pytest.param('event = "Order"', 'event = "Other"', "its trigger does not match", id="no match"),
        pytest.param("name: Orders", "name: Sales", "no enabled mapping has this name", id="another name"),
        pytest.param("action: trackEvent", "action: trackEvent\n    enabled: false", "no enabled mapping has this name", id="disabled"),
    ],
)  # fmt: skip
def test_a_request_that_is_missing_is_told_with_the_reason(project, old, new, note):
    change(project / "destination.yaml", old, new)

    done = run("test")

    assert done.code == 1
    assert f"     Orders: missing ({note})\n" in done.out


def test_every_mapping_that_differs_is_told(project):
    change(project / "destination.cases.yaml", "mapping: Orders", "mapping: Off")

    assert [line for line in run("test").out.splitlines() if line.startswith("     O")] == [
        "     Off: missing (no enabled mapping has this name)",
        "     Orders: unexpected",
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param("action: trackEvent", "action: trackPageView", "(action)", id="action"),
        pytest.param("method: POST", "method: DELETE", "(method)", id="method"),
        pytest.param("encharge.io/v1", "encharge.io/v2", "(url)", id="url"),
        pytest.param("code: invalid_action", "code: invalid_fields", "(error.code)", id="code of an error"),
        pytest.param("code: invalid_action", "code: invalid_action, message: x", "(error.message)", id="message of an error"),
        pytest.param("error: {code: invalid_action}", "body: {}", "(error)", id="error for a request"),
    ],
)  # fmt: skip
def test_what_a_case_says_beside_the_body_is_compared_too(project, old, new, told):
    change(project / "destination.cases.yaml", old, new)

    done = run("test")

    assert done.code == 1
    assert f" + {told}: " in done.out


@pytest.mark.parametrize(
    "left_out",
    [
        "        action: trackEvent\n",
        "        method: POST\n",
        "        url: https://ingest.encharge.io/v1\n",
    ],
)
def test_what_a_case_says_nothing_about_is_not_compared(project, left_out):
    change(project / "destination.cases.yaml", left_out, "")

    assert run("test").code == 0


def test_numbers_and_the_order_of_keys_are_compared_as_json_does(project):
    reordered = "".join(sorted(BODY.splitlines(keepends=True))).replace("total: 5", "total: 5.0")
    change(project / "destination.cases.yaml", BODY, reordered)

    assert run("test").code == 0


def test_cases_say_the_same_whatever_the_settings_are(project):
    done = run(
        "test",
        CONNECTOR_ENCHARGE_INGEST_URL="http://elsewhere.test/v1",
        CONNECTOR_ENCHARGE_API_KEY="secret",
    )

    assert done.code == 0


def test_json_is_one_object_a_case(project):
    change(project / "destination.cases.yaml", BODY, BODY.replace("total: 5", "total: 6"))

    done = run("test", "--json")

    assert done.code == 1
    assert [(row["case"], row["line"], row["passed"]) for row in done.json_lines] == [
        ("A small order", 2, False),
        ("A screen", 16, True),
        ("Somebody unknown", 19, True),
    ]
    assert done.json_lines[0]["differences"] == [
        {
            "mapping": "Orders",
            "kind": "changed",
            "note": "",
            "changes": [{"path": "body.properties.total", "expected": 6, "actual": 5}],
        }
    ]


def test_json_leaves_out_the_side_that_has_nothing(project):
    change(project / "destination.yaml", 'event = "Order"', 'event = "Other"')

    [difference] = run("test", "--json").json_lines[0]["differences"]

    assert difference["kind"] == "missing"
    assert {each["path"]: set(each) for each in difference["changes"]} == {
        path: {"path", "expected"} for path in ("action", "method", "url", "body")
    }


# Which files


def test_cases_belong_to_the_destination_file_of_the_option_or_the_setting(project):
    (project / "destination.yaml").rename(project / "own.yaml")
    (project / "destination.cases.yaml").rename(project / "own.cases.yaml")

    assert run("test", "--destination", "own.yaml").code == 0
    assert run("test", CONNECTOR_DESTINATION_FILE="own.yaml").code == 0
    assert run("test").code == 2


def test_several_files_and_directories_are_tested_each_once(project):
    (project / "more").mkdir()
    (project / "more" / "a.cases.yaml").write_text(CASES.replace("A small order", "Another"))

    done = run("test", "more", "destination.cases.yaml", ".", "--json")

    assert [(row["file"], row["case"]) for row in done.json_lines if row["line"] == 2] == [
        ("more/a.cases.yaml", "Another"),
        ("destination.cases.yaml", "A small order"),
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["none.yaml"], "none.yaml: No such file or directory; `encharge-connector test --record` writes one", id="no file"),
        pytest.param(["empty"], "empty: holds no file *.cases.yaml", id="an empty directory"),
        pytest.param(["--destination", "none.yaml"], "none.yaml: No such file or directory; `encharge-connector init` writes one", id="no destination"),
        pytest.param(["no.cases.yaml"], "no.cases.yaml: holds no case; `encharge-connector test --record` adds some", id="no case"),
        pytest.param(["bad.cases.yaml"], "bad.cases.yaml:6:18: cases[0].expect[0].mapping: is required: the name of a mapping", id="a malformed case"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used_are_told(project, arguments, told):
    (project / "empty").mkdir()
    (project / "no.cases.yaml").write_text("cases: []\n")
    (project / "bad.cases.yaml").write_text("\n" + CASES.replace("mapping: Orders", "mapping: 123").replace(f"    event: {json.dumps(ORDER)}", "    event: {}"))  # fmt: skip

    done = run("test", *arguments)

    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [f"error: {told}"]


def test_a_malformed_case_fails_before_any_case_is_told(project):
    change(project / "destination.cases.yaml", "expect: []", "expect: 5")

    done = run("test", "--junit", "report.xml")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: destination.cases.yaml:18:13: cases[1].expect: is required")
    assert not (project / "report.xml").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["--events", "-"], "--events goes with --record", id="events alone"),
        pytest.param(["--record", "--junit", "x"], "--junit does not go with --record", id="junit"),
        pytest.param(["--record", "a", "b"], "--record adds to one file of cases", id="two files"),
        pytest.param(["--record", "."], "--record adds to one file of cases", id="a directory"),
    ],
)
def test_options_that_contradict_each_other_are_a_usage_error(project, arguments, told):
    before = snapshot(project)

    done = run("test", *arguments)

    assert done.code == 2
    assert told in done.err
    assert snapshot(project) == before


# JUnit


def test_a_junit_report_tells_what_the_screen_tells(project):
    change(project / "destination.cases.yaml", BODY, BODY.replace("total: 5", "total: 6"))

    done = run("test", "--junit", "report.xml")

    assert done.code == 1
    root = ET.parse(project / "report.xml").getroot()
    [suite] = root
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == (
        "destination.cases.yaml",
        "3",
        "1",
    )
    assert [case.get("name") for case in suite] == ["A small order", "A screen", "Somebody unknown"]
    [failure] = suite.iter("failure")
    assert failure.text.splitlines() == [
        "Orders: changed",
        "  - properties.total: 6",
        "  + properties.total: 5",
    ]


def test_a_junit_report_that_cannot_be_written_is_an_operational_error(project):
    done = run("test", "--junit", "none/report.xml")

    assert done.code == 3
    assert done.err == "error: none/report.xml cannot be written: No such file or directory\n"
