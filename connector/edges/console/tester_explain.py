"""What the tester shows of an explanation: rows of texts, and the JSON that `explain --json` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from connector.core.deletion import DELETE_PERSON
from connector.core.event import Event
from connector.core.explain import FieldExplanation, MappingExplanation, explain
from connector.core.explain_json import cut, line_as_dict
from connector.core.javascript import UNDEFINED
from connector.core.json_text import WriteError, write_json
from connector.core.plan import Planned
from connector.edges.clocks import monotonic_clock
from connector.edges.console.in_force import compile_shown
from connector.edges.console.tester_events import EventError
from connector.settings import Settings

LONGEST_VALUE: Final = 1000  # characters of one value in a table
LONGEST_BODIES: Final = 2 * 1024 * 1024  # characters of all bodies on one page, and of the JSON
LONGEST_S: Final = 5.0  # for all events, after which no other one is begun


class ConditionRow(NamedTuple):
    """One condition; `actual` is empty where there is no value."""

    text: str
    actual: str
    holds: bool


class FieldRow(NamedTuple):
    """One field; `value` and `result` are JSON, empty where there is none."""

    path: str
    directive: str
    sources: tuple[str, ...]
    value: str
    result: str
    outcome: str
    note: str


class RequestShown(NamedTuple):
    """A request without the key; `left_out` are the characters of a body that is too long for a page."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str
    left_out: int


class MappingShown(NamedTuple):
    """What becomes of one event by one mapping."""

    name: str
    action: str
    trigger: str
    enabled: bool
    edited: bool
    matched: bool
    deciding: str
    conditions: Sequence[ConditionRow]
    fields: Sequence[FieldRow]
    request: RequestShown | None
    error: Mapping[str, Any] | None

    @property
    def state(self) -> str:
        """What becomes of the event, in words."""
        if self.enabled:
            return "matches" if self.matched else "no match"
        return "disabled, would match" if self.matched else "disabled, would not match"

    @property
    def is_deletion(self) -> bool:
        """Whether this is no mapping but the deletion of a person."""
        return not self.name and self.action == DELETE_PERSON


class EventShown(NamedTuple):
    """What becomes of one event."""

    type: str
    mappings: Sequence[MappingShown]

    @property
    def requests(self) -> int:
        """How many requests it becomes."""
        return sum(each.enabled and each.request is not None for each in self.mappings)


class Explained(NamedTuple):
    """What becomes of all events; `json` is empty when it is too long for a page."""

    events: Sequence[EventShown]
    json: str


def explained(
    config: Mapping[str, Any],
    events: Sequence[Event],
    settings: Settings,
    edited: str | None = None,
    *,
    longest_s: float = LONGEST_S,
) -> Explained:
    """Explain events to all mappings of a configuration, also the disabled ones.

    edited  name of the mapping that was changed by hand

    Raises: ConfigurationError, EventError
    """
    compile_shown(config, settings)
    enabled = {each["name"]: each.get("enabled", True) for each in config["mappings"]}
    every = compile_shown(
        {**config, "mappings": [{**each, "enabled": True} for each in config["mappings"]]}, settings
    )
    room, until_s = _Room(LONGEST_BODIES), monotonic_clock() + longest_s
    shown, printed = [], []
    try:
        for number, event in enumerate(events):
            if monotonic_clock() > until_s:
                raise EventError(f"this takes too long; only {number} of {len(events)} events were done")
            found = explain(every, event)
            printed.append(line_as_dict(1, [each for each in found if enabled.get(each.name, True)]))
            rows = [_mapping(each, enabled.get(each.name, True), each.name == edited, room) for each in found]
            kind = event.get("type", "no type")
            shown.append(EventShown(kind if isinstance(kind, str) else json_text(kind), rows))
        if room.wanted > LONGEST_BODIES // 3:  # the JSON has every body, and its parts twice more
            return Explained(shown, "")
        text = "\n".join(write_json(each).decode() for each in printed)
    except (RecursionError, WriteError) as error:
        raise EventError("the event is nested too deeply to be shown") from error
    return Explained(shown, text if len(text) <= LONGEST_BODIES else "")


def json_text(value: Any) -> str:
    """Write a value as JSON, empty for none; a long one is cut off."""
    if value is UNDEFINED:
        return ""
    text = write_json(cut(value)).decode()
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text):,} characters)"


class _Room:
    """How many characters there is still room for, and how many it was asked for."""

    def __init__(self, characters: int) -> None:
        self._left = characters
        self.wanted = 0

    def take(self, text: str) -> str:
        self.wanted += len(text)
        text = text[: self._left]
        self._left -= len(text)
        return text


def _mapping(each: MappingExplanation, enabled: bool, edited: bool, room: _Room) -> MappingShown:
    planned = each.planned
    error = None if planned is None or planned.error is None else planned.error._asdict()
    return MappingShown(
        each.name,
        each.action,
        each.trigger,
        enabled,
        edited,
        each.matched,
        each.deciding,
        [ConditionRow(row.text, json_text(row.actual), row.holds) for row in each.conditions],
        list(map(_field, each.fields)),
        _request(planned, room),
        error,
    )


def _field(row: FieldExplanation) -> FieldRow:
    return FieldRow(
        row.path,
        row.directive,
        row.sources,
        json_text(row.value),
        json_text(row.result),
        row.outcome,
        row.note,
    )


def _request(planned: Planned | None, room: _Room) -> RequestShown | None:
    if planned is None or planned.request is None:
        return None
    request = planned.request
    body = "" if request.body is None else request.body.decode("utf-8", "replace")
    shown = room.take(body)
    return RequestShown(
        request.method, request.url, tuple(request.headers.items()), shown, len(body) - len(shown)
    )
