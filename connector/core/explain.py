"""Why an event becomes the requests it becomes.

Everything here is asked of the same compiled pieces that `Destination.plan` uses; only the telling is
extra. An explanation holds values of the event, so it is for the eyes of whoever may see the event.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field
from typing import Any, Literal

from connector.core.deletion import DELETE_PERSON
from connector.core.destination import Destination
from connector.core.fields import compile_fields
from connector.core.fields_check import is_directive
from connector.core.javascript import UNDEFINED, type_name
from connector.core.mapping import Mapping
from connector.core.payload_schema import Field
from connector.core.plan import Planned
from connector.core.triggers.conditions import Condition, Group, Node, actual_value, compile_node
from connector.errors import FieldsError, PayloadError, TriggerError


@dataclass(frozen=True, slots=True)
class ConditionExplanation:
    """One condition of a trigger: its text, the value found, and whether it held."""

    text: str
    actual: Any
    holds: bool


@dataclass(frozen=True, slots=True)
class FieldExplanation:
    """One output field.

    path       "userId", "page.url"
    directive  "@path", "@if", …; "literal" for a raw value, "object" for an object of directives
    sources    the paths and templates the value comes from, in the order they stand in the tree
    value      what the directive gave, UNDEFINED for nothing
    result     what is sent, UNDEFINED for nothing
    outcome    sent as it is, coerced, dropped, or invalid; `note` says why
    """

    path: str
    directive: str
    sources: tuple[str, ...]
    value: Any
    result: Any
    outcome: Literal["sent", "coerced", "dropped", "invalid"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class MappingExplanation:
    """One mapping and one event; `planned` is exactly what `Destination.plan` gives, None without a match."""

    name: str
    action: str
    trigger: str
    matched: bool
    conditions: tuple[ConditionExplanation, ...]
    deciding: str
    fields: tuple[FieldExplanation, ...] = field(default=())
    planned: Planned | None = None


def explain(destination: Destination, event: dict[str, Any]) -> tuple[MappingExplanation, ...]:
    """Explain an event to every enabled mapping, in the order of the configuration.

    A deletion concerns no mapping: it is one entry without a name.
    """
    if destination.deletes(event):
        return _explain_deletion(destination, event)
    return tuple(_explain_mapping(mapping, event) for mapping in destination.mappings)


def _explain_deletion(destination: Destination, event: dict[str, Any]) -> tuple[MappingExplanation, ...]:
    planned = destination.plan_deletion(event)
    deciding = "the event asks for the deletion of its person" if planned else "the event names nobody"
    return (
        MappingExplanation(
            "",
            DELETE_PERSON,
            "",
            matched=bool(planned),
            conditions=(),
            deciding=deciding,
            planned=planned[0] if planned else None,
        ),
    )


def _explain_mapping(mapping: Mapping, event: dict[str, Any]) -> MappingExplanation:
    planned = mapping.plan(event)
    root = mapping.trigger.root
    return MappingExplanation(
        mapping.name,
        mapping.action.key,
        mapping.trigger.text,
        matched=planned is not None,
        conditions=tuple(_conditions(root, event)),
        deciding=_deciding(root, event),
        fields=() if planned is None else tuple(_fields(mapping, event)),
        planned=planned,
    )


# Triggers


def _conditions(node: Node | None, event: Any) -> Iterator[ConditionExplanation]:
    match node:
        case Condition():
            yield ConditionExplanation(str(node), actual_value(node, event), _holds(node, event) is True)
        case Group(_, children):
            for child in children:
                yield from _conditions(child, event)


def _holds(node: Node | None, event: Any) -> bool | None:
    try:
        return compile_node(node)(event)
    except TriggerError:
        return None


def _deciding(node: Node | None, event: Any) -> str:
    """Name the condition that settled the matter: the first that failed an `and`, or held an `or`."""
    match node:
        case None:
            return "an empty group: cannot be evaluated"
        case Condition():
            return f"{node} {'holds' if _holds(node, event) else 'does not hold'}"
        case Group(connective, children):
            decisive = connective == "or"
            for child in children:
                if _holds(child, event) in (decisive, None):
                    return _deciding(child, event)
            return f"{'none' if decisive else 'all'} of {len(children)} conditions hold"


# Fields


def _fields(mapping: Mapping, event: dict[str, Any]) -> Iterator[FieldExplanation]:
    schema = {each.key: each for each in mapping.action.fields}
    tree = mapping.fields.tree
    if not mapping.fields.members:
        yield from _whole(mapping, schema, event)
        return
    for key in mapping.fields.members:
        value = _resolved({key: tree[key]}, key, event)
        yield from _field(mapping, schema.get(key), key, tree[key], value, event)
    for each in mapping.action.fields:
        if each.key not in mapping.fields.members and each.required:
            yield FieldExplanation(
                each.key, "", (), UNDEFINED, UNDEFINED, "invalid", "required, and not mapped"
            )


def _whole(
    mapping: Mapping, schema: AbstractMapping[str, Field], event: dict[str, Any]
) -> Iterator[FieldExplanation]:
    """Explain a tree that is one directive: its result has the fields."""
    directive, sources = _directive_of(mapping.fields.tree), _sources(mapping.fields.tree)
    try:
        payload = mapping.fields(event)
    except FieldsError as error:
        yield FieldExplanation("", directive, sources, UNDEFINED, UNDEFINED, "invalid", error.message)
        return
    if not isinstance(payload, dict):
        note = f"the payload is {type_name(payload)}, no object"
        yield FieldExplanation("", directive, sources, payload, UNDEFINED, "invalid", note)
        return
    for key, value in payload.items():
        yield _cleaned(mapping, schema.get(key), key, directive, sources, value)


def _field(
    mapping: Mapping, declared: Field | None, key: str, tree: Any, value: Any, event: dict[str, Any]
) -> Iterator[FieldExplanation]:
    directive, sources = _directive_of(tree), _sources(tree)
    if isinstance(value, FieldsError):
        yield FieldExplanation(key, directive, sources, UNDEFINED, UNDEFINED, "invalid", value.message)
        return
    members = declared.members if declared else ()
    if not members or directive != "object" or not isinstance(value, dict):
        yield _cleaned(mapping, declared, key, directive, sources, value)
        return
    known = {member.key: member for member in members}
    for name, subtree in tree.items():
        item = _resolved({name: subtree}, name, event)
        path, of_member = f"{key}.{name}", _sources(subtree)
        if isinstance(item, FieldsError):
            yield FieldExplanation(
                path, _directive_of(subtree), of_member, UNDEFINED, UNDEFINED, "invalid", item.message
            )
            continue
        yield _cleaned_member(
            mapping, key, known.get(name), name, path, _directive_of(subtree), of_member, item
        )


def _resolved(tree: dict[str, Any], key: str, event: dict[str, Any]) -> Any:
    try:
        return compile_fields(tree)(event).get(key, UNDEFINED)
    except FieldsError as error:
        return error


def _cleaned(
    mapping: Mapping,
    declared: Field | None,
    key: str,
    directive: str,
    sources: tuple[str, ...],
    value: Any,
) -> FieldExplanation:
    if declared is None:
        note = f"{mapping.action.key} has no such field"
        return FieldExplanation(key, directive, sources, value, UNDEFINED, "dropped", note)
    try:
        result = UNDEFINED if value is UNDEFINED else mapping.action.schema.clean_field(key, value)
    except PayloadError as error:
        return FieldExplanation(key, directive, sources, value, UNDEFINED, "invalid", error.message)
    return _outcome(declared, key, directive, sources, value, result)


def _cleaned_member(
    mapping: Mapping,
    parent: str,
    declared: Field | None,
    name: str,
    path: str,
    directive: str,
    sources: tuple[str, ...],
    value: Any,
) -> FieldExplanation:
    if declared is None:
        note = f"{parent} of {mapping.action.key} has no such member"
        return FieldExplanation(path, directive, sources, value, UNDEFINED, "dropped", note)
    try:
        cleaned = mapping.action.schema.clean_field(parent, {} if value is UNDEFINED else {name: value})
    except PayloadError as error:
        return FieldExplanation(path, directive, sources, value, UNDEFINED, "invalid", error.message)
    return _outcome(declared, path, directive, sources, value, cleaned.get(name, UNDEFINED))


def _outcome(
    declared: Field, path: str, directive: str, sources: tuple[str, ...], value: Any, result: Any
) -> FieldExplanation:
    if result is UNDEFINED:
        if value is UNDEFINED:
            note = "no value"
        else:
            note = "null is left out" if value is None else "an empty text is left out"
        if declared.required:
            return FieldExplanation(
                path, directive, sources, value, UNDEFINED, "invalid", f"required, but {note}"
            )
        return FieldExplanation(path, directive, sources, value, UNDEFINED, "dropped", note)
    if type(value) is not type(result):
        note = f"{type_name(value)} becomes {type_name(result)}"
        return FieldExplanation(path, directive, sources, value, result, "coerced", note)
    return FieldExplanation(path, directive, sources, value, result, "sent")


def _directive_of(tree: Any) -> str:
    if is_directive(tree):
        return next(str(key) for key in tree if key.startswith("@"))
    return "object" if isinstance(tree, AbstractMapping) else "literal"


def _sources(tree: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_paths(tree)))


def _paths(tree: Any) -> Iterator[str]:
    match tree:
        case {"@path": str(path)} | {"@template": str(path)} | {"@liquid": str(path)}:
            yield path
        case {"@arrayPath": [str(path), *rest]}:
            yield path
            for each in rest:
                yield from _paths(each)
        case AbstractMapping():
            for each in tree.values():
                yield from _paths(each)
        case list():
            for each in tree:
                yield from _paths(each)
