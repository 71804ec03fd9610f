"""Rules on triggers: a bad one and a good neighbour for each, and what the engine does with the bad one."""

import pytest

from connector.core import TriggerError, compile_trigger
from connector.core.lint import RULES
from tests.core.lint.configurations import configuration, found, ids, mapping

TAG = {"tag": "vip", "userId": {"@path": "$.userId"}}  # fields that any type of event has

# rule, bad trigger, good trigger, an event, what the bad trigger makes of it
CASES = [
    ("trigger-mixed-connectives", 'type = "track" and event = "A" or event = "B"', 'type = "track" and (event = "A" or event = "B")', {"type": "page", "event": "A"}, True),
    ("trigger-mixed-connectives", '(type = "track" or type = "page" and userId != null)', 'type = "track" or type = "page" or type = "group"', {"type": "track", "userId": "u"}, False),
    ("trigger-ignored-negation", '!(type = "track")', 'type != "track"', {"type": "track"}, True),
    ("trigger-ignored-negation", 'type = "track" and !event = "A"', 'type = "track" and event != "A"', {"type": "track", "event": "A"}, True),
    ("trigger-ignored-negation", 'type = "track" and not contains(event, "A")', 'type = "track" and !contains(event, "A")', {"type": "track", "event": "A"}, True),
    ("trigger-skipped-words", 'type = "track" and anonymousId = "x"', 'type = "track" and userId = "x"', {"type": "track"}, True),
    ("trigger-skipped-words", 'type = "track" and email = "x"', 'type = "track" and context.traits.email = "x"', {"type": "track"}, True),
    ("trigger-skipped-words", 'type = "track" OR type = "page"', 'type = "track" or type = "page"', {"type": "track"}, False),
    ("trigger-skipped-words", 'type = "track")', '(type = "track")', {"type": "track"}, True),
    ("trigger-skipped-words", 'type = "track" and properties.n = 1e2', 'type = "track" and properties.n = 100', {"type": "track", "properties": {"n": 1}}, True),
    ("trigger-skipped-words", r'type = "track" and event = "a \"b\""', 'type = "track" and event = "a b"', {"type": "track", "event": 'a "b"'}, False),
    ("trigger-nested-group", '(contains(event, "A") or type = "page") and userId != null', '(type = "page" or contains(event, "A")) and userId != null', {"type": "page", "userId": "u"}, False),
    ("trigger-empty-group", 'type = "track" or ()', 'type = "track" or (type = "page")', {"type": "page"}, TriggerError),
    ("trigger-single-quotes", "type = 'track'", 'type = "track"', {"type": "track"}, False),
    ("trigger-single-quotes", "type = \"track\" and event != 'A'", 'type = "track" and event != "A"', {"type": "track", "event": "A"}, True),
    ("trigger-single-quotes", "type = \"track\" and contains(event, 'A')", 'type = "track" and contains(event, "A")', {"type": "track", "event": "A"}, False),
    ("trigger-glued-operator", 'type = "track" and properties.total >=100', 'type = "track" and properties.total >= 100', {"type": "track", "properties": {"total": 200}}, False),
    ("trigger-glued-operator", 'type == "track"', 'type="track"', {"type": "track"}, False),
    ("trigger-unknown-operator", 'type is "track"', 'type = "track"', {"type": "track"}, False),
    ("trigger-unknown-operator", 'type = "track" and properties.n in (1, 2)', 'type = "track" and properties.n != 3', {"type": "track", "properties": {"n": 1}}, False),
    ("trigger-missing-value", 'type = "track" and event =', 'type = "track" and event = ""', {"type": "track", "event": ""}, False),
    ("trigger-missing-value", 'type = "track" and properties.n = .5', 'type = "track" and properties.n = 0.5', {"type": "track", "properties": {"n": 0.5}}, False),
    ("trigger-cut-path", 'type = "track" and properties.or = "x"', r'type = "track" and properties.\or = "x"', {"type": "track", "properties": {"or": "x"}}, False),
    ("trigger-cut-path", 'type = "track" and properties.tags.0 = "x"', r'type = "track" and properties.tags.\0 = "x"', {"type": "track", "properties": {"tags": ["x"]}}, False),
    ("trigger-cut-path", 'type = "track" and properties."my key" = "x"', r'type = "track" and properties.\my\ key = "x"', {"type": "track", "properties": {"my key": "x"}}, False),
    ("trigger-ignored-path", 'type = "track" and event.name = "A"', 'type = "track" and event = "A"', {"type": "track", "event": "A"}, True),
    ("trigger-whole-object", 'type = "track" and properties != null', 'type = "track" and properties.x != null', {"type": "track", "properties": {"x": 1}}, False),
    ("trigger-whole-object", 'type = "track" and contains(properties, "x")', 'type = "track" and contains(properties.x, "x")', {"type": "track", "properties": "x"}, False),
    ("trigger-cut-word", 'type = "track" and event = ab', 'type = "track" and event = "ab"', {"type": "track", "event": "ab"}, False),
    ("trigger-cut-word", 'type = "track" and event = an', 'type = "track" and event = a', {"type": "track", "event": "a"}, True),
    ("trigger-cut-word", 'type = "track" and event = no', 'type = "track" and event = no and userId != null', {"type": "track", "event": "no"}, False),
    ("trigger-event-null", 'type = "track" and event = null', 'type = "track" and event = ""', {"type": "track"}, False),
    ("trigger-event-null", 'type = "track" and event != null', 'type = "track" and userId != null', {"type": "track"}, True),
    ("trigger-number-never-equals-text", 'type = "track" and properties.total = "100"', 'type = "track" and properties.total = 100', {"type": "track", "properties": {"total": 100}}, False),
    ("trigger-number-never-equals-text", 'type = "track" and properties.total != "100"', 'type = "track" and properties.zip = "0100"', {"type": "track", "properties": {"total": 100}}, True),
    ("trigger-order-of-text", 'type = "track" and properties.date > "2024-01-01"', 'type = "track" and properties.total > "100"', {"type": "track", "properties": {"date": "2025-01-01"}}, False),
    ("trigger-order-of-text", 'type = "track" and event > 5', 'type = "track" and properties.n > 5', {"type": "track", "event": "9"}, False),
    ("trigger-unequal-boolean", 'type = "track" and properties.gift != true', 'type = "track" and properties.gift = false', {"type": "track", "properties": {"gift": True}}, True),
    ("trigger-match-pattern", 'type = "track" and match(event, "order")', 'type = "track" and match(event, "order*")', {"type": "track", "event": "xrder"}, True),
    ("trigger-match-pattern", 'type = "track" and match(event, "*order*")', 'type = "track" and match(event, "*order")', {"type": "track", "event": "an order here"}, False),
    ("trigger-match-pattern", 'type = "track" and match(event, "o*r")', 'type = "track" and contains(event, "o*r")', {"type": "track", "event": "order"}, False),
    ("trigger-function-on-type", 'event = "A" and contains(type, "tr")', 'event = "A" and contains(userId, "tr")', {"type": "page", "event": "A"}, True),
    ("trigger-function-on-type", 'event = "A" and match(anonymousId, "tr*")', 'event = "A" and match(context.ip, "1*")', {"event": "A"}, True),
    ("trigger-function-arguments", 'type = "track" and contains(event "A")', 'type = "track" and contains(event, "A")', {"type": "track", "event": "A"}, False),
    ("trigger-function-arguments", 'type = "track" and contains(event)', 'type = "track" and contains(event, A)', {"type": "track", "event": "A"}, False),
    ("trigger-never-matches", 'type = "track" and type = "page"', 'type = "track" or type = "page"', {"type": "track"}, False),
    ("trigger-never-matches", 'type = "track" and properties.n > 5 and properties.n < 5', 'type = "track" and properties.n >= 5 and properties.n <= 5', {"type": "track", "properties": {"n": 5}}, False),
    ("trigger-never-matches", 'type = "track" and properties.a = null and properties.a = "x"', 'type = "track" and properties.a != "y" and properties.a = "x"', {"type": "track", "properties": {"a": "x"}}, False),
    ("trigger-never-matches", 'type = "track" and contains(event, "ab") and !contains(event, "a")', 'type = "track" and contains(event, "a") and !contains(event, "ab")', {"type": "track", "event": "ab"}, False),
    ("trigger-never-matches", 'type = "track" and !contains(event, "")', 'type = "track" and contains(event, "")', {"type": "track", "event": "a"}, False),
    ("trigger-unknown-type", 'type = "Track"', 'type = "track"', {"type": "track"}, False),
    ("trigger-unknown-type", 'type != "purchase" and type != "page"', 'type != "delete" and type != "page"', {"type": "track"}, True),
    ("trigger-type-missing", "properties.total > 100", 'type = "track" and properties.total > 100', {"type": "page", "properties": {"total": 200}}, True),
    ("trigger-type-missing", "userId != null", 'event = "Order Completed"', {"type": "alias", "userId": "u"}, True),
    ("trigger-never-has-value", 'type = "track" and traits.plan = "pro"', 'type = "track" and context.traits.plan = "pro"', {"type": "track", "context": {"traits": {"plan": "pro"}}}, False),
    ("trigger-never-has-value", 'type = "page" and event = "Home"', 'type = "page" and name = "Home"', {"type": "page", "name": "Home"}, False),
    ("trigger-never-has-value", 'type = "identify" and properties.plan != "pro"', 'type = "identify" and traits.plan != "pro"', {"type": "identify", "traits": {"plan": "pro"}}, True),
]  # fmt: skip


