"""Rules on directives, paths and texts: a bad tree and a good neighbour, and what the bad one really gives."""

import pytest

from connector.core import UNDEFINED, FieldsError, compile_fields
from connector.core.lint import RULES
from connector.core.lint.samples import SAMPLES
from tests.core.lint.configurations import configuration, found, ids, mapping

EVENT = {
    "type": "track",
    "event": "Order",
    "userId": "u1",
    "timestamp": "2026-11-24T09:30:00Z",
    "properties": {"a": "x", "n": 0, "a.b": "dotted", "list": [{"sku": "s"}], "empty": "", "price": "5 EUR"},
    "context": {"traits": {"email": "u@example.com"}},
}


def at(path):
    return {"@path": path}


X, EMPTY, NO = at("$.properties.a"), at("$.properties.empty"), at("$.properties.no")
LONG = "x" * 11

# rule, bad tree, what the engine makes of it (an error's message as FieldsError), good tree
CASES = [
    ("field-path-unreachable", at("$.properties['a.b']"), UNDEFINED, at("$.properties['a']")),
    ("field-path-unreachable", at("$.properties.it's"), UNDEFINED, at("$.properties.its")),
    ("field-path-unreachable", at("$.properties.list[*].sku"), UNDEFINED, {"@arrayPath": ["$.properties.list", {"sku": at("$.sku")}]}),
    ("field-path-unreachable", at("$.properties.list[-1]"), UNDEFINED, at("$.properties.list[0]")),
    ("field-path-unreachable", at("$"), UNDEFINED, at("$.")),
    ("field-path-unreachable", at("$userId"), UNDEFINED, at("userId")),
    ("field-path-unreachable", at(" $.userId"), UNDEFINED, at("$.userId")),
    ("field-path-unreachable", at("$.userId "), UNDEFINED, at("$.userId")),
    ("field-path-unreachable", at("$.properties.$.a"), UNDEFINED, at("$.properties.$a")),
    ("field-path-unreachable", {"@arrayPath": ["$['properties.list']"]}, UNDEFINED, {"@arrayPath": ["$.properties.list"]}),
    ("field-path-unreachable", {"@template": "{{properties['a.b']}}"}, "", {"@template": "{{properties.a}}"}),
    ("template-with-dollar", {"@template": "{{$.event}}"}, "", {"@template": "{{event}}"}),
    ("template-with-dollar", {"@template": "{{{ $.event }}}"}, "", {"@template": "{{{ event }}}"}),
    ("template-filters", {"@template": "{{event | upcase}}"}, "", {"@liquid": "{{event | upcase}}"}),
    ("template-filters", {"@template": "{% if a %}x{% endif %}"}, "{% if a %}x{% endif %}", {"@liquid": "{% if a %}x{% endif %}"}),
    ("template-braces", {"@template": "Hi {{}}"}, "Hi {{}}", {"@template": "Hi {x}"}),
    ("template-braces", {"@template": "{{event}"}, "{{event}", {"@template": "{{event}} 100%"}),
    ("literal-looks-like-path", "$.userId", "$.userId", {"@literal": "$.userId"}),
    ("literal-looks-like-path", "Hi {{event}}", "Hi {{event}}", {"@template": "Hi {{event}}"}),
    ("literal-looks-like-path", {"@if": {"exists": "$.properties.no", "then": "yes", "else": "no"}}, "yes", {"@if": {"exists": NO, "then": "yes", "else": "no"}}),
    ("literal-looks-like-path", {"price": "$.context.price"}, {"price": "$.context.price"}, {"price": "$.99", "sign": "$"}),
    ("if-blank-inverted", {"@if": {"blank": EMPTY, "then": "unknown", "else": EMPTY}}, "", {"@if": {"blank": EMPTY, "then": EMPTY, "else": "unknown"}}),
    ("if-blank-ignored", {"@if": {"exists": X, "blank": X, "then": "yes", "else": "no"}}, "yes", {"@if": {"exists": X, "then": "yes", "else": "no"}}),
    ("if-constant", {"@if": {"exists": "userId", "then": "yes", "else": "no"}}, "yes", {"@if": {"exists": at("userId"), "then": "yes", "else": "no"}}),
    ("if-constant", {"@if": {"blank": 5, "then": 5, "else": "no"}}, 5, {"@if": {"exists": {"@literal": 5}, "then": 5, "else": "no"}}),
    ("if-falsy-else", {"@if": {"exists": NO, "then": 1, "else": 0}}, UNDEFINED, {"@if": {"exists": NO, "then": 1, "else": {"@literal": 0}}}),
    ("if-falsy-else", {"@if": {"exists": NO, "then": True, "else": False}}, UNDEFINED, {"@if": {"exists": NO, "then": False, "else": True}}),
    ("if-without-then", {"@if": {"exists": X, "else": "no"}}, UNDEFINED, {"@if": {"exists": X, "then": X}}),
    ("json-mode-case", {"@json": {"value": X, "mode": "Encode"}}, UNDEFINED, {"@json": {"value": X, "mode": "encode"}}),
    ("merge-direction-case", {"@merge": {"direction": "LEFT", "objects": [{"a": 1}, {"a": 2}]}}, {"a": 2}, {"@merge": {"direction": "left", "objects": [{"a": 1}, {"a": 2}]}}),
    ("merge-direction-case", {"@merge": {"direction": "Left", "objects": [{"a": 1}, {"a": 2}]}}, {"a": 2}, {"@merge": {"direction": "RIGHT", "objects": [{"a": 1}, {"a": 2}]}}),
    ("case-operator", {"@case": {"operator": "Lower", "value": X}}, FieldsError('operator key should have a value of "lower" or "upper"'), {"@case": {"operator": "lower", "value": X}}),
    ("directive-falsy-value", {"@case": {"operator": "lower", "value": ""}}, UNDEFINED, {"@case": {"operator": "lower", "value": "A"}}),
    ("directive-falsy-value", {"@case": {"operator": "lower"}}, UNDEFINED, {"@case": {"operator": "lower", "value": NO}}),
    ("directive-falsy-value", {"@replace": {"pattern": "a", "value": ""}}, UNDEFINED, {"@replace": {"pattern": "a", "value": X}}),
    ("replace-pattern-long", {"@replace": {"pattern": "a", "pattern2": LONG, "value": X}}, FieldsError('@replace requires a "pattern" less than 10 characters'), {"@replace": {"pattern": "a", "pattern2": LONG[1:], "value": X}}),
    ("replace-pattern-long", {"@replace": {"pattern": "a", "pattern2": "b", "replacement2": LONG, "value": X}}, FieldsError('@replace requires a "replacement" less than 10 characters'), {"@replace": {"pattern": "a", "replacement2": LONG, "value": X}}),
    ("replace-pattern-expression", {"@replace": {"pattern": r"\d+", "value": at("$.properties.price")}}, "5 EUR", {"@replace": {"pattern": "5", "value": at("$.properties.price")}}),
    ("replace-pattern-expression", {"@replace": {"pattern": "[0-9]", "value": at("$.properties.price")}}, "5 EUR", {"@replace": {"pattern": "[test]", "value": X}}),
    ("replace-pattern-expression", {"@replace": {"pattern": "x", "pattern2": ".*", "value": at("$.properties.price")}}, "5 EUR", {"@replace": {"pattern": ".", "pattern2": "US$", "value": X}}),
    ("replace-marks", {"@replace": {"pattern": "EUR", "replacement": "$$", "value": at("$.properties.price")}}, "5 $", {"@replace": {"pattern": "EUR", "replacement": "$", "value": at("$.properties.price")}}),
    ("replace-marks", {"@replace": {"pattern": "EUR", "replacement": "[$&]", "value": at("$.properties.price")}}, "5 [EUR]", {"@replace": {"pattern": "EUR", "replacement": "$1", "value": X}}),
    ("array-path-shape", {"@arrayPath": ["$.properties.list", "sku"]}, [{"sku": "s"}], {"@arrayPath": ["$.properties.list", at("$.sku")]}),
    ("array-path-shape", {"@arrayPath": ["$.properties.list", {"s": at("$.sku")}, {"t": 1}]}, [{"s": "s"}], {"@arrayPath": ["$.properties.list", {"s": at("$.sku")}]}),
    ("directive-fails", {"@if": {"then": X}}, FieldsError('@if requires an "exists" key or a "blank" key'), {"@if": {"exists": X, "then": X}}),
    ("directive-fails", {"@merge": {"objects": [X]}}, FieldsError('@merge requires a "direction" key'), {"@merge": {"direction": "right", "objects": [X]}}),
    ("directive-fails", {"@flatten": {"separator": "", "value": X}}, FieldsError('@flatten requires a "separator" key'), {"@flatten": {"separator": ".", "value": X}}),
    ("directive-fails", {"@json": {"mode": "encode", "value": 0}}, FieldsError('@json requires a "value" key'), {"@json": {"mode": "encode", "value": {"@literal": 0}}}),
    ("directive-fails", {"@case": {"value": X}}, FieldsError('@case requires a "operator" key'), {"@path": {"@template": "properties.{{properties.a}}"}}),
    ("directive-in-list", [{"@pth": "$.event"}], FieldsError("@pth is not a valid directive, got undefined"), [X]),
    ("directive-in-list", [[{"a": {"@path": 5}}]], FieldsError("@path: expected string, got number"), [[{"a": X}]]),
    ("directive-in-list", {"@literal": {"a": {"@pth": 1}}}, FieldsError("@pth is not a valid directive, got undefined"), {"@literal": {"a": X}}),
    ("directive-in-list", [{"@replace": {"pattern": "x", "replacement": LONG, "value": X}}], FieldsError('@replace requires a "replacement" less than 10 characters'), [{"@replace": {"pattern": "x", "value": X}}]),
    ("directive-mixed-keys", [{"@path": "$.event", "default": 1}], [{"@path": "$.event", "default": 1}], [{"@path": "$.event", "_metadata": {}}]),
    ("liquid-too-long", {"@liquid": "x" * 1001}, FieldsError("liquid template values are limited to 1000 characters"), {"@liquid": "x" * 1000}),
    ("liquid-disabled", {"@liquid": "{% for a in b %}{% endfor %}"}, FieldsError('tag "for" is disabled, line:1, col:1'), {"@liquid": "{% if a %}b{% endif %}"}),
    ("liquid-disabled", {"@liquid": "{{ properties.list | map: 'sku' }}"}, FieldsError('filter "map" is disabled, line:1, col:1'), {"@liquid": "{{ properties.list | size }}"}),
    ("liquid-broken", {"@liquid": "{{ event"}, FieldsError('output "{{ event" not closed, line:1, col:1'), {"@liquid": "{{ event }}"}),
    ("liquid-broken", {"@liquid": "{{ $.event }}"}, FieldsError('invalid value expression: "$.event", line:1, col:4'), {"@liquid": "{{ event | nosuchfilter }}"}),
    ("field-never-has-value", at("$.traits.plan"), UNDEFINED, at("$.context.traits.plan")),
    ("field-never-has-value", at("$.email"), UNDEFINED, at("$.properties.email")),
    ("field-never-has-value", at("$.ip"), UNDEFINED, at("$.context.ip")),
    ("field-never-has-value", at("$.user_id"), UNDEFINED, at("$.userId")),
    ("field-never-has-value", at("$.event.name"), UNDEFINED, at("$.event.length")),
    ("field-never-has-value", {"@template": "Hi {{traits.name}}"}, "Hi ", {"@template": "Hi {{context.traits.name}}"}),
    ("field-never-has-value", {"@if": {"exists": at("$.traits"), "then": at("$.traits")}}, UNDEFINED, {"@if": {"exists": at("$.traits"), "then": at("$.traits"), "else": X}}),
    ("field-never-has-value", {"@case": {"operator": "lower", "value": at("$.name")}}, UNDEFINED, {"@case": {"operator": "lower", "value": at("$.event")}}),
    ("field-never-has-value", {"a": [{"b": at("$.traits")}]}, {"a": [{}]}, {"a": [{"b": at("$.unknown.member")}]}),
    ("field-never-has-value", {"@merge": {"direction": "right", "objects": [at("$.traits"), {"a": 1}]}}, {"a": 1}, {"@merge": {"direction": "right", "objects": [at("$.context.traits"), {"a": 1}]}}),
]  # fmt: skip


