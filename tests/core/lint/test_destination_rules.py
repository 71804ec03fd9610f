"""Rules on a destination as a whole, and on what keeps it from being loaded."""

import pytest

from connector.core import Destination
from connector.core.lint import RULES, lint
from connector.core.presets import preset_mappings
from connector.errors import Problem
from tests.core.lint.configurations import TRACK, configuration, findings, found, ids, mapping


def numbered(count):
    return [mapping(name=f"M{number}", trigger=f'{TRACK} and event = "E{number}"') for number in range(count)]


def test_a_disabled_destination_that_discards_is_told():
    assert ids(configuration(enabled=False, when_disabled="discard")) == ["disabled-destination"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"enabled": False}, id="holds"),
        pytest.param({"enabled": False, "when_disabled": "hold"}, id="holds by name"),
        pytest.param({"enabled": True, "when_disabled": "discard"}, id="enabled"),
        pytest.param({"when_disabled": "discard"}, id="enabled by default"),
    ],
)
def test_a_destination_that_keeps_events_is_left_alone(changes):
    assert ids(configuration(**changes)) == []


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(39, [], id="39"),
        pytest.param(40, ["mapping-count-high"], id="40"),
        pytest.param(50, ["mapping-count-high"], id="50"),
        pytest.param(51, ["mapping-count"], id="51"),
    ],
)
def test_the_number_of_mappings_is_told_before_and_when_it_is_too_large(count, expected):
    config = configuration(*numbered(count))

    assert ids(config) == expected


TAGS = {"userId": {"@path": "$.userId"}}


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        pytest.param(mapping(), mapping(name="B"), "gives the same request twice", id="the same"),
        pytest.param(
            mapping(),
            mapping(name="B", trigger='type="track"', fields={"userId": "x"}),
            "gives a request of the same kind twice",
            id="other fields, other spelling",
        ),
        pytest.param(
            mapping("addTag", TRACK, fields={"tag": "a"}),
            mapping("addTag", TRACK, name="B", fields={"tag": "a"}),
            "mappings[0] ('Example')",
            id="the same tag",
        ),
    ],
)
def test_two_mappings_that_send_the_same_are_told(first, second, words):
    config = configuration(first, second)

    finding = found(config, "mapping-shadows-another")

    assert finding.path == "mappings[1].trigger"
    assert words in finding.message
    event = {"type": "track", "event": "A", "userId": "u1"}
    assert len(Destination.from_config(config, api_key="").plan(event)) == 2


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(mapping(name="B", enabled=False), id="disabled"),
        pytest.param(mapping(name="B", trigger=f'{TRACK} and event = "A"'), id="other events"),
        pytest.param(mapping(name="B", fields={"event": "Any event"}), id="other event name"),
        pytest.param(mapping("trackPageView", TRACK, name="B"), id="other action"),
    ],
)
def test_mappings_that_send_different_things_are_left_alone(second):
    assert ids(configuration(mapping(), second)) == []


def test_two_tags_or_two_objects_for_the_same_events_are_left_alone():
    tags = [mapping("addTag", TRACK, name=tag, fields={"tag": tag}) for tag in "ab"]
    objects = [
        mapping("createUpdateObject", name=kind, fields={"objectType": kind}) for kind in ("company", "team")
    ]

    assert ids(configuration(*tags, *objects)) == []


# What keeps a file from being loaded


@pytest.mark.parametrize(
    ("change", "rule", "path"),
    [
        pytest.param({"action": "track"}, "configuration", "mappings[0].action", id="action"),
        pytest.param({"name": ""}, "configuration", "mappings[0].name", id="name"),
        pytest.param({"enabled": "yes"}, "configuration", "mappings[0].enabled", id="enabled"),
        pytest.param({"triger": "x"}, "configuration", "mappings[0].triger", id="unknown key"),
        pytest.param({"trigger": 5}, "configuration", "mappings[0].trigger", id="trigger is no text"),
        pytest.param({"fields": []}, "configuration", "mappings[0].fields", id="fields are no object"),
        pytest.param({"trigger": "properties.total>5"}, "trigger-syntax", "mappings[0].trigger", id="trigger"),
        pytest.param({"trigger": ""}, "trigger-syntax", "mappings[0].trigger", id="no trigger"),
        pytest.param({"fields": {**mapping()["fields"], "email": {"@pth": "$.email"}}}, "fields", "mappings[0].fields.email", id="directive"),
    ],
)  # fmt: skip
def test_what_keeps_a_file_from_being_loaded_is_found(change, rule, path):
    config = configuration({**mapping(), **change})

    assert [(each.rule.id, each.path) for each in findings(config)] == [(rule, path)]