def tagging(trigger):
    return configuration(mapping("addTag", trigger, fields=TAG))


@pytest.mark.parametrize(
    ("rule", "bad", "good", "event", "outcome"),
    [pytest.param(*case, id=f"{case[0]}: {case[1]}") for case in CASES],
)
class TestEachRule:
    def test_it_finds_the_bad_trigger(self, rule, bad, good, event, outcome):
        assert rule in ids(tagging(bad))

    def test_it_leaves_the_good_neighbour_alone(self, rule, bad, good, event, outcome):
        assert ids(tagging(good)) == []

    def test_the_engine_does_what_it_says(self, rule, bad, good, event, outcome):
        trigger = compile_trigger(bad)

        if outcome is TriggerError:
            with pytest.raises(TriggerError):
                trigger(event)
        else:
            assert trigger(event) is outcome


def test_every_rule_on_triggers_has_a_case():
    assert {case[0] for case in CASES} == {
        rule.id for rule in RULES if rule.id.startswith("trigger-") and rule.silenceable
    }


@pytest.mark.parametrize(
    ("trigger", "rule", "words"),
    [
        pytest.param(
            'type = "track" and event = "A" or event = "B"',
            "trigger-mixed-connectives",
            '`type = "track" or event = "A" or event = "B"`',
            id="what is evaluated",
        ),
        pytest.param('type = "track" and foo = "x"', "trigger-skipped-words", 'remains is `type = "track"`', id="what remains"),
        pytest.param('type = "track" AND userId != null', "trigger-skipped-words", "lower case, `and`", id="upper case"),
        pytest.param('type = "track" and properties.total >=100', "trigger-glued-operator", "write `>=` with a space behind it", id="glued"),
        pytest.param('type = "track" and properties."my key" = 1', "trigger-cut-path", r"`properties.\my\ key`", id="how to escape"),
        pytest.param('type = "trak"', "trigger-unknown-type", "is track meant?", id="a close type"),
        pytest.param('type = "track" and match(event, "order")', "trigger-match-pattern", 'ends with "rder"', id="what is matched"),
        pytest.param('type = "track" and type = "page"', "trigger-never-matches", '`type = "track"` and `type = "page"` exclude each other', id="what clashes"),
        pytest.param('type = "track" or (event = "a" and event = "b")', "trigger-never-matches", '`event = "a" and event = "b"` can never hold', id="a part that clashes"),
        pytest.param('type = "track" and traits.plan = "pro"', "trigger-never-has-value", "the person's traits are in context.traits", id="where else"),
        pytest.param('type = "track" and ()', "trigger-empty-group", "no event ever matches", id="nothing is left"),
        pytest.param('() or type = "track"', "trigger-empty-group", "which is every event", id="everything fails"),
        pytest.param('traits.plan = "pro"', "trigger-type-missing", "identify and group events match", id="which types"),
    ],
)  # fmt: skip
def test_the_message_says(trigger, rule, words):
    finding = found(tagging(trigger), rule)

    assert words in finding.message
    assert finding.path == "mappings[0].trigger"


