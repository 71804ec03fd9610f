"""The schemas: valid themselves, complete for the topics, true of what goes in and out."""

import json

import jsonschema
import pytest
from referencing import Registry, Resource

from connector.core import Destination
from connector.core.presets import preset_mappings
from connector.delivery.dead_letter import Reason, make_dead_letter
from connector.demo.events import shop_events
from schemas import load_schema, schema_names
from tests.builders import record
from tests.core.test_vectors_plan import plan
from tests.vectors_io import vectors
from topics import load_topics

REGISTRY = Registry().with_resources(
    (load_schema(name)["$id"], Resource.from_contents(load_schema(name))) for name in schema_names()
)


def validator(name):
    return jsonschema.Draft202012Validator(load_schema(name), registry=REGISTRY)


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_valid_and_has_a_stable_id(name):
    schema = load_schema(name)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:segment-encharge-connector:schema:{name.removesuffix('.json')}"


@pytest.mark.parametrize("name", schema_names())
def test_the_examples_of_a_schema_fit_it(name):
    for example in load_schema(name).get("examples", ()):
        validator(name).validate(example)


@pytest.mark.parametrize("spec", load_topics(), ids=lambda spec: spec.name)
def test_a_topic_names_a_schema_that_exists(spec):
    assert spec.value_schema in schema_names()


def test_the_events_of_the_demo_fit_but_for_the_broken_ones():
    fits = {"": 0, "broken": 0}
    for event in shop_events(2000, people=50, seed=1):
        kind = "broken" if event.code else ""
        fits[kind] += is_event(event.value)

    assert fits == {"": 2000 - 4, "broken": 0}


def is_event(value):
    try:
        parsed = json.loads(value or b"")
    except ValueError:
        return False
    return validator("segment/event.json").is_valid(parsed)


@pytest.mark.parametrize(
    "event",
    [
        pytest.param({"type": "track", "userId": "u1"}, id="track without a name"),
        pytest.param({"type": "alias", "userId": "u1"}, id="alias without the previous id"),
        pytest.param({"type": "track", "event": "X"}, id="nobody"),
        pytest.param({"type": "purchase", "userId": "u1"}, id="unknown type"),
        pytest.param({"userId": "u1"}, id="no type"),
        pytest.param({"type": "identify", "userId": "u1", "traits": []}, id="traits are a list"),
    ],
)
def test_what_is_no_event_does_not_fit(event):
    assert not validator("segment/event.json").is_valid(event)


@pytest.mark.parametrize(
    "reason",
    [
        pytest.param(Reason("unreadable_not_json", "the value is not JSON"), id="least"),
        pytest.param(
            Reason(
                "rejected", "HTTP 400 after 1 attempt", "HTTPError", "Track Event", "trackEvent",
                attempts=1, first_attempt_at=1_764_000_000.1234, http_status=400, response="said no",
            ),
            id="most",
        ),
    ],
)  # fmt: skip
def test_the_headers_of_a_dead_letter_fit(reason):
    origin = record(7, headers=(("encharge.source", b"segment.events/1/5/1764000000000"), ("trace", b"x")))

    letter = make_dead_letter(origin, reason, destination="production", config_version="1f0c9a2b7d3e")

    headers = {name: value.decode() for name, value in letter.headers}
    validator("dead_letter.json").validate(headers)
    assert {name for name in headers if name.startswith(("encharge.", "__connect."))} <= set(
        load_schema("dead_letter.json")["properties"]
    )


def test_the_requests_of_the_golden_cases_fit_the_schema_of_their_action(request):
    checked = 0
    for vector in [*vectors(request.config, "presets"), *vectors(request.config, "custom")]:
        if vector["expected"]["requests"]:
            [planned] = plan(vector)
            validator(f"encharge/{planned.action}.json").validate(json.loads(planned.request.body))
            checked += 1

    assert checked > 200


@pytest.mark.parametrize("action", [m["action"] for m in preset_mappings()])
def test_a_body_with_an_unknown_member_does_not_fit(action):
    event = {"type": "track", "event": "E", "userId": "u", "previousId": "p", "groupId": "g"}
    [mapping] = [m for m in preset_mappings() if m["action"] == action]
    destination = Destination.from_config(
        {"mappings": [{**mapping, "trigger": 'type = "track"'}]}, api_key="k"
    )
    body = json.loads(destination.plan(event)[0].request.body)

    assert validator(f"encharge/{action}.json").is_valid(body)
    assert not validator(f"encharge/{action}.json").is_valid(body | {"unknown": 1})


def destination_with(**changes):
    return {"id": "x", "mappings": [{**preset_mappings()[0], **changes}]}


def test_the_presets_fit_the_schema_of_destination_files():
    validator("destination.json").validate(
        {"id": "x", "name": "X", "enabled": False, "when_disabled": "discard"}
    )
    validator("destination.json").validate({"id": "x", "mappings": preset_mappings()})


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"name": "no id"}, id="no id"),
        pytest.param({"id": "a b"}, id="id with a space"),
        pytest.param({"id": "x", "mapings": []}, id="unknown key"),
        pytest.param({"id": "x", "mappings": [{"name": "n", "action": "a"}] * 51}, id="51 mappings"),
        pytest.param(destination_with(action="nothing"), id="unknown action"),
        pytest.param(
            destination_with(fields={"event": "E", "type": "t", "tag": "x"}), id="field of another action"
        ),
        pytest.param(destination_with(fields={"event": "E"}), id="required field missing"),
        pytest.param(
            destination_with(fields={"event": {"@paht": "$.event"}, "type": "t"}), id="unknown directive"
        ),
        pytest.param(
            destination_with(fields={"event": {"@path": "$.a", "x": 1}, "type": "t"}), id="two keys"
        ),
        pytest.param(
            destination_with(fields={"event": {"@case": {"operator": "big"}}, "type": "t"}), id="operator"
        ),
        pytest.param(destination_with(trigger=5), id="trigger is a number"),
    ],
)
def test_a_wrong_destination_file_does_not_fit(config):
    assert not validator("destination.json").is_valid(config)
