"""The fields of one mapping as a table: what gives each its value, and what its action says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from connector.core.actions import ACTIONS
from connector.core.explain_json import cut
from connector.core.fields_check import is_directive
from connector.core.javascript import UNDEFINED
from connector.core.json_text import write_json
from connector.core.payload_schema import Field
from connector.edges.console.mapping_words import directive_of, in_words


class FieldRow(NamedTuple):
    """One field; `tree` is the JSON of what is written, empty where nothing is.

    known  whether the action has such a field; what it has not is left out of requests
    """

    path: str
    directive: str
    words: str
    tree: str
    label: str
    type: str
    required: bool
    description: str
    default: str
    known: bool


def field_rows(config: Mapping[str, Any]) -> list[FieldRow]:
    """List all fields that a mapping writes, then those that its action has besides."""
    action = ACTIONS.get(str(config.get("action")))
    declared = {} if action is None else {each.key: each for each in action.fields}
    tree = config.get("fields", {})
    if is_directive(tree) or not isinstance(tree, Mapping):
        return [_row("(all fields)", tree, None, known=True), *_unwritten(declared, ())]
    rows = []
    for key, subtree in tree.items():
        field = declared.get(key)
        if field is not None and field.members and isinstance(subtree, Mapping) and not is_directive(subtree):
            members = {each.key: each for each in field.members}
            rows += [
                _row(f"{key}.{name}", each, members.get(name), known=name in members)
                for name, each in subtree.items()
            ]
        else:
            rows.append(_row(key, subtree, field, known=field is not None or action is None))
    return [*rows, *_unwritten(declared, tree)]


def _unwritten(declared: Mapping[str, Field], written: Any) -> Iterator[FieldRow]:
    for key, field in declared.items():
        if key not in written:
            yield _row(key, UNDEFINED, field, known=True)


def _row(path: str, tree: Any, field: Field | None, *, known: bool) -> FieldRow:
    is_written = tree is not UNDEFINED
    default = "" if field is None or field.default is UNDEFINED else in_words(field.default)
    return FieldRow(
        path,
        directive_of(tree) if is_written else "",
        in_words(tree) if is_written else "",
        write_json(cut(tree)).decode() if is_written else "",
        "" if field is None else field.label,
        "" if field is None else field.format or field.type,
        field is not None and field.required,
        "" if field is None else field.description,
        default,
        known,
    )