def tracking(tree):
    """A mapping that sends the tree as one property."""
    return configuration(mapping(fields={"properties": {"v": tree}}))


@pytest.mark.parametrize(
    ("rule", "bad", "outcome", "good"),
    [pytest.param(*case, id=f"{case[0]}: {str(case[1])[:80]}") for case in CASES],
)
class TestEachRule:
    def test_it_finds_the_bad_tree(self, rule, bad, outcome, good):
        assert rule in ids(tracking(bad))

    def test_it_leaves_the_good_neighbour_alone(self, rule, bad, outcome, good):
        assert ids(tracking(good)) == []

    def test_the_engine_does_what_it_says(self, rule, bad, outcome, good):
        fields = compile_fields({"v": bad})

        if isinstance(outcome, FieldsError):
            with pytest.raises(FieldsError) as raised:
                fields(EVENT)
            assert raised.value.message == outcome.message
        else:
            assert fields(EVENT).get("v", UNDEFINED) == outcome

    def test_a_finding_that_says_every_event_fails_is_right(self, rule, bad, outcome, good):
        fields = compile_fields({"v": bad})

        if "every event fails" in found(tracking(bad), rule).message:
            for event in ({}, *SAMPLES):
                with pytest.raises(FieldsError):
                    fields(event)


def test_every_rule_on_trees_has_a_case():
    kinds = ("if", "json", "merge", "case", "replace", "array", "directive", "liquid", "template", "literal")
    rules = {rule.id for rule in RULES if rule.id.split("-")[0] in kinds}

    assert {case[0] for case in CASES} == rules | {"field-path-unreachable", "field-never-has-value"}


