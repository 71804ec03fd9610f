"""The steps of each record as lines of the log, at level debug.

Every line has topic, partition and offset; attempt, code, mapping and action where there are any. None has an
id, a key, a body or the name of an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog

from connector.delivery.dead_letter import Headers, Reason
from connector.delivery.outcome import Outcome
from connector.delivery.planner import Task, Tasks
from connector.delivery.record import Record
from connector.delivery.trail import BatchSteps, Steps

log = structlog.get_logger(__name__)


class StepLog:
    """A trail of the deliver stage."""

    def taken(self, record: Record) -> Steps:
        """Log that the record was taken; its steps log the rest."""
        place = _place(record)
        log.debug("record taken", **place)
        return _RecordLog(place)


class IngestStepLog:
    """A trail of the ingest stage."""

    def begin(self, records: Sequence[Record]) -> BatchSteps:  # noqa: ARG002
        """Log nothing yet: what becomes of the records is told of each."""
        return _BatchLog()


class _RecordLog:
    __slots__ = ("_code", "_place")

    def __init__(self, place: dict[str, object]) -> None:
        self._place = place
        self._code: str | None = None  # of the last attempt

    def plans(self) -> None:
        pass

    def planned(self, tasks: Tasks | None) -> None:
        if tasks is None:
            log.debug("record is an envelope, planned by event", **self._place)
        elif tasks:
            requests = sum(task.request is not None for task in tasks)
            log.debug("record planned", **self._place, requests=requests, given_up=len(tasks) - requests)
        else:
            log.debug("record planned: nothing to do", **self._place, requests=0, given_up=0)

    def begins(self, task: Task, attempt: int) -> None:
        log.debug("attempt begun", **self._place, attempt=attempt, **_names(task))

    def ended(self, task: Task, attempt: int, outcome: Outcome) -> None:
        self._code = outcome.code
        facts: dict[str, Any] = {}
        if (status := getattr(outcome, "status", None)) is not None:
            facts["status"] = status
        elif reason := getattr(outcome, "reason", ""):
            facts["trouble"] = reason
        log.debug("attempt ended", **self._place, attempt=attempt, code=outcome.code, **_names(task), **facts)

    def waits(self, task: Task, attempt: int, delay_s: float) -> None:
        facts = {} if self._code is None else {"code": self._code}
        log.debug(
            "waits for retry",
            **self._place,
            attempt=attempt,
            **facts,
            **_names(task),
            delay_s=round(delay_s, 3),
        )

    def dead_lettered(self, reason: Reason) -> None:
        log.debug("dead letter written", **self._place, attempt=reason.attempts, **_facts(reason))

    def settled(self, finished: int) -> None:
        log.debug("record settled", **self._place, finished=finished)

    def left(self) -> None:
        log.debug("record left to the next owner of its partition", **self._place)


class _BatchLog:
    __slots__ = ()

    def headers(self, record: Record) -> Headers:  # noqa: ARG002
        return ()

    def forwarded(self, record: Record, events: int) -> None:
        log.debug("record forwarded", **_place(record), events=events)

    def dead_lettered(self, record: Record, reason: Reason) -> None:
        log.debug("dead letter written", **_place(record), **_facts(reason))

    def repeats(self, trouble: str) -> None:
        pass  # the stage itself says so, at warning

    def ended(self) -> None:
        pass


def _place(record: Record) -> dict[str, object]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}


def _names(task: Task) -> dict[str, str]:
    return {"mapping": task.mapping, "action": task.action}


def _facts(reason: Reason) -> dict[str, str]:
    named = {"mapping": reason.mapping, "action": reason.action}
    return {"code": reason.code, **{name: value for name, value in named.items() if value}}
