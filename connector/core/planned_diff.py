"""What mappings make of an event, as plain JSON values by mapping, and how two of those differ.

A value is {"action", "method", "url", "body"}, or {"action", "error": {"code", "message"}}. Headers are no
part of it: they hold the key and are the same for every request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from connector.core.javascript import UNDEFINED
from connector.core.json_diff import Change, json_diff
from connector.core.json_text import read_json
from connector.core.plan import Planned

PlannedValues: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Mapping name -> what the mapping makes of an event."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How one mapping's outcome differs; each path starts at action, method, url, body or error."""

    mapping: str
    kind: Literal["vanished", "appeared", "changed"]
    changes: tuple[Change, ...]
    note: str = ""


def planned_values(planned: Iterable[Planned]) -> PlannedValues:
    """Give what each mapping makes of an event, in the order of the mappings."""
    return {each.mapping_name: _value(each) for each in planned}


def planned_diff(old: PlannedValues, new: PlannedValues) -> Iterator[Difference]:
    """Give the mappings whose outcome differs: old ones in their order, then new ones."""
    for mapping, value in old.items():
        if mapping not in new:
            changes = tuple(Change((key,), item, UNDEFINED) for key, item in value.items())
            yield Difference(mapping, "vanished", changes)
        elif changes := tuple(json_diff(dict(value), dict(new[mapping]))):
            yield Difference(mapping, "changed", changes)
    for mapping, value in new.items():
        if mapping not in old:
            changes = tuple(Change((key,), UNDEFINED, item) for key, item in value.items())
            yield Difference(mapping, "appeared", changes)


def _value(planned: Planned) -> dict[str, Any]:
    if planned.request is not None:
        request = planned.request
        body = None if request.body is None else read_json(request.body)
        return {"action": planned.action, "method": request.method, "url": request.url, "body": body}
    assert planned.error is not None
    error = {"code": str(planned.error.code), "message": planned.error.message}
    return {"action": planned.action, "error": error}
