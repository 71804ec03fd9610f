"""Finds the mappings that can match an event without asking every trigger.

Most triggers demand a type, and most of those for track events a name. So mappings are kept by type and
name; only those that the index cannot exclude are evaluated, in the order of the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from connector.core.mapping import Mapping

Mappings: TypeAlias = tuple[Mapping, ...]
Candidates: TypeAlias = Callable[[dict[str, Any]], Mappings]


def index_mappings(mappings: Sequence[Mapping]) -> Candidates:
    """Make the function event -> mappings whose trigger may hold."""
    by_type = {
        type_: _by_name(_demanding(mappings, type_)) for type_ in _values(m.trigger.types for m in mappings)
    }
    others = _by_name([each for each in mappings if each.trigger.types is None])

    def candidates(event: dict[str, Any]) -> Mappings:
        type_ = event.get("type")
        by_name, unnamed = by_type.get(type_, others) if type(type_) is str else others
        if by_name:
            name = event.get("event")
            if type(name) is str:
                return by_name.get(name, unnamed)
        return unnamed

    return candidates


def _demanding(mappings: Iterable[Mapping], type_: str) -> list[Mapping]:
    return [each for each in mappings if each.trigger.types is None or type_ in each.trigger.types]


def _by_name(mappings: Sequence[Mapping]) -> tuple[dict[str, Mappings], Mappings]:
    """Give the mappings for each name that some demand, and those for all other events."""
    unnamed = tuple(each for each in mappings if each.trigger.events is None)
    by_name = {
        name: tuple(each for each in mappings if each.trigger.events is None or name in each.trigger.events)
        for name in _values(each.trigger.events for each in mappings)
    }
    return by_name, unnamed


def _values(sets: Iterable[frozenset[str] | None]) -> set[str]:
    return {value for values in sets for value in values or ()}