def test_everything_is_told_at_once():
    config = configuration(
        {**mapping(), "action": "track"},
        mapping(name="Example", trigger='((type = "track"))'),
        mapping(name="C", fields={"email": {"@pth": "x"}}, without=["event"]),
        5,
        nme="x",
    )

    assert [(each.rule.id, each.path) for each in findings(config)] == [
        ("configuration", "nme"),
        ("configuration", "mappings[0].action"),
        ("configuration", "mappings[1].name"),
        ("configuration", "mappings[3]"),
        ("trigger-syntax", "mappings[1].trigger"),
        ("fields", "mappings[2].fields.email"),
        ("field-required-missing", "mappings[2].fields"),
    ]


def test_what_only_the_reader_of_files_refuses_is_passed_on():
    [finding] = lint(configuration(), [Problem("is required: letters", path="id")])

    assert (finding.rule.id, finding.path, finding.message) == ("configuration", "id", "is required: letters")


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        pytest.param("type = “track”", 'quotes are straight ones: "text"', id="curly quotes"),
        pytest.param('type = "track" && event = "A"', "connectives are the words and, or", id="ampersands"),
        pytest.param('type =\r\n"track"', "without a carriage return", id="carriage return"),
        pytest.param('type !="track"', "`!=` needs a space behind it", id="unequal"),
        pytest.param('! contains(event, "A")', "`!` stands directly before contains", id="negation"),
        pytest.param("properties.total>5", "`<` and `>` need a space before them", id="greater"),
        pytest.param('properties.items[0].sku = "x"', r"properties.items.\0.sku", id="element"),
        pytest.param('contains(type, "tr")', "contains and match cannot look at type", id="type"),
        pytest.param("exists(properties.x)", "write properties.x != null", id="exists"),
        pytest.param('lowercase(event) = "a"', "there is no lowercase()", id="function"),
        pytest.param('type = "track', "a quote is missing", id="quote"),
        pytest.param('type = "track"and event != null', "a closing quote needs a space behind it", id="glued quote"),
        pytest.param('(type = "track" and (event = "A"))', "groups cannot be put into each other", id="groups"),
        pytest.param('(type = "track"', "a parenthesis is missing", id="parenthesis"),
        pytest.param('anonymousId = "x"', "only type, event, name, userId", id="subject"),
        pytest.param("type", "a comparison has a subject, an operator and a value", id="half a comparison"),
        pytest.param("contains()", "a function has a name and a value", id="arguments"),
        pytest.param('type = "track" # all', "outside of texts there are words", id="character"),
        pytest.param("", 'say which events are meant, e.g. type = "track"', id="empty"),
    ],
)  # fmt: skip
def test_a_trigger_that_cannot_be_read_comes_with_a_hint(trigger, words):
    assert words in found(configuration(mapping(trigger=trigger)), "trigger-syntax").message


def test_the_hints_lead_to_triggers_that_can_be_read():
    for trigger in (
        'type != "track"',
        "properties.total >5",
        r'properties.items.\0.sku = "x"',
        "properties.x != null",
    ):
        assert "trigger-syntax" not in ids(configuration(mapping(trigger=trigger)))


# The table


def test_ids_are_unique_and_end_up_in_links():
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.id.replace("-", "").isalpha() and rule.id.islower() for rule in RULES)


def test_what_keeps_a_file_from_being_loaded_cannot_be_silenced():
    unsilenceable = {rule.id for rule in RULES if not rule.silenceable}

    assert unsilenceable == {"configuration", "mapping-count", "trigger-syntax", "fields", "lint-comment"}


def test_the_presets_are_clean():
    assert lint({"id": "x"}) == []
    assert findings(configuration(*preset_mappings())) == []


@pytest.mark.parametrize(
    "config", [{}, {"mappings": None}, {"mappings": 5}, {"mappings": [None, [], "x"]}, {"id": 5}]
)
def test_nothing_is_too_broken_to_be_looked_at(config):
    assert {each.rule.id for each in findings(config)} <= {"configuration"}
