"""JSON Schemas made from the table of actions: of a destination file, and of the bodies actions send.

The schema of a destination file is for editors: it completes the fields of the chosen action and tells
typing errors. What it cannot say (triggers, directives inside lists) the loader and `lint` check.
"""

from __future__ import annotations

from typing import Any, Final

from connector.core.actions import ACTIONS, Action
from connector.core.deletion import DELETION_DEFAULTS
from connector.core.destination import MOST_MAPPINGS
from connector.core.fields_check import LONGEST_PATTERN, METADATA_KEY
from connector.core.javascript import UNDEFINED
from connector.core.payload_schema import Field

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ID_PREFIX: Final = "urn:segment-encharge-connector:schema:"

Schema = dict[str, Any]

_TREE: Final[Schema] = {"$ref": "#/$defs/tree"}
_TEXT: Final[Schema] = {"type": "string"}
_TEXT_OR_DIRECTIVE: Final[Schema] = {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/directive"}]}
_BOOLEAN: Final[Schema] = {"type": "boolean"}


def destination_schema() -> Schema:
    """Give the schema of a destination file."""
    return {
        "$schema": DIALECT,
        "$id": f"{ID_PREFIX}destination",
        "title": "Destination file of the connector",
        "description": "Which events become which requests to Encharge.",
        "type": "object",
        "required": ["id"],
        "additionalProperties": False,
        "properties": {
            "id": {
                "description": "Part of the consumer group; changing it starts from the beginning.",
                "type": "string",
                "pattern": r"^[\w.-]+$",
            },
            "name": {"description": "For people.", "type": "string"},
            "enabled": {
                "description": "false: events wait, or see when_disabled.",
                **_BOOLEAN,
                "default": True,
            },
            "when_disabled": {
                "description": "hold: events wait in Kafka; discard: they are settled without a request.",
                "enum": ["hold", "discard"],
                "default": "hold",
            },
            "deletion": _deletion_schema(),
            "responses": {
                "description": "Rules about Encharge's answers, tried in order before the built-in ones.",
                "type": "array",
                "maxItems": 100,
                "items": _rule_schema(),
            },
            "mappings": {
                "description": "Left out: the five presets.",
                "type": "array",
                "maxItems": MOST_MAPPINGS,
                "items": {"$ref": "#/$defs/mapping"},
            },
        },
        "$defs": {
            "mapping": _mapping_schema(),
            "tree": {
                "description": "A value as it is, an object or a list of trees, or a directive.",
                "anyOf": [
                    {"type": ["string", "number", "boolean", "null"]},
                    {"type": "array", "items": _TREE},
                    {"$ref": "#/$defs/directive"},
                    {
                        "type": "object",
                        "propertyNames": {"pattern": "^[^@]"},
                        "additionalProperties": _TREE,
                    },
                ],
            },
            "directive": _directive_schema(),
        },
    }


def request_schema(action: Action) -> Schema:
    """Give the schema of the body that an action sends."""
    body = {
        "$schema": DIALECT,
        "$id": f"{ID_PREFIX}encharge/{action.key}",
        "title": f"Body of {action.title}",
        "description": f"{action.method} to the {action.endpoint} endpoint. {action.description}",
    }
    return body | _LAYOUTS.get(action.key, _plain_body)(action)


def _deletion_schema() -> Schema:
    described = {
        "events": "Whether events of type delete do so; false: they are events like all others.",
        "encode": "Whether ids are encoded, so that they arrive whole; false: as Segment sends them.",
        "erase": "Whether people are erased; false: archived.",
    }
    defaults = DELETION_DEFAULTS._asdict()
    return {
        "description": "What events of type delete do.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: {"description": text, **_BOOLEAN, "default": defaults[name]}
            for name, text in described.items()
        },
    }


def _rule_schema() -> Schema:
    status = {
        "anyOf": [
            {"type": "integer", "minimum": 100, "maximum": 599},
            {"type": "string", "pattern": "^[1-5]xx$"},
        ]
    }
    return {
        "type": "object",
        "required": ["status", "outcome"],
        "additionalProperties": False,
        "properties": {
            "status": {"anyOf": [*status["anyOf"], {"type": "array", "minItems": 1, "items": status}]},
            "body": {
                "description": "A text that occurs in the body; * for anything.",
                **_TEXT,
                "minLength": 1,
            },
            "outcome": {"enum": ["delivered", "throttled", "transient", "auth", "rejected"]},
            "note": _TEXT,
        },
    }


def _mapping_schema() -> Schema:
    return {
        "type": "object",
        "required": ["name", "action"],
        "additionalProperties": False,
        "properties": {
            "name": {"description": "Unique; it is in dead letters and metrics.", **_TEXT, "minLength": 1},
            "action": {
                "oneOf": [
                    {"const": action.key, "title": action.title, "description": action.description}
                    for action in ACTIONS.values()
                ]
            },
            "enabled": {**_BOOLEAN, "default": True},
            "trigger": {"description": 'Which events, e.g. type = "track"; see docs/triggers.md.', **_TEXT},
            "fields": {"type": "object"},
        },
        "allOf": [
            {
                "if": {"properties": {"action": {"const": action.key}}, "required": ["action"]},
                "then": {"properties": {"fields": _fields_schema(action)}},
            }
            for action in ACTIONS.values()
        ],
    }