@pytest.mark.parametrize(
    ("tree", "rule", "path", "words"),
    [
        pytest.param({"@if": {"exists": X, "then": {"@literal": ["$.x", at("$")]}}}, "field-path-unreachable", "v.@if.then.@literal[1].@path", "`$` is an ordinary key", id="place"),
        pytest.param(at("$.properties['a.b.c']"), "field-path-unreachable", "v.@path", "`['a.b.c']` is 3 keys", id="dots"),
        pytest.param({"@template": "{{ $.event }}"}, "template-with-dollar", "v.@template", "write `{{event}}`", id="dollar"),
        pytest.param("$.userId", "literal-looks-like-path", "v", "write {'@path': $.userId}", id="literal"),
        pytest.param({"@if": {"exists": NO, "then": 1, "else": ""}}, "if-falsy-else", "v.@if.else", "write {'@literal': \"\"}", id="else"),
        pytest.param([{"a": {"@path": 5}}], "directive-in-list", "v[0].a.@path", "should be a string or a mapping directive", id="list"),
        pytest.param({"@liquid": "{% if userId %}{{ a | map: 'x' }}{% endif %}"}, "liquid-disabled", "v.@liquid", "every event whose rendering comes to it fails", id="some events"),
        pytest.param({"@liquid": "{{ $.event }}"}, "liquid-broken", "v.@liquid", "variables have no `$.`", id="dollar in Liquid"),
        pytest.param(at("$.traits.plan"), "field-never-has-value", "v.@path", "track events have no traits at their root; the person's traits are in context.traits", id="where else"),
        pytest.param(at("$.userid"), "field-never-has-value", "v.@path", "it is called userId", id="spelling"),
        pytest.param(at("$.locale"), "field-never-has-value", "v.@path", "it is at context.locale", id="in the context"),
        pytest.param(at("$.email"), "field-never-has-value", "v.@path", "look in context.traits.email or properties.email", id="a trait"),
    ],
)  # fmt: skip
def test_the_message_says(tree, rule, path, words):
    finding = found(tracking(tree), rule)

    assert finding.path == f"mappings[0].fields.properties.{path}"
    assert words in finding.message


