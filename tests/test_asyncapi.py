"""The AsyncAPI document: valid, complete for the topics, whole in itself, and its examples fit."""

import json
from pathlib import Path

import jsonschema
import pytest

from connector import __version__
from schemas import load_schema
from topics import load_topics

ROOT = Path(__file__).parent.parent
DOCUMENT = json.loads((ROOT / "schemas/asyncapi.json").read_text())
MESSAGES = DOCUMENT["components"]["messages"]


def at(reference):
    found = DOCUMENT
    for key in reference.removeprefix("#/").split("/"):
        found = found[key.replace("~1", "/")]
    return found


def references(part):
    if isinstance(part, dict):
        for key, value in part.items():
            yield from [value] if key == "$ref" else references(value)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def validator(reference):
    return jsonschema.Draft202012Validator({**DOCUMENT, "$ref": f"{reference}/schema"})


def test_the_document_is_asyncapi_3():
    schema = json.loads((ROOT / "tests/data/asyncapi-3.0.0.json").read_text())
    jsonschema.Draft7Validator(schema).validate(DOCUMENT)
    assert DOCUMENT["info"]["version"] == __version__


def test_every_reference_leads_to_a_place_in_the_document():
    found = set(references(DOCUMENT))
    assert len(found) > 10
    for reference in found:
        assert reference.startswith("#/")
        assert at(reference)


@pytest.mark.parametrize("spec", load_topics(), ids=lambda spec: spec.role)
def test_every_topic_is_a_channel_as_its_file_says(spec):
    channel = DOCUMENT["channels"][spec.role]
    kafka = channel["bindings"]["kafka"]
    assert channel["address"] == spec.name
    assert kafka["partitions"] == spec.partitions
    assert kafka["topicConfiguration"]["cleanup.policy"] == [spec.settings["cleanup.policy"]]
    assert kafka["topicConfiguration"].get("retention.ms", 0) == int(spec.settings.get("retention.ms", 0))
    [message] = channel["messages"].values()
    assert at(message["$ref"])["bindings"]["kafka"]["key"]["description"] == spec.key
    actions = {
        each["action"]
        for each in DOCUMENT["operations"].values()
        if each["channel"]["$ref"] == f"#/channels/{spec.role}"
    }
    assert actions == ({"receive"} if spec.role == "source" else {"send", "receive"})


@pytest.mark.parametrize("name", MESSAGES)
def test_the_examples_of_a_message_fit_its_schemas(name):
    message = MESSAGES[name]
    assert message["examples"]
    for example in message["examples"]:
        for part in ("headers", "payload"):
            if part in example:
                validator(message[part]["$ref"]).validate(example[part])


def test_what_does_not_fit_a_schema_does_not_fit_the_document():
    event = {"type": "track", "userId": "u1"}  # no name
    assert not validator(MESSAGES["segmentEvent"]["payload"]["$ref"]).is_valid(event)
    headers = load_schema("dead_letter.json")["examples"][0] | {"encharge.code": "Not A Code"}
    assert not validator(MESSAGES["deadLetter"]["headers"]["$ref"]).is_valid(headers)
