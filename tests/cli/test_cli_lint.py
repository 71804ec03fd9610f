"""`encharge-connector lint`."""

import pytest

from connector.core.lint import RULES
from connector.edges.destination_template import destination_text
from tests.cli.command import run

ERRORS = """\
id: production
mappings:
  - name: Large orders
    action: trackEvent
    trigger: type = 'track'
    fields:
      event: Large Order
      type: track
      userId: {'@path': $.userId}
      colour: {'@path': $.properties.colour}
"""
WARNING = ERRORS.replace("'track'", '"track"')
CLEAN = WARNING.replace("      colour: {'@path': $.properties.colour}\n", "")
BROKEN = """\
id: my production
mappings:
  - name: A
    action: track
    trigger: type = "track"
  - name: B
    action: trackEvent
    trigger: properties.total>5
    fields:
      event: {'@pth': $.event}
      type: $.type
      userId: {'@path': $.userId}
"""


@pytest.fixture
def write(here):
    """Write destination.yaml, or another file."""

    def write(text, name="destination.yaml"):
        (here / name).write_text(text)

    return write


def test_a_finding_has_its_place_its_severity_its_rule_and_what_happens(write):
    write(ERRORS)

    done = run("lint")

    assert (done.code, done.err) == (1, "")
    first, second, summary = done.out.splitlines()
    assert first.startswith(
        "destination.yaml:5:14: error trigger-single-quotes: mappings[0].trigger: `type = 'track'` never matches"
    )
    assert second == (
        "destination.yaml:10:15: warning field-unknown: mappings[0].fields.colour: is dropped:"
        " trackEvent has no such field"
    )
    assert summary == "1 error, 1 warning"


def test_json_is_one_list_with_everything_in_fields(write):
    write(ERRORS)

    done = run("lint", "--json")

    assert done.code == 1
    assert [set(each) for each in done.json] == [
        {"file", "line", "column", "rule", "severity", "path", "message"}
    ] * 2
    assert {key: value for key, value in done.json[1].items() if key != "message"} == {
        "file": "destination.yaml",
        "line": 10,
        "column": 15,
        "rule": "field-unknown",
        "severity": "warning",
        "path": "mappings[0].fields.colour",
    }


@pytest.mark.parametrize(
    ("text", "arguments", "code"),
    [
        pytest.param(CLEAN, [], 0, id="clean"),
        pytest.param(CLEAN, ["--strict"], 0, id="clean, strict"),
        pytest.param(WARNING, [], 0, id="a warning"),
        pytest.param(WARNING, ["--strict"], 1, id="a warning, strict"),
        pytest.param(ERRORS, [], 1, id="an error"),
        pytest.param(ERRORS, ["--strict"], 1, id="an error, strict"),
        pytest.param(BROKEN, [], 1, id="does not load"),
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_the_exit_code_tells_errors_and_with_strict_warnings(write, text, arguments, code, form):
    write(text)

    assert run("lint", *arguments, *form).code == code


def test_a_clean_file_says_so(write):
    write(CLEAN)

    assert run("lint").out == "0 errors, 0 warnings\n"
    assert run("lint", "--json").json == []


def test_everything_that_keeps_a_file_from_being_loaded_is_told_at_once_with_its_place(write):
    write(BROKEN)

    done = run("lint", "--json")

    assert [(each["line"], each["column"], each["rule"], each["path"]) for each in done.json] == [
        (1, 5, "configuration", "id"),
        (4, 13, "configuration", "mappings[0].action"),
        (8, 14, "trigger-syntax", "mappings[1].trigger"),
        (10, 14, "fields", "mappings[1].fields.event"),
        (11, 13, "literal-looks-like-path", "mappings[1].fields.type"),
    ]


def test_the_same_is_told_as_when_the_file_is_loaded(write):
    write(BROKEN)

    loading = run("explain", stdin=b"{}").err
    told = run("lint").out

    assert "id: is required" in loading
    assert "id: is required" in told
    for line in told.splitlines():
        place, _, rest = line.partition(" error configuration: ")
        assert not rest or f"error: {place} {rest}" in loading


@pytest.mark.parametrize(
    "arguments",
    [pytest.param(["own.yaml"], id="argument"), pytest.param([], id="setting")],
)
def test_the_file_is_the_argument_or_that_of_the_setting(write, arguments):
    write(ERRORS, "own.yaml")
    write(CLEAN)
    environment = {} if arguments else {"CONNECTOR_DESTINATION_FILE": "own.yaml"}

    assert [each["file"] for each in run("lint", "--json", *arguments, **environment).json] == [
        "own.yaml"
    ] * 2


def test_wrong_settings_do_not_matter_where_the_file_is_named(write):
    write(CLEAN)

    assert run("lint", "destination.yaml", CONNECTOR_MAX_IN_FLIGHT="many").code == 0
    assert run("lint", CONNECTOR_MAX_IN_FLIGHT="many").code == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(None, "destination.yaml: No such file or directory", id="missing"),
        pytest.param("mappings: [", "destination.yaml:1:", id="no YAML"),
        pytest.param("- a", "destination.yaml:1: must be an object", id="a list"),
        pytest.param("id: 2024-01-01", "is read as", id="a date"),
    ],
)
def test_a_file_that_cannot_be_read_exits_2_and_is_told_on_standard_error(write, text, told):
    if text is not None:
        write(text)

    done = run("lint", "--json")

    assert (done.code, done.out) == (2, "")
    assert told in done.err


