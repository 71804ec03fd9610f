"""Every block of code on every page is covered by a rule: run by a test, or taken as its reader would take it."""

import json
import re
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import click
import pytest

from connector.core.case_format import cases_of
from connector.core.presets import preset_mappings
from connector.edges.deliverable import read_deliverable
from connector.edges.destination_file import parse_yaml
from connector.errors import ConfigurationError
from connector.settings import Settings, variable_of
from tests.docs.command_lines import Wrong, check, known_variables, named_variables, simple_commands
from tests.docs.pages import PAGES, ROOT, Block, blocks, name, spans
from tests.metric_samples import sample_labels
from tests.promql import result_labels

BLOCKS = [block for page in PAGES for block in blocks(page)]
RUNS = re.compile(r"(?:runs|checked) in (tests/[\w/]+\.py)(?:, [^`]+)?")
SHOWN = re.compile(r"printed( .*)?|is [\w.-]+")
LANGUAGES = {"bash", "console", "http", "json", "promql", "python", "sh", "text", "yaml"}
FREE = {
    "console",  # programs of others, such as those that come with Kafka
    "text",  # what is shown, drawn or printed
}
RUN_WHOLE = {"docs/lint.md": "tests/docs/test_lint_page.py"}
"""Pages of which a test has every block of YAML: examples that must be wrong, among others."""
DESTINATION_KEYS = {"id", "name", "enabled", "when_disabled", "deletion", "mappings", "responses"}
MAPPING_KEYS = {"name", "action", "enabled", "trigger", "fields"}


def of(*languages):
    return [pytest.param(block, id=block.place) for block in BLOCKS if block.language in languages]


def each(*languages):
    return pytest.mark.parametrize("block", of(*languages))


def marked(block):
    """Give the path of the test that has a block, None where none has."""
    found = RUNS.fullmatch(block.mark)
    return found[1] if found else RUN_WHOLE.get(name(block.page)) if block.language == "yaml" else None


# All of them


def test_every_fence_is_one_of_a_block():
    for page in PAGES:
        fences = re.findall(r"^ *`{3,}", page.read_text(), re.MULTILINE)
        assert len(fences) == 2 * len(blocks(page)), name(page)


def test_every_block_says_its_language():
    assert [block.place for block in BLOCKS if block.language not in LANGUAGES] == []


def test_the_comment_before_a_block_means_something():
    wrong = [
        (block.place, block.mark)
        for block in BLOCKS
        if block.mark
        and not (RUNS.fullmatch(block.mark) or SHOWN.fullmatch(block.mark) or "generated:" in block.mark)
    ]

    assert wrong == []


def test_what_is_shown_as_printed_is_on_a_page_whose_commands_run():
    run = {block.page for block in BLOCKS if marked(block)}

    assert {block.page for block in BLOCKS if SHOWN.fullmatch(block.mark)} <= run


@pytest.mark.parametrize(
    ("test", "page"),
    sorted({(marked(block), name(block.page)) for block in BLOCKS if marked(block)}),
)
def test_a_test_that_has_blocks_of_a_page_names_the_page(test, page):
    assert Path(page).stem in (ROOT / test).read_text()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_names_settings_that_exist(page):
    assert named_variables(page.read_text()) - known_variables() == set()


# By language


