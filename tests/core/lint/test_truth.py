"""What lint says is what the engine does, on events and triggers drawn at random and on the reference's vectors."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core import UNDEFINED, FieldsError, TriggerError, compile_fields, compile_trigger
from connector.core.javascript import type_name
from connector.core.lint import lint
from connector.core.lint.contradiction import clashing
from connector.core.lint.kinds import kinds_of
from connector.core.lint.reading import OPERATORS, in_words, read_trigger
from connector.core.lint.trigger_types import terms_of, types_of
from connector.core.triggers import conditions
from connector.core.triggers.conditions import Group
from connector.core.triggers.lexer import tokenize
from connector.core.triggers.parser import read_steps
from tests.core.lint.configurations import configuration, found, mapping
from tests.core.lint.events import ANY_EVENTS, SCALARS, TRIGGERS, spec_events
from tests.core.lint.test_trigger_rules import CASES, tagging
from tests.vectors_io import vectors

NEVER = ("never matches", "never holds", "no event can match", "no event ever matches")


def matches(trigger, event):
    """Whether an event matches; one that the trigger cannot be evaluated for does not."""
    try:
        return compile_trigger(trigger)(event)
    except TriggerError:
        return False


def never(trigger):
    """Whether lint says that a trigger of one condition beside the type never matches."""
    parts = trigger.removeprefix('type = "track" and ')
    return " or " not in parts and any(
        word in finding.message for finding in lint(tagging(trigger)) for word in NEVER
    )


NEVER_MATCHING = sorted({case[1] for case in CASES if never(case[1])})


def test_there_are_triggers_that_are_said_to_never_match():
    assert len(NEVER_MATCHING) > 15


@pytest.mark.parametrize("trigger", NEVER_MATCHING)
@settings(max_examples=60, deadline=None)
@given(event=spec_events())
def test_a_trigger_that_is_said_to_never_match_never_does(trigger, event):
    assert not matches(trigger, event)


@settings(max_examples=400, deadline=None)
@given(trigger=TRIGGERS, event=ANY_EVENTS)
def test_conditions_that_exclude_each_other_never_hold_together(trigger, event):
    root = compile_trigger(trigger).root
    if all(map(clashing, terms_of(root))):
        assert not matches(trigger, event)


@settings(max_examples=300, deadline=None)
@given(trigger=TRIGGERS)
def test_a_trigger_that_never_matches_is_always_told(trigger):
    if all(map(clashing, terms_of(compile_trigger(trigger).root))):
        rules = {each.rule for each in lint(tagging(trigger))}
        assert any(rule.id.startswith("trigger-") and rule.severity == "error" for rule in rules)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_conditions_on_one_value_that_hold_for_a_value_do_not_exclude_each_other(data):
    subject = "context.a"
    made = TRIGGERS.map(lambda text: text.replace(" or ", " and ").replace("properties.n", subject))
    trigger = data.draw(made.filter(lambda text: "(" not in text))
    event = {"type": "track", "context": {"a": data.draw(SCALARS)}}
    if matches(trigger, event):
        assert not any(map(clashing, terms_of(compile_trigger(trigger).root)))


@settings(max_examples=400, deadline=None)
@given(trigger=TRIGGERS, event=spec_events())
def test_an_event_that_matches_is_of_a_type_that_the_trigger_selects(trigger, event):
    if matches(trigger, event):
        assert event["type"] in types_of(compile_trigger(trigger).root)


@settings(max_examples=300, deadline=None)
@given(trigger=TRIGGERS, event=ANY_EVENTS)
def test_what_is_said_to_be_evaluated_is_what_is_evaluated(trigger, event):
    words = in_words(compile_trigger(trigger).root)

    assert matches(words, event) is matches(trigger, event)


@settings(max_examples=200, deadline=None)
@given(trigger=st.text(alphabet="abtype=!<>\"'()., 0.1andormch", max_size=30) | TRIGGERS)
def test_every_token_is_accounted_for_and_the_steps_are_those_of_the_trigger(trigger):
    reading = read_trigger(trigger)
    if reading is None:
        return

    steps = read_steps(tokenize(trigger))
    nodes = tuple(node for step in steps for node in step.nodes)
    root = compile_trigger(trigger).root
    if len(nodes) == 1 and isinstance(nodes[0], Group):
        assert nodes == (root,)
    else:
        assert nodes == root.children
    assert [turn.step for turn in reading.turns] == list(steps)


@settings(max_examples=300, deadline=None)
@given(trigger=st.text(alphabet="abtype=!<>\"'()., 0.1andormch*", max_size=40))
def test_no_trigger_is_too_odd_to_be_looked_at(trigger):
    lint(tagging(trigger))


def test_the_operators_that_lint_knows_are_those_of_the_engine():
    assert set(conditions._TESTS) == OPERATORS


# Fields

_PATHS = st.sampled_from(
    "type event name userId groupId previousId traits traits.a properties properties.a properties.page.a context"
    " context.page context.traits.a event.a userId.a nowhere messageId.length name.0 email ip context.email".split()
)
_AT = st.builds(lambda text: {"@path": f"$.{text}"}, _PATHS)
_TREES = st.recursive(
    st.one_of(_AT, _AT, SCALARS, st.builds(lambda text: {"@template": f"{{{{{text}}}}}"}, _PATHS)),
    lambda inner: st.one_of(
        st.builds(lambda tree: {"@literal": tree}, inner),
        st.builds(lambda tree: {"@excludeWhenNull": tree}, inner),
        st.builds(lambda s, t, e: {"@if": {"exists": s, "then": t, "else": e}}, inner, inner, inner),
        st.builds(lambda s, t, e: {"@if": {"blank": s, "then": t, "else": e}}, inner, inner, inner),
        st.builds(lambda s, e: {"@if": {"exists": s, "else": e}}, inner, inner),
        st.builds(lambda text: {"@case": {"operator": "lower", "value": {"@path": text}}}, _PATHS),
        st.builds(lambda text: {"@replace": {"pattern": "a", "value": {"@path": text}}}, _PATHS),
        st.builds(lambda text, tree: {"@arrayPath": [text, {"a": tree}]}, _PATHS, inner),
        st.builds(lambda tree, mode: {"@json": {"value": tree, "mode": mode}}, inner, st.sampled_from(("encode", "decode", "Encode"))),
        st.builds(lambda tree: {"@flatten": {"separator": ".", "value": tree}}, inner),
        st.builds(lambda tree: {"@merge": {"direction": "right", "objects": [{"a": tree}]}}, inner),
        st.builds(lambda a, b: {"@transform": {"apply": {"a": a}, "mapping": b}}, inner, inner),
        st.builds(lambda tree: {"a": tree}, inner),
        st.builds(lambda tree: [tree, 1], inner),
    ),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(tree=_TREES, event=spec_events())
def test_a_tree_gives_a_value_of_a_kind_that_it_is_said_to_give(tree, event):
    try:
        value = compile_fields({"v": [tree]})(event)["v"][0]  # in a list, undefined stays
    except FieldsError:
        return

    kind = "empty" if value == "" else type_name(value)
    if kind != "function":  # a built-in member: nothing that JSON can say
        assert kind in kinds_of(tree, frozenset((event["type"],)))


@settings(max_examples=300, deadline=None)
@given(tree=_TREES)
def test_no_tree_is_too_odd_to_be_looked_at(tree):
    lint(configuration(mapping(fields={"userId": tree, "properties": [tree], "page": tree})))


# The reference's vectors


def as_mapping(vector):
    given = vector["mapping"]
    return {
        "name": given["name"],
        "action": given["partnerAction"],
        "trigger": given["subscribe"],
        "fields": given["mapping"],
    }


def test_whatever_is_said_to_fail_for_every_event_fails_in_the_reference(pytestconfig):
    count = 0
    for vector in [*vectors(pytestconfig, "custom"), *vectors(pytestconfig, "presets")]:
        told = [
            each for each in lint(configuration(as_mapping(vector))) if "every event fails" in each.message
        ]
        if told and vector["expected"]["matched"]:
            count += 1
            assert vector["expected"]["error"] is not None, (vector["id"], told)
    assert count > 50


def test_the_reference_sends_whatever_the_presets_are_said_to_send(pytestconfig):
    for vector in vectors(pytestconfig, "presets"):
        assert lint(configuration(as_mapping(vector))) == [], vector["id"]


def test_whatever_directive_is_said_to_fail_fails_in_the_reference(pytestconfig):
    count = 0
    for vector in vectors(pytestconfig, "mapping-kit"):
        if not isinstance(vector["mapping"], dict):
            continue
        config = configuration(mapping(fields={"properties": vector["mapping"]}))
        told = [
            each
            for each in lint(config)
            if each.path.startswith("mappings[0].fields.properties") and "every event fails" in each.message
            if each.rule.id != "field-invalid-value"
        ]
        if told:
            count += 1
            assert vector["expected"]["error"] is not None, (vector["id"], told)
    assert count > 15


def test_whatever_trigger_is_said_to_never_match_never_does_in_the_reference(pytestconfig):
    count = 0
    for vector in vectors(pytestconfig, "fql"):
        told = [each for each in lint(tagging(vector["fql"])) if "no event can match" in each.message]
        told += [each for each in lint(tagging(vector["fql"])) if each.rule.id == "trigger-syntax"]
        if told:
            count += 1
            assert vector["expected"]["matched"] is False, (vector["id"], told)
    assert count > 50


def test_a_part_of_a_trigger_that_can_never_hold_is_named():
    finding = found(tagging('type = "page" or (event = "a" and event = "b")'), "trigger-never-matches")

    assert '`event = "a"` and `event = "b"` exclude each other' in finding.message


def test_undefined_is_no_value_of_a_payload():
    assert compile_fields({"v": {"@path": "$.traits"}})({"type": "track"}).get("v", UNDEFINED) is UNDEFINED
