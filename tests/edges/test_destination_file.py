"""Destination files: what is read, and where problems are told to be."""

from pathlib import Path

import pytest

from connector.core.presets import preset_mappings
from connector.edges.destination_file import parse_destination_file, read_destination_file
from connector.edges.destination_template import destination_text
from connector.errors import ConfigurationError

MAPPING = """
id: production
mappings:
  - name: Orders
    action: trackEvent
    trigger: type = "track" and event = "Order Completed"
    fields:
      event: {'@path': $.event}
      type: track
"""


def write(tmp_path, text):
    file = tmp_path / "destination.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def problems(file):
    with pytest.raises(ConfigurationError) as caught:
        read_destination_file(file).compile(api_key="k")
    return [str(problem).replace(str(file), "F") for problem in caught.value.problems]


def test_a_file_compiles_to_its_mappings(tmp_path):
    destination = read_destination_file(write(tmp_path, MAPPING)).compile(api_key="k")

    [planned] = destination.plan({"type": "track", "event": "Order Completed"})
    assert planned.mapping_name == "Orders"
    assert planned.request.headers["X-Encharge-Token"] == "k"


def test_the_file_that_init_writes_is_the_presets(tmp_path):
    file = read_destination_file(write(tmp_path, destination_text(id="production", name="Encharge")))

    assert file.config["mappings"] == preset_mappings()
    assert len(file.compile(api_key="k").mappings) == 5


def test_a_file_without_mappings_means_the_presets(tmp_path):
    file = read_destination_file(write(tmp_path, "id: production\n"))

    assert [each.name for each in file.compile(api_key="k").mappings] == [
        each["name"] for each in preset_mappings()
    ]


def test_the_version_changes_with_the_content(tmp_path):
    one = read_destination_file(write(tmp_path, MAPPING)).version
    two = read_destination_file(write(tmp_path, MAPPING + "enabled: true\n")).version

    assert one != two


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(
            ('"track" and', '"track" and total>5 and'),
            "F:6:14: mappings[0].trigger: expected termination character after identifier, got > (character 25)",
            id="trigger",
        ),
        pytest.param(
            ("{'@path': $.event}", "{'@pth': $.event}"),
            "F:8:14: mappings[0].fields.event: /event has an invalid directive: @pth.",
            id="directive",
        ),
        pytest.param(("action: trackEvent", "action: track"), "F:5:13: mappings[0].action: must be one of", id="action"),
        pytest.param(("trigger:", "triger:"), "F:6:13: mappings[0].triger: unknown; known are", id="key"),
        pytest.param(("id: production", "id: my destination"), "F:2:5: id: is required: letters, digits", id="id"),
        pytest.param(("type: track\n", "type: 2024-01-01\n"), "F:9:13: mappings[0].fields.type: is read as date", id="date"),
        pytest.param(("type: track\n", "type: .nan\n"), "F:9:13: mappings[0].fields.type: is no number of JSON", id="nan"),
        pytest.param(("name: Orders", "name: [Orders"), "F:", id="syntax"),
        pytest.param(("name: Orders", "name: Orders\n    name: Again"), "F:", id="duplicate key"),
    ],
)  # fmt: skip
def test_a_problem_is_told_with_its_line(tmp_path, change, expected):
    lines = problems(write(tmp_path, MAPPING.replace(*change)))

    assert lines[0].startswith(expected)


def test_a_syntax_error_names_its_line(tmp_path):
    [line] = problems(write(tmp_path, "id: x\nmappings: [\n"))

    assert line.startswith("F:3:1: ")


def test_two_mappings_of_the_same_name_are_refused(tmp_path):
    twice = MAPPING + MAPPING.partition("mappings:")[2]

    assert problems(write(tmp_path, twice)) == [
        "F:11:11: mappings[1].name: 'Orders' is the name of an earlier mapping, too"
    ]


def test_more_than_fifty_mappings_are_refused(tmp_path):
    one = MAPPING.partition("mappings:")[2]
    many = "id: x\nmappings:" + "".join(one.replace("Orders", f"Orders {n}") for n in range(51))

    assert problems(write(tmp_path, many)) == ["F:3:3: mappings: are 51, at most 50 are allowed"]


@pytest.mark.parametrize("text", [b"", b"[]", b"text", b"\xff\xfe\x00"])
def test_what_is_no_object_is_refused(tmp_path, text):
    assert len(problems(write(tmp_path, text))) == 1


def test_a_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(ConfigurationError, match="init` writes one"):
        read_destination_file(tmp_path / "none.yaml")


def test_an_alias_that_contains_itself_is_refused(tmp_path):
    [line] = problems(write(tmp_path, "id: x\nmappings: &a [*a]\n"))

    assert line.startswith("F:2:")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("id: 2026-99-99", "is not YAML: month must be in 1..12", id="no date"),
        pytest.param(f"id: {'9' * 5000}", "is not YAML: Exceeds the limit", id="a number without end"),
        pytest.param("id: !!float x", "is not YAML: could not convert string to float", id="no number"),
        pytest.param("id: " + "[" * 1500, "is nested too deeply", id="a deep one"),
        pytest.param(
            "a0: &a0 [x, x]\n"
            + "".join(f"a{n}: &a{n} [{'*a' + str(n - 1)}, {'*a' + str(n - 1)}]\n" for n in range(1, 40)),
            "has more than 200,000 values",
            id="aliases of aliases",
        ),
    ],
)
def test_what_yaml_cannot_make_is_a_problem_of_the_file(text, told):
    with pytest.raises(ConfigurationError) as caught:
        parse_destination_file(Path("destination.yaml"), text.encode())

    assert told in str(caught.value)


def test_a_file_keeps_the_bytes_it_was_read_from(tmp_path):
    path = tmp_path / "destination.yaml"
    path.write_bytes(b"id: x  # mine\r\n")

    assert read_destination_file(path).content == b"id: x  # mine\r\n"
