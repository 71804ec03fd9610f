"""Plain counters of one worker; cheap to count, read by whoever exports or shows them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

LATENCY_BOUNDS_S: Final = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 14400.0,
)  # fmt: skip


class Histogram:
    """Counts per bucket, the last one without an upper bound."""

    __slots__ = ("bounds_s", "counts", "total_s")

    def __init__(self, bounds_s: tuple[float, ...] = LATENCY_BOUNDS_S) -> None:
        self.bounds_s = bounds_s
        self.counts = [0] * (len(bounds_s) + 1)
        self.total_s = 0.0

    def observe(self, value_s: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds_s, value_s)] += 1
        self.total_s += value_s


class LastError(NamedTuple):
    """What the last failed request of a mapping failed of; `at` is in epoch seconds."""

    code: str  # of the outcome, or of the dead letter
    status: int | None  # HTTP status, if there was an answer
    at: float


@dataclass(slots=True)
class DeliveryStats:
    """What the deliver stage did since the process started.

    Records: received = repeated + settled + handed_over + held now, and
             settled = filtered + discarded + unreadable + matched.
    Requests, by mapping and action: planned = delivered + dead letters + withdrawn + open now.

    A record that was redriven is a record like any other and counts again. A replay has a process and
    counts of its own. What a worker held when it lost the partition is received, and planned, again by
    the next one; the first counts the record as handed over, and a request that was its turn as withdrawn.
    """

    received: int = 0  # records taken from the by-user topic
    repeated: int = 0  # of these, known to be settled already
    handed_over: int = 0  # held and not settled when the partitions were taken away
    filtered: int = 0  # no mapping matched
    discarded: int = 0  # the destination is disabled and discards
    unreadable: int = 0  # a dead letter as a whole: it holds no event, or could not be planned
    settled: int = 0  # records
    # Requests by mapping and action; the deletion of a person has no mapping.
    # planned    their turn came; each counts once, however often it is tried
    # withdrawn  of these, not finished: handed over, or another configuration does not have them as the next
    # delivered  Encharge took them
    # retried    were tried more than once
    planned: Counter[tuple[str, str]] = field(default_factory=Counter)
    withdrawn: Counter[tuple[str, str]] = field(default_factory=Counter)
    delivered: Counter[tuple[str, str]] = field(default_factory=Counter)
    retried: Counter[tuple[str, str]] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)  # by outcome code
    retries: int = 0  # attempts after the first
    dead_letters: Counter[tuple[str, str]] = field(default_factory=Counter)  # by code and mapping
    dead_letter_failures: int = 0  # attempts to write one that failed
    lease_waits: int = 0  # attempts not begun as group membership was not certain
    last_errors: dict[str, LastError] = field(default_factory=dict)  # by mapping
    delay: Histogram = field(default_factory=Histogram)  # of delivered requests, see delivery/produced.py

    @property
    def matched(self) -> int:
        """Settled records that had something to send: all requests delivered or dead-lettered."""
        return self.settled - self.filtered - self.discarded - self.unreadable


@dataclass(slots=True)
class IngestStats:
    """What the ingest stage did since the process started."""

    received: int = 0  # records taken from the source topic
    forwarded: int = 0  # events written to the by-user topic
    dead_letters: Counter[str] = field(default_factory=Counter)  # by code
