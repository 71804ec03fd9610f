"""What rules look at: a configuration, taken apart as far as it is sound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.core.actions import ACTIONS, Action
from connector.core.fields import compile_fields
from connector.core.lint.fields_tree import Place, places
from connector.core.lint.reading import Reading, read_trigger
from connector.core.lint.trigger_types import types_of
from connector.errors import FieldsError, Problem


@dataclass(frozen=True, slots=True)
class MappingSubject:
    """One mapping; what is too broken to be looked at is None.

    path     "mappings[2]"
    reading  of a trigger that compiles
    types    the types of events it can select by Segment's spec; none where that is not known
    fields   the tree as it will be resolved
    places   every place of that tree
    """

    path: str
    config: Mapping[str, Any]
    action: Action | None
    reading: Reading | None
    types: frozenset[str]
    fields: Mapping[str, Any] | None
    places: tuple[Place, ...]

    @property
    def enabled(self) -> bool:
        """Whether it does anything."""
        return self.config.get("enabled", True) is not False


@dataclass(frozen=True, slots=True)
class Subject:
    """A whole configuration.

    refused  why the file does not load, as far as that has been told by whoever tried
    """

    config: Mapping[str, Any]
    mappings: tuple[MappingSubject, ...]
    refused: tuple[Problem, ...]


def subject_of(config: Mapping[str, Any], refused: Iterable[Problem]) -> Subject:
    """Take a configuration apart."""
    mappings = config.get("mappings")
    return Subject(
        config,
        tuple(
            _mapping(each, f"mappings[{index}]")
            for index, each in enumerate(mappings if isinstance(mappings, list) else ())
            if isinstance(each, Mapping)
        ),
        tuple(refused),
    )


def _mapping(config: Mapping[str, Any], path: str) -> MappingSubject:
    action = config.get("action")
    reading = read_trigger(config.get("trigger", ""))
    fields = _fields(config.get("fields", {}))
    return MappingSubject(
        path,
        config,
        ACTIONS.get(action) if isinstance(action, str) else None,
        reading,
        frozenset() if reading is None else types_of(reading.trigger.root),
        fields,
        () if fields is None else tuple(places(fields)),
    )


def _fields(tree: Any) -> Mapping[str, Any] | None:
    if not isinstance(tree, Mapping):
        return None
    try:
        compiled: Mapping[str, Any] = compile_fields(tree).tree
    except FieldsError:
        return tree
    return compiled