@each("bash")
def test_a_command_line_is_one_that_its_program_takes(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    check(block.text, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_command_line_in_a_sentence_is_one_that_the_connector_takes(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    for span in spans(page):
        if re.match(r"(encharge-connector|make) [a-z]", span) and "|" not in span and "…" not in span:
            with suppress(click.MissingParameter):  # the command is meant, not a call of it
                check(span, tmp_path)


def examples_of_help():
    page = ROOT / "docs/cli.md"
    for block in blocks(page):
        _, _, text = block.text.partition("  Example")
        script = re.sub(r"\\\n\s*\|", "|", text.partition("\nOptions:")[0])
        lines = [line.strip() for line in script.splitlines()]
        for line in lines:
            if re.match(r"([A-Z_]+=\S+ )?encharge-connector |.*\| encharge-connector ", line):
                yield pytest.param(line, id=line)


@pytest.mark.parametrize("line", [*examples_of_help()])
def test_an_example_of_the_help_is_one_that_the_connector_takes(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    check(line, tmp_path)


@each("sh")
def test_a_file_of_settings_has_settings_only_with_values_that_they_take(block):
    parsers = {variable_of(field): field.metadata["parse"] for field in fields(Settings)}

    for line in block.text.splitlines():
        variable, is_there, value = line.partition("=")
        assert is_there, line
        assert variable in known_variables()
        parsers[variable](value) if variable in parsers else Path(value)


@each("json")
def test_json_is_json_or_one_value_a_line(block):
    try:
        json.loads(block.text)
    except json.JSONDecodeError:
        assert all(json.loads(line) for line in block.text.splitlines())


@each("promql")
def test_a_query_asks_for_metrics_and_labels_that_exist(block):
    result_labels(block.text, sample_labels())


@each("python")
def test_python_is_python(block):
    compile(block.text, block.place, "exec")


@each("http")
def test_a_request_has_a_line_and_headers(block):
    first, *headers = block.text.splitlines()

    assert re.fullmatch(r"(GET|POST|DELETE) https://\S+", first)
    assert all(re.fullmatch(r"[\w-]+: \S.*", header) for header in headers)


@each("yaml")
def test_yaml_is_a_part_of_a_destination_that_loads_or_somebody_elses(block, tmp_path):
    value = value_of(block)
    if marked(block):
        return
    if is_destination(value):
        loads(completed(value), tmp_path)
    elif isinstance(value, dict) and value.keys() == {"cases"}:
        assert cases_of(value)
    else:
        assert is_of_others(value), f"{block.place} is neither; mark it with the test that has it"


def value_of(block):
    texts = re.split(r"^---$", block.text, flags=re.MULTILINE)
    values = [parse_yaml(Path(block.place), text.encode())[0] for text in texts if text.strip()]
    return values[0] if len(values) == 1 else values


def is_destination(value):
    if not isinstance(value, dict):
        return False
    return value.keys() <= DESTINATION_KEYS or value.keys() <= MAPPING_KEYS


def completed(value):
    """Make a whole file of a part: a mapping, or some keys of the file."""
    if value.keys() & {"action", "trigger", "fields"}:
        value = {"mappings": [{**preset_mappings()[0], **value}]}
    return {"id": "example", "mappings": [], **value}


def loads(config, directory):
    file = directory / "destination.yaml"
    file.write_text(json.dumps(config))
    read_deliverable(Settings(destination_file=file, encharge_api_key="key"))


def is_of_others(value):
    """Tell whether YAML is for Kubernetes, Prometheus or Docker: only its form can be looked at."""
    return all(
        isinstance(document, dict)
        and ({"apiVersion", "kind"} <= document.keys() or document.keys() & {"scrape_configs", "services"})
        for document in (value if isinstance(value, list) else [value])
    )


# The rules themselves


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("encharge-connector nothing", id="no command"),
        pytest.param("encharge-connector replay plan --sinse 24h", id="no option"),
        pytest.param("cat x | encharge-connector dlq show here", id="no argument"),
        pytest.param("A=1 make nonsense", id="no target"),
        pytest.param("python -m tests.nothing", id="no module"),
        pytest.param("until encharge-connector nothing; do sleep 1; done", id="no command in a loop"),
        pytest.param("promtool check rules deploy/prometheus/alerts.yaml", id="no program that pages use"),
        pytest.param("kubectl apply -f deploy/nothing.yaml", id="no file"),
        pytest.param("pip install 'segment-encharge-connector[nothing]'", id="no extra"),
    ],
)
def test_a_wrong_command_line_is_found(script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises((Wrong, click.UsageError)):
        check(script, tmp_path)


def test_a_script_is_taken_apart_into_its_commands():
    script = "cat > f <<'END'\nmake nothing\nEND\nA=1 x --y 'a|b' 2>&1 \\\n  | z  # make nothing\n"

    assert list(simple_commands(script)) == [["cat"], ["A=1", "x", "--y", "a|b"], ["z"]]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("name: X\naction: addTagg\ntrigger: 'type = \"track\"'\n", id="no action"),
        pytest.param("responses:\n  - {status: 4xx, outcome: nothing}\n", id="no outcome"),
        pytest.param("deletion: {eras: true}\n", id="no key of deletion"),
    ],
)
def test_a_wrong_part_of_a_destination_is_found(text, tmp_path):
    block = Block(ROOT / "README.md", 1, "", "yaml", text)

    with pytest.raises(ConfigurationError):
        loads(completed(value_of(block)), tmp_path)
