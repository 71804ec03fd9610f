"""Fields trees in words."""

import pytest

from connector.core.actions import ACTIONS
from connector.core.presets import preset_mappings
from connector.edges.console.mapping_fields import field_rows
from connector.edges.console.mapping_words import in_words

PATH = {"@path": "$.properties.x"}


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        (PATH, "from properties.x"),
        ({"@path": "$."}, "from the whole event"),
        ({"@path": PATH}, "from what stands at the path that properties.x names"),
        ("company", 'the text "company"'),
        (5, "the value 5"),
        ({"@literal": "a"}, 'the text "a"'),
        ({"@literal": PATH}, "properties.x"),
        ({"@template": "Hi {{name}}"}, 'the text "Hi {{name}}" with {{…}} filled in from the event'),
        ({"@liquid": "{{ a | upcase }}"}, 'the Liquid template "{{ a | upcase }}"'),
        (
            {"@if": {"exists": PATH, "then": PATH, "else": {"@path": "$.email"}}},
            "properties.x, or where that is not there email",
        ),
        (
            {"@if": {"blank": PATH, "then": 1, "else": 0}},
            "if properties.x is not blank: the value 1; else nothing",
        ),
        ({"@case": {"operator": "lower", "value": PATH}}, "properties.x in lower case"),
        (
            {"@replace": {"pattern": "a", "replacement": "b", "value": PATH}},
            'properties.x with "a" replaced by "b"',
        ),
        (
            {"@arrayPath": ["$.items", {"id": {"@path": "$.sku"}}]},
            "for each item of items: an object with id: sku",
        ),
        (
            {"@flatten": {"separator": ".", "value": PATH}},
            'properties.x as one flat object, names joined by "."',
        ),
        ({"@json": {"mode": "encode", "value": PATH}}, "properties.x, written as JSON text"),
        (
            {"@merge": {"direction": "right", "objects": [PATH, {"a": 1}]}},
            "properties.x and an object with a: the value 1 merged; where they differ the last one counts",
        ),
        (
            {"@transform": {"apply": {"a": PATH}, "mapping": {"b": {"@path": "$.a"}}}},
            "an object with b: a, looked up in an object with a: properties.x",
        ),
        ({"@excludeWhenNull": PATH}, "properties.x, without what is null"),
        ({"@case": {"operator": ["x"], "value": PATH}}, 'properties.x with case ["x"]'),
        ({"@if": 5}, "@if 5"),
        ({"@nope": 5}, "@nope, which is no directive"),
        ([PATH, "b"], 'a list of properties.x, the text "b"'),
    ],
)
def test_a_tree_is_told_in_words(tree, words):
    assert in_words(tree) == words


def test_the_words_agree_with_what_blank_and_a_false_else_really_do():
    from connector.core.fields import compile_fields

    tree = {"a": {"@if": {"blank": {"@path": "$.x"}, "then": 1, "else": 0}}}

    assert compile_fields(tree)({"x": "full"}) == {"a": 1}
    assert compile_fields(tree)({"x": ""}) == {}


def test_a_deep_tree_ends_in_words_too():
    tree = PATH
    for _ in range(5000):
        tree = {"@literal": tree}

    assert in_words(tree) == "nested too deeply to be told"


@pytest.mark.parametrize("preset", preset_mappings(), ids=lambda each: each["action"])
def test_every_field_of_a_preset_is_told_with_what_its_action_says_of_it(preset):
    rows = {each.path: each for each in field_rows(preset)}

    for field in ACTIONS[preset["action"]].fields:
        if field.key in preset["fields"] and field.members:
            assert {f"{field.key}.{each.key}" for each in field.members} <= set(rows)
            continue
        row = rows[field.key]
        assert (row.label, row.description, row.required) == (field.label, field.description, field.required)
        assert bool(row.words) == (field.key in preset["fields"])


def test_what_the_action_has_not_and_what_is_not_mapped_is_told():
    rows = {
        each.path: each for each in field_rows({"action": "addTag", "fields": {"tga": "x", "userId": PATH}})
    }

    assert (rows["tga"].known, rows["tag"].words, rows["tag"].required) == (False, "", True)


def test_a_tree_that_is_one_directive_is_one_row():
    rows = field_rows({"action": "addTag", "fields": {"@path": "$.traits"}})

    assert rows[0].words == "from traits"
