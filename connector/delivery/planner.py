"""From a record to the list of things to do for it; the only place where delivery meets the core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from connector.core import Destination, PlanError, Request
from connector.core.event import LARGEST_RECORD_BYTES, Event, events_of, previous_key, read_object
from connector.delivery.codes import UNREADABLE_PREFIX
from connector.delivery.dead_letter import Only, Reason, only_of
from connector.delivery.record import Record
from connector.errors import UnreadableRecord


class Task(NamedTuple):
    """One thing to do for a record: send a request, or write a dead letter.

    event  number of the event in the record, from 0; only envelopes have more than one
    """

    mapping: str
    action: str
    request: Request | None
    reason: Reason | None
    event: int = 0


Tasks: TypeAlias = tuple[Task, ...]
PlanRecord: TypeAlias = Callable[[Record], Tasks | Iterator[Tasks]]
"""Gives the tasks of a record with one event, or for an envelope those of one event after the other, so that
the requests of a large envelope need not be in memory together. No tasks mean that no mapping matched."""


def plan_with(destination: Destination, *, largest_record: int) -> PlanRecord:
    """Make the function record -> tasks.

    A record that was redriven has only the tasks that its headers ask for: those of one mapping, and of one
    event of an envelope. It has none when that mapping is gone or does not match any more, and for other
    destinations.
    """

    def plan_record(record: Record) -> Tasks | Iterator[Tasks]:
        only = only_of(record.headers)
        if only is not None and only.destination not in (None, destination.id):
            return ()
        try:
            events = events_of(read_object(record.value, largest=largest_record))
        except UnreadableRecord as error:
            return (unreadable(error),)
        if only is not None:
            return _tasks_of_redriven(destination, events, only)
        if len(events) == 1:
            return _tasks(destination, events[0], 0)
        return (_tasks(destination, event, number) for number, event in enumerate(events))

    return plan_record


def discard(_record: Record) -> Tasks:
    """Plan nothing, as a destination does that is disabled and discards."""
    return ()


def unreadable(error: UnreadableRecord) -> Task:
    """Give the task of a record that holds no event."""
    return Task(
        "", "", None, Reason(UNREADABLE_PREFIX + error.reason, error.message, kind="UnreadableRecord")
    )


def second_key(record: Record, *, largest_record: int = LARGEST_RECORD_BYTES) -> bytes | None:
    """Give the key of the other person of an alias: the one whose id is given up; None for anything else."""
    value = record.value
    if value is None or b'"alias"' not in value:
        return None
    try:
        events = events_of(read_object(value, largest=largest_record))
    except UnreadableRecord:
        return None
    for event in events:
        key = previous_key(event)
        if key is not None:
            return key.encode("utf-8", "surrogatepass")
    return None


def _tasks(destination: Destination, event: Event, number: int) -> Tasks:
    return tuple(
        [
            Task(mapping, action, request, None if error is None else _reason(error, mapping, action), number)
            for mapping, action, request, error in destination.plan_event(event)
        ]
    )


def _tasks_of_redriven(destination: Destination, events: list[Event], only: Only) -> Iterator[Tasks]:
    for number, event in enumerate(events):
        if only.event in (None, number):
            yield tuple(
                task for task in _tasks(destination, event, number) if only.takes(task.mapping, task.action)
            )


def _reason(error: PlanError, mapping: str, action: str) -> Reason:
    return Reason(str(error.code), error.message, error.kind, mapping, action, http_status=error.status)