def test_what_init_writes_is_clean(write):
    write(destination_text(id="production", name="Encharge production"))

    assert run("lint", "--strict").out == "0 errors, 0 warnings\n"


# Comments


def test_a_comment_above_a_mapping_silences_a_rule_for_it(write):
    write(ERRORS.replace("  - name", "  # lint: disable=trigger-single-quotes, field-unknown\n  - name"))

    assert run("lint", "--strict").out == "0 errors, 0 warnings\n"


def test_a_comment_on_the_first_line_of_a_mapping_silences_a_rule_for_it(write):
    write(ERRORS.replace("Large orders", "Large orders  # lint: disable=field-unknown"))

    assert [each["rule"] for each in run("lint", "--json").json] == ["trigger-single-quotes"]


def test_a_comment_on_a_line_silences_a_rule_there(write):
    write(ERRORS.replace("properties.colour}", "properties.colour}  # lint: disable=field-unknown"))

    assert [each["rule"] for each in run("lint", "--json").json] == ["trigger-single-quotes"]


def test_a_comment_silences_a_rule_for_the_whole_file_at_its_line(write):
    setting = "enabled: false\nwhen_disabled: discard\n"
    write(CLEAN.replace("mappings:", f"{setting}mappings:"))
    assert [each["rule"] for each in run("lint", "--json").json] == ["disabled-destination"]

    write(CLEAN.replace("mappings:", f"# lint: disable=disabled-destination\n{setting}mappings:"))
    assert run("lint", "--json").json == []


def test_a_comment_that_silences_nothing_is_a_warning_at_its_own_line(write):
    write(CLEAN.replace("  - name", "  # lint: disable=field-unknown\n  - name"))

    done = run("lint")

    assert done.out.splitlines() == [
        "destination.yaml:3:1: warning lint-comment: silences nothing: field-unknown finds nothing there",
        "0 errors, 1 warning",
    ]
    assert done.code == 0


def test_a_comment_cannot_make_a_file_load(write):
    write(BROKEN.replace("  - name: B", "  # lint: disable=trigger-syntax\n  - name: B"))

    rules = [each["rule"] for each in run("lint", "--json").json]

    assert "trigger-syntax" in rules
    assert "lint-comment" in rules


def test_a_file_in_another_encoding_is_looked_at_without_its_comments(here):
    (here / "destination.yaml").write_bytes(CLEAN.encode("utf-16"))

    assert run("lint").code == 0


def test_text_and_json_tell_the_same(write):
    write(ERRORS + CLEAN.partition("mappings:\n")[2].replace("Large orders", "Second"))

    lines = run("lint").out.splitlines()[:-1]

    assert [line.split()[2].rstrip(":") for line in lines] == [
        each["rule"] for each in run("lint", "--json").json
    ]
    assert {line.split()[2].rstrip(":") for line in lines} <= {rule.id for rule in RULES}
