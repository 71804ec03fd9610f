"""What a worker tells of itself: in its heartbeats on the control topic, and of its readers in /status.

Everything is read from counters that are kept anyway. No ids of persons, no keys, at most a few KB.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connector import __version__
from connector.delivery.flow import Flow
from connector.delivery.history import History
from connector.delivery.liveness import HealthReason
from connector.delivery.stats import DeliveryStats, IngestStats
from connector.delivery.totals import totals_of
from connector.delivery.waits import Progress, Wait, WaitKind
from connector.edges.batch_reader import BatchReader, Stage
from connector.edges.clocks import monotonic_clock, wall_clock
from connector.edges.deliver_stage import DeliverStage
from connector.edges.health import short
from connector.edges.ingest_stage import IngestStage
from connector.edges.steering import Steering

MOST_WAITS: Final = 40  # partitions whose wait a heartbeat tells, about 100 bytes each: the oddest ones
MOST_PROBLEMS: Final = 3
MOST_ERRORS: Final = 50  # as many mappings as a destination may have
LONGEST_PROBLEM: Final = 300  # characters
LONGEST_S: Final = 1e9  # of a time that is believed

# What every partition of a busy worker waits for at times; the others are told first.
_ORDINARY: Final = frozenset((WaitKind.REQUEST, WaitKind.WINDOW, WaitKind.PACE, WaitKind.TURN))


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """Gives the facts of one worker; what it does not have is None.

    readers  name of the stage (ingest, deliver), its reader and the stage
    marks    what was counted by when, see delivery/history.py
    web      address of the web port, empty when it is off
    stuck    counts the partitions whose watermark has not moved for too long
    """

    host: str
    pid: int
    started_at: float
    role: str
    web: str
    readers: list[tuple[str, BatchReader, Stage]]
    delivery: DeliveryStats
    ingest: IngestStats
    not_ready: Callable[[], Sequence[HealthReason]]
    marks: History
    flow: Flow | None = None
    steering: Steering | None = None
    stuck: Callable[[], int] = lambda: 0

    def __call__(self) -> dict[str, Any]:
        """Give all facts as JSON, as of now."""
        return {
            "at": round(wall_clock(), 3),
            "started_at": round(self.started_at, 3),
            "host": self.host,
            "pid": self.pid,
            "version": __version__,
            "role": self.role,
            "web": self.web,
            **self._configuration(),
            "not_ready": [short(reason) for reason in self.not_ready()],
            "stuck": self.stuck(),
            "readers": [reader_facts(*each) for each in self.readers],
            **({} if self.flow is None else _flow_facts(self.flow)),
            "counts": _counts(self.delivery, self.ingest),
            "totals": self._totals(),
            "last_errors": self._last_errors(),
        }

    def mark(self) -> None:
        """Remember what is counted now, if that is due."""
        at = wall_clock()
        if self.marks.is_due(at):
            self.marks.mark(at, self._totals())

    def history(self, *, ended: bool = False) -> dict[str, Any]:
        """Give what was counted by when as JSON; `ended` when nothing will be counted any more."""
        told = self.marks.told(wall_clock(), self._totals(), ended=ended)
        destination = None if self.steering is None else self.steering.deliverable.destination.id
        return {**told, "destination": destination, "last_errors": self._last_errors()}

    def shape(self) -> tuple[Hashable, ...]:
        """Give what is worth telling at once when it changes: assignments, why nothing is sent, versions."""
        steering, flow = self.steering, self.flow
        return (
            tuple((reader.assigned, reader.is_reading) for _, reader, _ in self.readers),
            () if flow is None else tuple(flow.gate.reasons),
            None if steering is None else steering.deliverable.version,
            tuple(map(short, self.not_ready())),
            self.stuck(),
        )

    def _totals(self) -> dict[str, int]:
        return totals_of(self.delivery, self.ingest)

    def _last_errors(self) -> dict[str, list[Any]]:
        errors = sorted(self.delivery.last_errors.items(), key=lambda item: item[1].at)
        return {
            mapping: [code, status, round(at, 3)] for mapping, (code, status, at) in errors[-MOST_ERRORS:]
        }

    def _configuration(self) -> dict[str, Any]:
        if self.steering is None:
            return {"destination": None, "config_version": None, "config_problems": []}
        status = self.steering.status()
        problems = [problem[:LONGEST_PROBLEM] for problem in status["config_problems"][:MOST_PROBLEMS]]
        return {
            "destination": status["destination"],
            "config_version": status["config_version"],
            "config_problems": problems,
        }


def reader_facts(name: str, reader: BatchReader, stage: Stage) -> dict[str, Any]:
    """Give what one reader holds and what its partitions wait for.

    `waits` tells of at most MOST_WAITS partitions that hold records; `waits_left_out` counts the others.
    """
    facts: dict[str, Any] = {
        "stage": name,
        "topic": reader.topic,
        "group": reader.group,
        "reading": reader.is_reading,
        "partitions": sorted(number for _, number in reader.assigned),
        "held_records": stage.held_records + reader.queued,
        "held_bytes": stage.held_bytes,
    }
    if isinstance(stage, DeliverStage):
        holding = {place.partition: each for place, each in stage.progress().items() if each.held}
        told = sorted(holding.items(), key=_oddest_first)[:MOST_WAITS]
        full = {partition: count for (_, partition), count in stage.full_lanes.items()}
        facts["waits"] = [_wait_facts(number, each, full.get(number)) for number, each in told]
        facts["waits_left_out"] = len(holding) - len(told)
    elif isinstance(stage, IngestStage):
        facts["writes"], facts["trouble"] = stage.topic, stage.trouble
    return facts


def _oddest_first(item: tuple[int, Progress]) -> tuple[bool, float, int]:
    partition, (_, _, wait) = item
    return wait.kind in _ORDINARY, -(wait.for_s or 0.0), partition


def _wait_facts(partition: int, progress: Progress, full: int | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "partition": partition,
        "watermark": progress.watermark,
        "held": progress.held,
        **wait_as_json(progress.wait),
    }
    if full is not None:
        facts["full_lane"] = full
    return facts


def wait_as_json(wait: Wait) -> dict[str, Any]:
    """Write a wait without what is not known, times to a tenth of a second."""
    times = {name: getattr(wait, name) for name in ("for_s", "next_in_s", "under_way_s")}
    facts: dict[str, Any] = {"kind": str(wait.kind)}
    facts |= {name: round(value, 1) for name, value in times.items() if value is not None}
    if wait.detail:
        facts["detail"] = wait.detail
    if wait.alias:
        facts["alias"] = True
    return facts


def wait_from_json(facts: Mapping[str, Any]) -> Wait | None:
    """Read it back; None for what this version does not know."""
    try:
        kind = WaitKind(facts["kind"])
    except (KeyError, ValueError):
        return None
    times = [facts.get(name) for name in ("for_s", "next_in_s", "under_way_s")]
    for_s, next_in_s, under_way_s = (
        float(each) if isinstance(each, (int, float)) and abs(each) < LONGEST_S else None for each in times
    )
    return Wait(
        kind, for_s, next_in_s, under_way_s, str(facts.get("detail", "")), alias=facts.get("alias") is True
    )


def _flow_facts(flow: Flow) -> dict[str, Any]:
    limiter = flow.limiter
    now_s, now = monotonic_clock(), wall_clock()
    return {
        "limiter": {
            "window": limiter.window,
            "in_flight": limiter.in_flight,
            "per_s": _rate(limiter.per_s),
            "ceiling_per_s": _rate(limiter.ceiling_per_s),
        },
        "failing_persons": flow.breaker.failing_lanes,
        "shut": [
            {
                "reason": str(reason),
                "since": round(now - (now_s - closed.since_s), 3),
                "detail": closed.detail,
            }
            for reason, closed in flow.gate.reasons.items()
        ],
    }


def _rate(per_s: float | None) -> float | None:
    return None if per_s is None else round(per_s, 1)


def _counts(delivery: DeliveryStats, ingest: IngestStats) -> dict[str, Any]:
    letters: Counter[str] = Counter(ingest.dead_letters)
    for (code, _mapping), count in delivery.dead_letters.items():
        letters[code] += count
    return {
        "received": delivery.received,
        "settled": delivery.settled,
        "filtered": delivery.filtered,
        "discarded": delivery.discarded,
        "delivered": sum(delivery.delivered.values()),
        "retries": delivery.retries,
        "dead_letters": dict(letters),
        "dead_letter_failures": delivery.dead_letter_failures,
        "ingest_received": ingest.received,
        "forwarded": ingest.forwarded,
    }
