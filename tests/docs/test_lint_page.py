"""docs/lint.md has a section for every rule, with an example that it finds and a better one that it does not."""

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from connector.core.actions import ACTIONS
from connector.core.lint import RULES
from tests.cli.command import run

PAGE = (Path(__file__).parents[2] / "docs/lint.md").read_text()
SECTIONS = dict(re.findall(r"^### ([a-z-]+)\n\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))


def examples(rule):
    """The bad and the better example of a rule."""
    bad, better = re.findall(r"^```yaml\n(.*?)^```$", SECTIONS[rule.id], re.MULTILINE | re.DOTALL)
    return bad, better


def rules_found(text, directory):
    """What the command finds in an example, once that is a whole file."""
    file = directory / "destination.yaml"
    file.write_text(text if text.startswith("id:") else json.dumps(completed(text)))
    done = run("lint", "--json", file)
    assert done.err == ""
    return [each["rule"] for each in done.json]


def completed(text):
    """A whole configuration of an example: a mapping with a name is whole, others lack what the preset has."""
    example = YAML(typ="safe").load(text)
    is_mapping = example.keys().isdisjoint(("mappings", "when_disabled"))
    mappings = [example] if is_mapping else example.get("mappings", [])
    if not (is_mapping and "name" in example):
        mappings = [with_preset(each) for each in mappings]
    if count := re.search(r"# (\d+) of them", text):
        mappings = [numbered(mappings[0], number) for number in range(int(count[1]))]
    if size := re.search(r"# (\d+) characters", text):
        fill_up(mappings[0], int(size[1]))
    return {"id": "example", **({} if is_mapping else example), "mappings": mappings}


def with_preset(example):
    action = ACTIONS.get(example.get("action", "trackEvent"), ACTIONS["trackEvent"])
    return {
        "name": "Example",
        "action": action.key,
        "trigger": action.trigger,
        **example,
        "fields": {**action.default_fields, **example.get("fields", {})},
    }


def numbered(mapping, number):
    trigger = f'{mapping["trigger"]} and event = "E{number}"'
    return {**mapping, "name": f"{mapping['name']} {number}", "trigger": trigger}


def fill_up(mapping, size):
    directive = mapping["fields"]["properties"]["text"]
    directive["@liquid"] = directive["@liquid"].ljust(size, "x")


def test_every_rule_has_its_section_in_the_order_of_the_table_and_none_is_left_over():
    assert list(SECTIONS) == [rule.id for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
class TestEachSection:
    def test_it_begins_with_the_severity_and_the_title(self, rule):
        assert SECTIONS[rule.id].startswith(f"**{rule.severity.capitalize()}: {rule.title}.**\n")

    def test_its_example_breaks_the_rule_and_no_other(self, rule, tmp_path):
        bad, _ = examples(rule)

        assert set(rules_found(bad, tmp_path)) == {rule.id}

    def test_its_better_example_breaks_no_rule(self, rule, tmp_path):
        _, better = examples(rule)

        assert rules_found(better, tmp_path) == []


def test_the_example_of_a_comment_breaks_no_rule(tmp_path):
    [example] = re.findall(r"^```yaml\n(.*?)^```$", PAGE.partition("\n### ")[0], re.MULTILINE | re.DOTALL)

    assert rules_found(f"id: example\n{example}", tmp_path) == []
    assert rules_found(f"id: example\n{example}".replace("# lint", "# no lint"), tmp_path) == [
        "trigger-type-missing"
    ]


def test_the_commands_on_the_page_are_those_of_the_command_line():
    options = set(re.findall(r"--[a-z]+", PAGE.partition("\n## ")[0]))

    assert options <= set(re.findall(r"--[a-z]+", run("lint", "--help").out))