def _fields_schema(action: Action) -> Schema:
    return {
        "anyOf": [
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {field.key: _field_schema(field) for field in action.fields},
                "required": [field.key for field in action.fields if field.required],
            },
            {"$ref": "#/$defs/directive"},
        ]
    }


def _field_schema(field: Field) -> Schema:
    schema: Schema = {"title": field.label, "description": field.description, **_TREE}
    if field.default is not UNDEFINED:
        schema["default"] = field.default
    return schema


def _directive_schema() -> Schema:
    return {
        "description": "An object with one key that begins with @; see docs/fields.md.",
        "oneOf": [
            {
                "type": "object",
                "required": [name],
                "additionalProperties": False,
                "properties": {name: argument, METADATA_KEY: True},
            }
            for name, argument in _ARGUMENTS.items()
        ],
    }


def _object(properties: dict[str, Schema], *required: str) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


_SHORT: Final[Schema] = {"type": "string", "maxLength": LONGEST_PATTERN}
_ARGUMENTS: Final[dict[str, Schema]] = {
    "@path": _TEXT_OR_DIRECTIVE,
    "@template": _TEXT_OR_DIRECTIVE,
    "@liquid": {"type": "string", "maxLength": 1000},
    "@literal": _TREE,
    "@excludeWhenNull": _TREE,
    "@arrayPath": {"type": "array", "minItems": 1, "prefixItems": [_TEXT_OR_DIRECTIVE, _TREE]},
    "@if": _object(dict.fromkeys(("exists", "blank", "then", "else"), _TREE)),
    "@case": _object({"operator": {"enum": ["lower", "upper"]}, "value": _TEXT_OR_DIRECTIVE}),
    "@replace": _object(
        {
            "pattern": {**_SHORT, "minLength": 1},
            "replacement": _SHORT,
            "pattern2": _SHORT,
            "replacement2": _SHORT,
            "ignorecase": _BOOLEAN,
            "global": _BOOLEAN,
            "value": _TEXT_OR_DIRECTIVE,
        },
        "pattern",
        "value",
    ),
    "@json": _object({"value": _TREE, "mode": {"enum": ["encode", "decode"]}}, "value", "mode"),
    "@flatten": _object({"separator": _TEXT, "value": _TREE, "omitArrays": _BOOLEAN}, "value", "separator"),
    "@merge": _object(
        {
            "objects": {
                "type": "array",
                "items": {"anyOf": [{"$ref": "#/$defs/directive"}, {"type": "object"}]},
            },
            "direction": {"enum": ["left", "right"]},
        },
        "objects",
        "direction",
    ),
    "@transform": _object({"apply": _TREE, "mapping": _TREE}, "apply", "mapping"),
}


# Bodies: which fields stand where is the action's own code; tests hold these against the golden cases.

_IN_CONTEXT: Final = ("ip", "userAgent", "campaign", "page", "location", "groupId")


def _value_schema(field: Field) -> Schema:
    if field.members:
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {member.key: _value_schema(member) for member in field.members},
        }
    if field.type == "object":
        return {"type": "object", "description": field.description}
    return {"type": "string", "description": field.description}


def _closed(properties: dict[str, Schema], required: list[str]) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": required}


def _plain_body(action: Action) -> Schema:
    properties = {field.key: _value_schema(field) for field in action.fields}
    return _closed(properties, [field.key for field in action.fields if field.required])


def _alias_body(action: Action) -> Schema:
    body = _plain_body(action)
    body["properties"]["type"] = {"const": "alias"}
    body["required"].append("type")
    return body


def _person_body(action: Action) -> Schema:
    fields = {field.key: _value_schema(field) for field in action.fields}
    top = {key: schema for key, schema in fields.items() if key not in (*_IN_CONTEXT, "user")}
    top["context"] = _closed({key: fields[key] for key in _IN_CONTEXT}, [])
    top["user"] = {
        "type": "object",
        "description": "The person's ids as far as known, and fields of the person, which win over them.",
    }
    required = [field.key for field in action.fields if field.required]
    return _closed(top, [*required, "context", "user"])


def _object_body(action: Action) -> Schema:
    fields = {field.key: _value_schema(field) for field in action.fields}
    return _closed(
        {
            "type": {"const": "group"},
            "objectType": fields["objectType"],
            "properties": {"type": "object", "description": "Fields of the object, with externalId and id."},
            "user": _closed({key: fields[key] for key in ("email", "userId")}, []),
        },
        ["type", "objectType", "properties", "user"],
    )


_LAYOUTS: Final = {
    "trackEvent": _person_body,
    "identifyUser": _person_body,
    "trackPageView": _person_body,
    "aliasUser": _alias_body,
    "createUpdateObject": _object_body,
}
