"""The first destination file: a person reads it, and it does what no file at all would do."""

import re

import pytest

from connector.core import Destination
from connector.core.actions import ACTIONS
from connector.core.presets import PRESETS, preset_mappings
from connector.edges.destination_file import read_destination_file
from connector.edges.destination_template import destination_text
from tests.vectors_io import vectors

TEXT = destination_text(id="production", name="Encharge production")
NAMES = [
    "Encharge: production", "yes", "null", "1.0", "2026-11-24", "# none", "- one", "'quoted'", '"', "{x}", "a\\b", "*a",
    "Zoë 🍮", "long " * 40 + "name", " spaces around ",
]  # fmt: skip


def read(folder, text):
    file = folder / "destination.yaml"
    file.write_text(text, encoding="utf-8")
    return read_destination_file(file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("template")


def test_every_event_is_planned_exactly_as_by_the_presets(folder, pytestconfig):
    written = read(folder, TEXT).compile(api_key="k")
    presets = Destination.from_config({"id": "production"}, api_key="k")
    events = [vector["event"] for vector in vectors(pytestconfig, "presets")]

    different = [event for event in events if written.plan(event) != presets.plan(event)]

    assert different == []
    assert {each.mapping_name for event in events for each in written.plan(event)} == {
        mapping["name"] for mapping in preset_mappings()
    }


def test_the_text_holds_the_presets_and_says_so_for_each_field(folder):
    config = read(folder, TEXT).config
    commented = re.findall(r"^ {6}# .+\n {6}(\w+):", TEXT, flags=re.MULTILINE)

    assert config["mappings"] == preset_mappings()
    assert commented == [name for mapping in config["mappings"] for name in mapping["fields"]]


def test_the_destination_is_enabled_and_nothing_else_is_set(folder):
    assert list(read(folder, TEXT).config) == ["id", "name", "enabled", "mappings"]
    assert read(folder, TEXT).config["enabled"] is True


def test_the_introduction_names_all_actions():
    [line] = [line for line in TEXT.splitlines() if line.startswith("#   action ")]

    assert set(line.removeprefix("#   action").replace(",", " ").split()) == set(ACTIONS)
    assert set(PRESETS) < set(ACTIONS)


def test_no_line_is_wider_than_an_editor():
    assert [line for line in TEXT.splitlines() if len(line) > 120] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_yaml_would_take_for_something_else_stays_a_name(folder, name):
    assert read(folder, destination_text(id="x", name=name)).config["name"] == name


@pytest.mark.parametrize("id_", ["1", "1.0", "true", "2026-11-24", "0x1", "1e3", "no", "null", "a_b-c.d"])
def test_an_id_that_yaml_would_take_for_something_else_stays_an_id(folder, id_):
    file = read(folder, destination_text(id=id_, name="x"))

    assert file.compile(api_key="k").id == id_
