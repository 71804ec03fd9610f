"""Hostile sizes: a long trigger, deep JSON, wide trees. Each stays within its limits."""

import orjson
import pytest

from connector.core import Destination, FieldsError, TriggerError, compile_fields, compile_trigger
from connector.core.event import read_object
from connector.errors import UnreadableRecord
from tests.cpu_time import least_cpu_s

PRESETS = Destination.from_config({"id": "presets"}, api_key="key")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(" and ".join(['type = "track"'] * 280), id="conditions"),
        pytest.param("(" * 5000, id="opening parentheses"),
        pytest.param("(" * 2500 + ")" * 2500, id="nested groups"),
        pytest.param("!" * 5000, id="negations"),
        pytest.param('"' * 5000, id="quotes"),
        pytest.param("a." * 2500, id="dots"),
        pytest.param("properties" + ".a" * 2495 + " = 1", id="long path"),
        pytest.param("\\" * 5000, id="escapes"),
        pytest.param("1" * 5000, id="digits"),
        pytest.param("contains(" * 550, id="functions"),
    ],
)
def test_a_trigger_of_5000_characters_is_decided_at_once(text):
    def work():
        try:
            trigger = compile_trigger(text)
            for event in ({}, {"type": "track"}, {"properties": {"a": 1}}):
                trigger(event)
        except TriggerError as error:
            assert error.message

    assert least_cpu_s(work) < 0.5


def nested(levels, text="1"):
    return b'{"x":' * levels + text.encode() + b"}" * levels


@pytest.mark.parametrize("levels", [10, 200, 254, 255, 900, 1000])
def test_an_event_nested_1000_levels_deep_is_planned_or_refused(levels):
    event = orjson.loads(b'{"type":"track","event":"E","userId":"u","properties":%s}' % nested(levels))

    [entry] = PRESETS.plan(event)

    if levels < 250:
        assert entry.error is None
    else:
        assert entry.request is not None or entry.error.code == "invalid_encoding"


@pytest.mark.parametrize("levels", [1500, 100_000])
def test_a_record_nested_beyond_1000_levels_is_unreadable(levels):
    with pytest.raises(UnreadableRecord):
        read_object(nested(levels))


@pytest.mark.parametrize(
    "tree",
    [
        pytest.param({"a": {"@literal": "x"}}, id="plain"),
        pytest.param(
            {"a": {"@merge": {"direction": "right", "objects": [{"@path": "$."}] * 200}}}, id="merge"
        ),
        pytest.param({"a": {"@flatten": {"separator": ".", "value": {"@path": "$."}}}}, id="flatten"),
        pytest.param({"a": {"@json": {"mode": "encode", "value": {"@path": "$."}}}}, id="json"),
        pytest.param({"a": {"@arrayPath": ["$.", {"@path": "$."}]}}, id="arrayPath"),
        pytest.param({"a": {"@excludeWhenNull": {"@path": "$."}}}, id="excludeWhenNull"),
        pytest.param({"a": {"@template": "{{ }}" * 200}}, id="template"),
    ],
)
def test_a_directive_over_deep_data_ends_with_a_value_or_a_declared_error(tree):
    event = {"x": orjson.loads(nested(900)), "list": [[[[1]]]] * 1000}

    def work():
        try:
            compile_fields(tree)(event)
        except FieldsError as error:
            assert error.message

    assert least_cpu_s(work) < 1.0


@pytest.mark.parametrize("directive", ["@literal", "@excludeWhenNull", "@path"])
def test_a_tree_of_directives_nested_without_end_is_refused(directive):
    tree = "x"
    for _ in range(5000):
        tree = {directive: tree}

    with pytest.raises(FieldsError):
        compile_fields({"a": tree})
