"""What follows a record through its life: for a log of its steps, or for the spans of a trace.

    taken -> plans, planned -> begins, ended -> settled            a record of the deliver stage
                                  ^       |
                                  +-waits-+-> dead_lettered

    begin -> forwarded | dead_lettered, of each record -> ended    a batch of the ingest stage

A trail is told and decides nothing. It never fails, and it keeps ids, keys, bodies and event names to itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from connector.delivery.dead_letter import Headers, Reason
from connector.delivery.outcome import Outcome
from connector.delivery.planner import Task, Tasks
from connector.delivery.record import Record


class Steps(Protocol):
    """Is told the steps of one record of the deliver stage."""

    def plans(self) -> None:
        """Planning begins; again after the configuration changed."""
        ...

    def planned(self, tasks: Tasks | None) -> None:
        """Planning is over; no tasks mean filtered, None an envelope, planned one event after the other."""
        ...

    def begins(self, task: Task, attempt: int) -> None:
        """An attempt begins."""
        ...

    def ended(self, task: Task, attempt: int, outcome: Outcome) -> None:
        """The attempt came to something."""
        ...

    def waits(self, task: Task, attempt: int, delay_s: float) -> None:
        """The record waits, and its task is tried again."""
        ...

    def dead_lettered(self, reason: Reason) -> None:
        """The task, or the record, is given up, and its dead letter is written."""
        ...

    def settled(self, finished: int) -> None:
        """All is done; `finished` tasks were, none when the record was filtered."""
        ...

    def left(self) -> None:
        """The assignment is over before the record was settled; its next owner takes it anew."""
        ...


class Trail(Protocol):
    """Follows the records of the deliver stage."""

    def taken(self, record: Record) -> Steps | None:
        """Give what is told the steps of this record, None when nobody wants to know."""
        ...


class BatchSteps(Protocol):
    """Is told the steps of one batch of the ingest stage."""

    def headers(self, record: Record) -> Headers:
        """Give the headers to add to what is forwarded of a record."""
        ...

    def forwarded(self, record: Record, events: int) -> None:
        """All events of a record are on the by-user topic."""
        ...

    def dead_lettered(self, record: Record, reason: Reason) -> None:
        """The dead letter of a record is written."""
        ...

    def repeats(self, trouble: str) -> None:
        """What is left of the batch is tried again, because of an error of this class."""
        ...

    def ended(self) -> None:
        """Nothing more is done: all of it is settled, or the assignment is over."""
        ...


class IngestTrail(Protocol):
    """Follows the batches of the ingest stage."""

    def begin(self, records: Sequence[Record]) -> BatchSteps | None:
        """Give what is told the steps of this batch, of one partition; None when nobody wants to know."""
        ...


class Trails:
    """Several trails as one."""

    def __init__(self, trails: Iterable[Trail]) -> None:
        self._trails = tuple(trails)

    def taken(self, record: Record) -> Steps | None:
        """Ask all of them."""
        found = [steps for trail in self._trails if (steps := trail.taken(record)) is not None]
        return _AllSteps(found) if len(found) > 1 else found[0] if found else None


class IngestTrails:
    """Several trails of the ingest stage as one."""

    def __init__(self, trails: Iterable[IngestTrail]) -> None:
        self._trails = tuple(trails)

    def begin(self, records: Sequence[Record]) -> BatchSteps | None:
        """Ask all of them."""
        found = [steps for trail in self._trails if (steps := trail.begin(records)) is not None]
        return _AllBatchSteps(found) if len(found) > 1 else found[0] if found else None


class _AllSteps:
    __slots__ = ("_all",)

    def __init__(self, all_: Iterable[Steps]) -> None:
        self._all = tuple(all_)

    def plans(self) -> None:
        for each in self._all:
            each.plans()

    def planned(self, tasks: Tasks | None) -> None:
        for each in self._all:
            each.planned(tasks)

    def begins(self, task: Task, attempt: int) -> None:
        for each in self._all:
            each.begins(task, attempt)

    def ended(self, task: Task, attempt: int, outcome: Outcome) -> None:
        for each in self._all:
            each.ended(task, attempt, outcome)

    def waits(self, task: Task, attempt: int, delay_s: float) -> None:
        for each in self._all:
            each.waits(task, attempt, delay_s)

    def dead_lettered(self, reason: Reason) -> None:
        for each in self._all:
            each.dead_lettered(reason)

    def settled(self, finished: int) -> None:
        for each in self._all:
            each.settled(finished)

    def left(self) -> None:
        for each in self._all:
            each.left()


class _AllBatchSteps:
    def __init__(self, all_: Iterable[BatchSteps]) -> None:
        self._all = tuple(all_)

    def headers(self, record: Record) -> Headers:
        return [header for each in self._all for header in each.headers(record)]

    def forwarded(self, record: Record, events: int) -> None:
        for each in self._all:
            each.forwarded(record, events)

    def dead_lettered(self, record: Record, reason: Reason) -> None:
        for each in self._all:
            each.dead_lettered(record, reason)

    def repeats(self, trouble: str) -> None:
        for each in self._all:
            each.repeats(trouble)

    def ended(self) -> None:
        for each in self._all:
            each.ended()
