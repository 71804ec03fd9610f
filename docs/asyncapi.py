"""Puts topics and schemas together as an AsyncAPI 3 document, `schemas/asyncapi.json`; `make docs` writes it.

The schemas are in it, as few tools follow a reference to a URN.

Source of its form: https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from __future__ import annotations

import json
from typing import Any

from connector import __version__
from schemas import load_schema
from topics import TopicSpec, load_topics

# Its payloads and headers are draft 2020-12; what is not said is draft 7 to AsyncAPI.
SCHEMA_FORMAT = "application/schema+json;version=2020-12"
DESCRIPTION = (
    "Segment events on Kafka, on their way to Encharge. Topic names are the defaults; each is a setting of"
    " the connector. Others may read all of them, and write to the source topic alone."
)
# What the connector does with a topic, by role: AsyncAPI's words are those of the application described.
OPERATIONS = {
    "source": ("receive",),
    "by-user": ("send", "receive"),
    "dead-letter": ("send", "receive"),
    "control": ("send", "receive"),
}
# role -> (name of the message, schema of its headers)
MESSAGES = {
    "source": ("segmentRecord", None),
    "by-user": ("segmentEvent", "by_user_headers.json"),
    "dead-letter": ("deadLetter", "dead_letter.json"),
    "control": ("controlRecord", None),
}
# Those that messages and other schemas refer to.
SCHEMAS = (
    "by_user_headers.json",
    "control.json",
    "dead_letter.json",
    "segment/event.json",
    "segment/record.json",
    "worker.json",
)
URN = "urn:segment-encharge-connector:schema:"


def document() -> str:
    """Give the document as JSON text."""
    specs = load_topics()
    found = {
        "asyncapi": "3.0.0",
        "id": "urn:segment-encharge-connector",
        "info": {
            "title": "Segment events on Kafka to Encharge",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {spec.role: _channel(spec) for spec in specs},
        "operations": {
            f"{action}-{spec.role}": _operation(spec, action)
            for spec in specs
            for action in OPERATIONS[spec.role]
        },
        "components": {
            "messages": {MESSAGES[spec.role][0]: _message(spec) for spec in specs},
            "schemas": {
                _key(name): {"schemaFormat": SCHEMA_FORMAT, "schema": _inlined(name)}
                for name in sorted(SCHEMAS)
            },
        },
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _channel(spec: TopicSpec) -> dict[str, Any]:
    name = MESSAGES[spec.role][0]
    settings = spec.settings
    configuration: dict[str, Any] = {"cleanup.policy": settings["cleanup.policy"].split(",")}
    for setting in ("retention.ms", "delete.retention.ms", "max.message.bytes"):
        if setting in settings:
            configuration[setting] = int(settings[setting])
    who = f"Written by: {spec.written_by}. Read by: {spec.read_by}. Setting: `{spec.setting}`."
    return {
        "address": spec.name,
        "title": spec.role,
        "description": f"{spec.why} {who}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {"kafka": {"partitions": spec.partitions, "topicConfiguration": configuration}},
    }


def _operation(spec: TopicSpec, action: str) -> dict[str, Any]:
    who = spec.read_by if action == "receive" else spec.written_by
    return {"action": action, "channel": {"$ref": f"#/channels/{spec.role}"}, "summary": who}


def _message(spec: TopicSpec) -> dict[str, Any]:
    name, headers = MESSAGES[spec.role]
    message: dict[str, Any] = {
        "name": name,
        "title": spec.value,
        "bindings": {"kafka": {"key": {"type": "string", "description": spec.key}}},
    }
    if headers:
        message["headers"] = _reference(headers)
    if spec.role == "dead-letter":
        # Whatever was given up: often no JSON at all.
        message["contentType"] = "application/octet-stream"
        message["payload"] = {"description": spec.value}
        message["examples"] = [{"headers": each} for each in load_schema(headers or "")["examples"]]
        return message
    message["payload"] = _reference(spec.value_schema)
    known = load_schema(spec.value_schema)["examples"]
    with_headers = {"headers": load_schema(headers)["examples"][0]} if headers else {}
    message["examples"] = [{**with_headers, "payload": each} for each in known]
    return message


def _reference(schema: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{_key(schema)}"}


def _key(name: str) -> str:
    """Give the name of a schema as a key, which may have no slash."""
    return name.removesuffix(".json").replace("/", "_")


def _inlined(name: str) -> Any:
    """Give a schema whose references lead to places in the document."""
    schema = load_schema(name)
    here = f"#/components/schemas/{_key(name)}/schema"
    return _led(
        {key: value for key, value in schema.items() if key not in ("$id", "$schema", "examples")}, here
    )


def _led(part: Any, here: str) -> Any:
    if isinstance(part, list):
        return [_led(each, here) for each in part]
    if not isinstance(part, dict):
        return part
    return {key: _target(value, here) if key == "$ref" else _led(value, here) for key, value in part.items()}


def _target(reference: str, here: str) -> str:
    if reference.startswith("#"):
        return here + reference[1:]
    name, _, inside = reference.removeprefix(URN).partition("#")
    return f"#/components/schemas/{_key(name)}/schema{inside}"
