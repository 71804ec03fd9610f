"""Cases: an event and what each mapping is expected to make of it.

A case names only what it cares about: a request without `url` is content with any address, an error without
`message` with any text. What it does not list must not be sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Final

from connector.core.destination import Destination
from connector.core.event import Event
from connector.core.planned_diff import Difference, PlannedValues, planned_diff, planned_values

_LONGEST_NAME: Final = 80
_RECORDED: Final = ("action", "body", "error")
"""Method and address follow from the action, and the address is a matter of settings."""


@dataclass(frozen=True, slots=True)
class Case:
    """One event and the expected outcome of each mapping, keyed by its name.

    An outcome is {"body", and perhaps "action", "method", "url"} or {"error": {"code", and perhaps
    "message"}, and perhaps "action"}.
    """

    name: str
    event: Event
    expected: PlannedValues


def judge(case: Case, destination: Destination) -> tuple[Difference, ...]:
    """Give what is not as the case expects; nothing when the case passes."""
    actual = planned_values(destination.plan(case.event))
    asked = {
        mapping: _asked(value, case.expected[mapping]) if mapping in case.expected else value
        for mapping, value in actual.items()
    }
    return tuple(_with_note(each, destination) for each in planned_diff(case.expected, asked))


def record(name: str, event: Event, destination: Destination) -> Case:
    """Make the case that expects what the destination does now."""
    actual = planned_values(destination.plan(event))
    return Case(
        name,
        event,
        {
            mapping: {key: value[key] for key in _RECORDED if key in value}
            for mapping, value in actual.items()
        },
    )


def case_name(event: Event, line: int, taken: AbstractSet[str]) -> str:
    """Make a name that is not taken of what happened and the line: `track Order Completed, line 3`."""
    words = [value for key in ("type", "event", "name") if isinstance(value := event.get(key), str)]
    title = " ".join("".join(c if c.isprintable() else " " for c in " ".join(words)).split())
    first = f"{title[:_LONGEST_NAME].strip() or 'event'}, line {line}"
    return next(name for name in _numbered(first) if name not in taken)


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name} ({number})"
        number += 1


def _asked(actual: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of an outcome what the case says nothing about."""
    asked = {key: value for key, value in actual.items() if key in expected or key in ("body", "error")}
    if "error" in asked and "message" not in expected.get("error", asked["error"]):
        asked["error"] = {"code": asked["error"]["code"]}
    return asked


def _with_note(difference: Difference, destination: Destination) -> Difference:
    if difference.kind != "vanished":
        return difference
    known = any(each.name == difference.mapping for each in destination.mappings)
    note = "its trigger does not match" if known else "no enabled mapping has this name"
    return replace(difference, note=note)