@pytest.mark.parametrize(
    "tree",
    [
        pytest.param(["$ 5", "5 $.", "{x}", "a.b"], id="texts"),
        pytest.param({"@transform": {"apply": {"a": X}, "mapping": {"b": at("$.a"), "c": at("$.traits.a")}}}, id="paths of @transform"),
        pytest.param({"@arrayPath": ["$.properties.list", {"name": at("$.name"), "t": {"@template": "{{traits}}"}}]}, id="paths of elements"),
        pytest.param({"@literal": {"looks": "{{like}}", "a": ["$.path"]}}, id="literals"),
        pytest.param(at("$.properties.$set"), id="a key with a dollar"),
        pytest.param(at("$.constructor"), id="a built-in name"),
        pytest.param({"@excludeWhenNull": {"a": X, "b": None}}, id="nulls"),
        pytest.param({"@liquid": "{{ 1 | divided_by: 0 }}{{ nope | date: '%Y' }}"}, id="Liquid that yields odd values"),
        pytest.param({"@path": {"@path": "$.properties.which"}}, id="a path from the event"),
    ],
)  # fmt: skip
def test_a_sensible_tree_is_left_alone(tree):
    assert ids(tracking(tree)) == []


def test_types_of_events_decide_what_has_no_value():
    tree = {"properties": {"plan": at("$.traits.plan")}}

    assert ids(configuration(mapping(fields=tree))) == ["field-never-has-value"]
    assert (
        ids(configuration(mapping("trackPageView", 'type = "page" or type = "identify"', fields=tree))) == []
    )


def test_a_whole_tree_that_is_a_directive_is_looked_into():
    tree = {"@merge": {"direction": "LEFT", "objects": [at("$.properties"), {"a": "$.userId"}]}}

    assert ids(configuration({**mapping(), "fields": tree})) == [
        "literal-looks-like-path",
        "merge-direction-case",
    ]


def test_the_internal_root_directive_is_looked_into():
    tree = {
        "__segment_internal_directive": {"@transform": {"apply": {"a": at("$")}}},
        "event": at("$.traits"),
    }

    assert ids(configuration({**mapping(), "fields": tree})) == ["field-path-unreachable"]
