"""What all workers did together, in the last minute, hour and day: from what they say on the control topic.

    worker/<instance>   totals as of a few seconds ago, while the worker runs
    history/<instance>  totals and marks as of a minute ago, or as of the worker's end

A worker's totals are the larger ones of both, and a window of time is these totals minus the newest mark
that is as old as the window. So windows begin a little earlier than asked, by up to a mark (5 s, a minute, a
quarter of an hour), and nothing is counted twice or lost between the two records. What is no such value is
passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

from connector.delivery.history import (
    DAY_S,
    HOUR_S,
    MINUTE_S,
    Told,
    from_json,
    is_time,
    read_totals,
)
from connector.delivery.stats import LastError
from connector.delivery.tally import Tally, tally
from connector.delivery.totals import INGEST_PREFIX, Totals
from connector.edges.heartbeat import HISTORY_PREFIX, SILENT_S, WORKER_PREFIX

SKEW_S: Final = DAY_S  # a time that is further ahead than this is not believed


class Rates(NamedTuple):
    """Counts a second, see Tally and Requests; of `received` without what was handed over."""

    received: float = 0.0
    filtered: float = 0.0
    matched: float = 0.0
    delivered: float = 0.0
    retried: float = 0.0
    dead_letters: float = 0.0


@dataclass(frozen=True, slots=True)
class Window:
    """What all workers counted in the last `seconds`."""

    seconds: float
    counts: Tally
    rates: Rates


class Heard(StrEnum):
    """What is known of a worker's counts."""

    WORKING = "working"
    STOPPED = "stopped"  # in order: everything is counted
    SILENT = "silent"  # no last word: what it counted after `until`, if anything, is missing
    UNKNOWN = "unknown"  # it says nothing that this version understands, so it is not in the counts


class Source(NamedTuple):
    """A worker, and until when it is counted, in epoch seconds."""

    instance: str
    heard: Heard
    until: float


@dataclass(frozen=True, slots=True)
class Funnel:
    """The counts of all workers that are known: those that run, and those that ended in the last day.

    known        all of it, also what a worker counted more than a day ago
    since        when the first of them started, in epoch seconds
    last_errors  by mapping
    """

    at: float
    minute: Window
    hour: Window
    day: Window
    known: Tally
    since: float | None
    last_errors: Mapping[str, LastError]
    sources: tuple[Source, ...]

    @property
    def unfinished(self) -> tuple[Source, ...]:
        """The workers that ended without a last word, or are cut off."""
        return tuple(source for source in self.sources if source.heard is Heard.SILENT)


def make_funnel(control: Mapping[str, Any], now: float, destination: str | None = None) -> Funnel:
    """Sum up the values of the control topic, as of now.

    Of workers that deliver to another destination, only what they ingest counts, as that is for all of them.
    The facts of a process that are fresher than its heartbeat can take the place of that in `control`.
    """
    sources: list[Source] = []
    tellers: list[Told] = []
    errors: dict[str, LastError] = {}
    for instance in sorted(_instances(control)):
        worker = control.get(f"{WORKER_PREFIX}{instance}")
        history = control.get(f"{HISTORY_PREFIX}{instance}")
        told = _told(worker, history, now)
        sources.append(_source(instance, worker, told, now))
        is_other = destination is not None and _destination(worker, history) not in (None, destination)
        if told is not None:
            tellers.append(_ingested(told) if is_other else told)
        for value in () if is_other else (worker, history):
            _keep_newest(errors, _errors(value))
    return Funnel(
        at=now,
        minute=_window(tellers, now, MINUTE_S),
        hour=_window(tellers, now, HOUR_S),
        day=_window(tellers, now, DAY_S),
        known=tally(_sum(told.totals for told in tellers)),
        since=min((told.started_at for told in tellers), default=None),
        last_errors=errors,
        sources=tuple(sources),
    )


def _instances(control: Mapping[str, Any]) -> set[str]:
    return {
        key.removeprefix(prefix)
        for key in control
        for prefix in (WORKER_PREFIX, HISTORY_PREFIX)
        if key.startswith(prefix)
    }


# One worker


def _told(worker: Any, history: Any, now: float) -> Told | None:
    """Join both records of a worker; None when neither tells counts."""
    past, present = from_json(history), _present(worker, now)
    if past is None or past.at > now + SKEW_S:
        return present
    return past if present is None else past.then(present.at, present.totals)


def _present(worker: Any, now: float) -> Told | None:
    """Read a heartbeat: the totals, and that there were none when the worker started."""
    if not isinstance(worker, dict):
        return None
    at, started_at, totals = worker.get("at"), worker.get("started_at"), read_totals(worker.get("totals"))
    if totals is None or not is_time(at) or not is_time(started_at) or not started_at <= at <= now + SKEW_S:
        return None
    counts = {name: [count] for name, count in totals.items()}
    return Told(started_at, at, totals, [started_at], counts)


def _destination(worker: Any, history: Any) -> str | None:
    """Give the destination that a worker tells; None for one that only ingests, or tells none."""
    for value in (worker, history):
        told = value.get("destination") if isinstance(value, dict) else None
        if isinstance(told, str):
            return told
    return None


def _ingested(told: Told) -> Told:
    """Leave out what a worker delivered."""
    totals = {name: count for name, count in told.totals.items() if name.startswith(INGEST_PREFIX)}
    counts = {name: column for name, column in told.counts.items() if name in totals}
    return replace(told, totals=totals, counts=counts)


def _source(instance: str, worker: Any, told: Told | None, now: float) -> Source:
    at = worker.get("at") if isinstance(worker, dict) else None
    if told is None:
        return Source(instance, Heard.UNKNOWN, at if is_time(at) else 0.0)
    if told.ended:
        heard = Heard.STOPPED
    else:
        heard = Heard.WORKING if is_time(at) and now - at < SILENT_S else Heard.SILENT
    return Source(instance, heard, told.at)


def _errors(value: Any) -> dict[str, LastError]:
    """Read the last error of each mapping."""
    errors = value.get("last_errors") if isinstance(value, dict) else None
    found: dict[str, LastError] = {}
    for mapping, error in errors.items() if isinstance(errors, dict) else ():
        match error:
            case [str(code), None | int() as status, int() | float() as at] if is_time(at):
                found[mapping] = LastError(code, status, at)
    return found


def _keep_newest(errors: dict[str, LastError], more: Mapping[str, LastError]) -> None:
    for mapping, error in more.items():
        if mapping not in errors or errors[mapping].at < error.at:
            errors[mapping] = error


# All of them


def _window(tellers: Iterable[Told], now: float, seconds: float) -> Window:
    counts: list[dict[str, int]] = []
    rates = [0.0] * len(Rates._fields)
    for told in tellers:
        since, own = told.since(now - seconds)
        counts.append(own)
        span_s = max(seconds, now - since)
        rates = [rate + count / span_s for rate, count in zip(rates, _rated(tally(own)), strict=True)]
    return Window(seconds, tally(_sum(counts)), Rates(*rates))


def _sum(each: Iterable[Totals]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for totals in each:
        counts.update(totals)
    return counts


def _rated(counts: Tally) -> tuple[int, ...]:
    requests = counts.requests
    return (
        counts.received - counts.handed_over,
        counts.filtered,
        counts.matched,
        requests.delivered,
        requests.retried,
        counts.dead_letters,
    )
