"""Plain counters of one worker; cheap to count, read by whoever exports or shows them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

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


@dataclass(slots=True)
class DeliveryStats:
    """What the deliver stage did since the process started."""

    received: int = 0  # records taken from the by-user topic
    repeated: int = 0  # of these, known to be settled already
    filtered: int = 0  # no mapping matched
    discarded: int = 0  # the destination is disabled and discards
    settled: int = 0  # records
    delivered: Counter[tuple[str, str]] = field(default_factory=Counter)  # requests, by mapping and action
    attempts: Counter[str] = field(default_factory=Counter)  # by outcome code
    retries: int = 0
    dead_letters: Counter[tuple[str, str]] = field(default_factory=Counter)  # by code and mapping
    dead_letter_failures: int = 0  # attempts to write one that failed
    lease_waits: int = 0  # attempts not begun as group membership was not certain
    delay: Histogram = field(default_factory=Histogram)  # from the record's timestamp to acceptance


@dataclass(slots=True)
class IngestStats:
    """What the ingest stage did since the process started."""

    received: int = 0  # records taken from the source topic
    forwarded: int = 0  # events written to the by-user topic
    dead_letters: Counter[str] = field(default_factory=Counter)