@pytest.mark.parametrize(
    "trigger",
    [
        '(contains(event, "Order") and properties.total > 100)',
        '(type = "page" and contains(name, "Order"))',
        'type = "track" and (event = "A" or event = "B")',
        'type = "track" and event != "A" and event != "B"',
        'type = "page" or type = "screen"',
        'name = "Home"',
        'type = "track" and properties.zip = "97201"',
        'type = "track" and userId = 5',
        'type = "track" and properties.at = -5.25',
        'type = "track" and properties.total > 10 and properties.total < 20',
        'type = "track" and (properties.total < 10 or properties.total > 20)',
        'type = "track" and match(context.page.path, "/checkout*") and context.locale != "de"',
        'type = "identify" and traits.email != null and !contains(traits.email, "@example.com")',
        'type = "track" and properties.vip = true and properties.coupon = null',
        'type="track"',
        ' type  =  "track"\n and event = Signup ',
    ],
)  # fmt: skip
def test_a_sensible_trigger_is_left_alone(trigger):
    assert ids(tagging(trigger)) == []


def test_a_broken_comparison_is_told_once():
    assert ids(tagging('type = "track" and properties.total >=100')) == ["trigger-glued-operator"]
    assert ids(tagging('type = "track" and properties.n in (1, 2, 3)')) == ["trigger-unknown-operator"]
