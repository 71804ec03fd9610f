"""Every line of the table of surprises in docs/triggers.md."""

import pytest

from connector.core import TriggerError, compile_trigger

TRACK = {"type": "track", "event": "order"}
PAGE = {"type": "page", "event": "x"}


@pytest.mark.parametrize(
    ("trigger", "event", "matches"),
    [
        pytest.param("type = 'track'", TRACK, False, id="single quotes"),
        pytest.param('type = "x" and type = "y" or event = "order"', TRACK, True, id="mixed connectives"),
        pytest.param('properties.or = "x"', {"properties": {"or": "x"}}, False, id="keyword after a dot"),
        pytest.param(
            "properties.total >=100", {"properties": {"total": 200}}, False, id=">= without a space"
        ),
        pytest.param('!(type = "track")', TRACK, True, id="negated group"),
        pytest.param('!type = "track"', TRACK, True, id="negated comparison"),
        pytest.param('match(event, "order")', {"event": "xrder"}, True, id="match without a star"),
        pytest.param('match(event, "ord*")', TRACK, True, id="match with a star"),
        pytest.param(r'properties.\or = "x"', {"properties": {"or": "x"}}, True, id="escaped keyword"),
        pytest.param("event = an", {"event": "a"}, True, id="cut word at the end"),
        pytest.param("event = ab", {"event": "ab"}, False, id="cut word that is no keyword's beginning"),
        pytest.param("event = not", {"event": "n"}, True, id="cut word of three letters"),
        pytest.param("event = abc", {"event": "abc"}, True, id="word as long as the keyword"),
        pytest.param(
            r'properties.items.\0.sku = "x"',
            {"properties": {"items": [{"sku": "x"}]}},
            True,
            id="escaped index",
        ),
        pytest.param("event = null", {"event": "null"}, True, id="event = null"),
        pytest.param("event = null", {}, False, id="event = null, missing"),
        pytest.param('properties.gift != "true"', {}, True, id="missing is unequal"),
        pytest.param("properties.total != 5", {}, False, id="missing is not unequal to a number"),
        pytest.param('!contains(properties.x, "a")', {}, False, id="missing does not lack a text"),
    ],
)
def test_a_surprising_trigger_does_what_the_page_says(trigger, event, matches):
    assert compile_trigger(trigger)(event) is matches


@pytest.mark.parametrize(
    "trigger",
    [
        pytest.param("properties.total>5", id="no space before >"),
        pytest.param('event !="y"', id="no space behind !="),
        pytest.param('(type = "track" or (type = "x" and type = "y"))', id="nested groups"),
        pytest.param("exists(properties.x)", id="exists()"),
        pytest.param('contains(type, "tr")', id="contains(type)"),
    ],
)
def test_a_surprising_trigger_is_refused_as_the_page_says(trigger):
    with pytest.raises(TriggerError):
        compile_trigger(trigger)
