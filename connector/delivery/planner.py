"""From a record to the list of things to do for it; the only place where delivery meets the core."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from connector.core import Destination, PlanError, Request
from connector.core.event import events_of, read_object
from connector.delivery.codes import UNREADABLE_PREFIX
from connector.delivery.dead_letter import Reason
from connector.delivery.record import Record
from connector.errors import UnreadableRecord


class Task(NamedTuple):
    """One thing to do for a record: send a request, or write a dead letter."""

    mapping: str
    action: str
    request: Request | None
    reason: Reason | None


PlanRecord: TypeAlias = Callable[[Record], tuple[Task, ...]]


def plan_with(destination: Destination, *, largest_record: int) -> PlanRecord:
    """Make the function record -> tasks; no tasks mean that no mapping matched."""

    def plan_record(record: Record) -> tuple[Task, ...]:
        try:
            events = events_of(read_object(record.value, largest=largest_record))
        except UnreadableRecord as error:
            reason = Reason(UNREADABLE_PREFIX + error.reason, error.message, kind="UnreadableRecord")
            return (Task("", "", None, reason),)
        if len(events) == 1:
            return _tasks(destination, events[0])
        return tuple(task for event in events for task in _tasks(destination, event))

    return plan_record


def _tasks(destination: Destination, event: dict[str, object]) -> tuple[Task, ...]:
    return tuple(
        Task(mapping, action, request, None if error is None else _reason(error, mapping, action))
        for mapping, action, request, error in destination.plan(event)
    )


def _reason(error: PlanError, mapping: str, action: str) -> Reason:
    return Reason(error.code, error.message, error.kind, mapping, action, http_status=error.status)
