"""Which events of a bounded range a replay sends again, and the plan function that leaves the others out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from connector.core import Request, TriggerError, compile_trigger
from connector.core.event import Event, events_of, read_object
from connector.core.javascript import is_falsy, text_of
from connector.delivery.dead_letter import only_of
from connector.delivery.planner import PlanRecord, Task, Tasks
from connector.delivery.record import Record
from connector.errors import UnreadableRecord

REPLAY_HEADER: Final = "X-Connector-Replay"
"""HTTP header of every request of a replay; its value is the replay's id."""

Covers = Callable[[Event, float], bool]
"""Tells whether an event of that time (epoch seconds) is about somebody who was deleted since."""


class Range(NamedTuple):
    """Offsets of one partition; `end` is not one of them."""

    start: int
    end: int


class Filters(NamedTuple):
    """What an event must be to be chosen; all that are given must hold, an empty one holds for everything.

    where     a trigger (FQL)
    users     ids, each of which may be the event's userId, anonymousId or previousId
    events    names of track events
    mappings  names of mappings whose requests are sent; of these an event need not match any
    """

    where: str = ""
    users: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    mappings: tuple[str, ...] = ()


class Choice:
    """The filters of events, compiled. Raises TriggerError where `where` cannot be compiled."""

    def __init__(self, filters: Filters) -> None:
        self._where = compile_trigger(filters.where) if filters.where else None
        self._users = frozenset(filters.users)
        self._events = frozenset(filters.events)

    def __call__(self, event: Event) -> bool:
        """Tell whether an event is chosen."""
        if self._events and (event.get("type") != "track" or event.get("event") not in self._events):
            return False
        if self._users and not any(
            text_of(id_) in self._users
            for name in ("userId", "anonymousId", "previousId")
            if not is_falsy(id_ := event.get(name))
        ):
            return False
        try:
            return self._where is None or self._where(event)
        except TriggerError:  # as in a destination: what cannot be evaluated does not match
            return False


class Chosen(NamedTuple):
    """What of a record is chosen: number -> event, from 0; only envelopes hold more than one.

    of          how many events the record holds, 0 for one out of range
    suppressed  how many more would be chosen, if their persons had not been deleted since
    """

    events: Mapping[int, Event]
    of: int = 0
    suppressed: int = 0


NOTHING: Final = Chosen({})


class Selection:
    """Chooses events by range, filters, and who was deleted."""

    def __init__(
        self, ranges: Mapping[int, Range], choice: Choice, covers: Covers, *, largest_record: int
    ) -> None:
        self._ranges, self._choice, self._covers = ranges, choice, covers
        self._largest_record = largest_record

    def chosen(self, record: Record) -> Chosen:
        """Give the events of a record that are chosen.

        Raises: UnreadableRecord
        """
        range_ = self._ranges.get(record.partition)
        if range_ is None or not range_.start <= record.offset < range_.end:
            return NOTHING
        if only_of(record.headers) is not None:  # the record that it was redriven from is here, too
            return NOTHING
        found, suppressed = {}, 0
        events = events_of(read_object(record.value, largest=self._largest_record))
        for number, event in enumerate(events):
            if self._choice(event):
                if self._covers(event, record.timestamp / 1000):
                    suppressed += 1
                else:
                    found[number] = event
        return Chosen(found, len(events), suppressed)


def plan_chosen(
    plan_record: PlanRecord, selection: Selection, *, mappings: frozenset[str], replay: str
) -> PlanRecord:
    """Plan only chosen events and these mappings, and mark the requests.

    Records that hold no event give nothing: they became dead letters when they were first delivered. So do
    deletions, which belong to no mapping and are not repeated.
    """
    # A sender knows headers by their identity, so all requests with the same ones share one object.
    marked: dict[int, tuple[dict[str, str], dict[str, str]]] = {}

    def mark(request: Request) -> Request:
        known = marked.get(id(request.headers))
        if known is None:
            # Both are kept: no other object gets the identity while this one lives.
            known = request.headers, {**request.headers, REPLAY_HEADER: replay}
            marked[id(request.headers)] = known
        return request._replace(headers=known[1])

    def kept(tasks: Tasks, events: Mapping[int, Event]) -> Iterator[Task]:
        for task in tasks:
            if task.event in events and task.mapping in mappings:
                yield task if task.request is None else task._replace(request=mark(task.request))

    def plan(record: Record) -> Tasks | Iterator[Tasks]:
        try:
            events = selection.chosen(record).events
        except UnreadableRecord:
            return ()
        if not events:
            return ()
        found = plan_record(record)
        if isinstance(found, tuple):
            return tuple(kept(found, events))
        return (tuple(kept(tasks, events)) for tasks in found)

    return plan
