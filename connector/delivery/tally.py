"""Totals, or a difference of totals, read back as numbers to show: the counterpart of totals.py.

Names that this version does not know are passed over.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple

from connector.delivery.stats import LATENCY_BOUNDS_S
from connector.delivery.totals import REQUESTS, Totals

QUANTILES: Final = (0.50, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests: planned = delivered + dead + withdrawn + open, see DeliveryStats.

    In a window of time each counts where it happened: what is delivered in it may have been planned before.
    """

    planned: int = 0
    withdrawn: int = 0
    delivered: int = 0
    retried: int = 0
    dead: int = 0

    @property
    def made(self) -> int:
        """Each request once: without those that were begun here and left to somebody else."""
        return self.planned - self.withdrawn

    @property
    def success(self) -> float | None:
        """Of the requests that ended, the part that was delivered; None when none ended."""
        ended = self.delivered + self.dead
        return self.delivered / ended if ended else None


class Delay(NamedTuple):
    """A percentile of the time from produce to acceptance, by interpolation within its bucket.

    is_beyond  it is longer than `seconds`, the largest bound
    """

    seconds: float
    is_beyond: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted. Settled records are filtered, discarded, unreadable or matched.

    ingested     records taken from the source topic, by the ingest stage
    forwarded    events written to the by-user topic
    received     records that the deliver stage took, without those known to be settled, which are `repeated`
    handed_over  of these, not settled here: the next owner of the partition receives them again
    unreadable   dead-lettered as a whole, by the deliver stage
    matched      with requests, all of which are delivered or dead-lettered
    retries      attempts after the first
    by_mapping   "" has the requests that need no mapping: the deletion of people
    by_code      all dead letters: of requests, of unreadable records, of the ingest stage
    ingest_dead  those of the ingest stage
    delays       p50, p95, p99 of delivered requests; all None when there are none
    """

    ingested: int
    forwarded: int
    ingest_dead: int
    received: int
    repeated: int
    handed_over: int
    filtered: int
    discarded: int
    unreadable: int
    matched: int
    retries: int
    requests: Requests
    by_mapping: dict[str, Requests]
    by_code: dict[str, int]
    delays: tuple[Delay | None, ...]

    @property
    def dead_letters(self) -> int:
        """All dead letters."""
        return sum(self.by_code.values())


def tally(counts: Totals) -> Tally:
    """Read counts by name."""
    by_kind: dict[str, Counter[str]] = {kind: Counter() for kind in (*REQUESTS, "dead")}
    codes: Counter[str] = Counter()
    delays = [0] * (len(LATENCY_BOUNDS_S) + 1)
    for name, count in counts.items():
        match name.split("/", 2):
            case ["dead", code, mapping]:
                codes[code] += count
                by_kind["dead"][mapping] += count
            case ["ingest", "dead", code]:
                codes[code] += count
            case ["delay", bound]:
                delays[_bucket(bound)] += count
            case [kind, _action, mapping] if kind in by_kind:
                by_kind[kind][mapping] += count

    def one(name: str) -> int:
        return counts.get(name, 0)

    by_kind["dead"][""] -= one("unreadable")  # these are records, the others are requests
    mappings = {mapping for kind in by_kind.values() for mapping, count in kind.items() if count}
    return Tally(
        ingested=one("ingest/received"),
        forwarded=one("ingest/forwarded"),
        ingest_dead=sum(count for name, count in counts.items() if name.startswith("ingest/dead/")),
        received=one("received") - one("repeated"),
        repeated=one("repeated"),
        handed_over=one("handed_over"),
        filtered=one("filtered"),
        discarded=one("discarded"),
        unreadable=one("unreadable"),
        matched=one("settled") - one("filtered") - one("discarded") - one("unreadable"),
        retries=one("retries"),
        requests=Requests(**{kind: counter.total() for kind, counter in by_kind.items()}),
        by_mapping={
            mapping: Requests(**{kind: counter[mapping] for kind, counter in by_kind.items()})
            for mapping in sorted(mappings)
        },
        by_code={code: count for code, count in codes.most_common() if count},
        delays=tuple(percentile(delays, quantile) for quantile in QUANTILES),
    )


def percentile(buckets: Sequence[int], quantile: float) -> Delay | None:
    """Give a percentile of LATENCY_BOUNDS_S, the values of a bucket being spread evenly over it."""
    rank = quantile * sum(buckets)
    if not rank:
        return None
    below = 0
    for index, (count, up_to) in enumerate(zip(buckets, accumulate(buckets), strict=True)):
        if count and up_to >= rank:
            if index == len(LATENCY_BOUNDS_S):
                break
            upper = LATENCY_BOUNDS_S[index]
            lower = LATENCY_BOUNDS_S[index - 1] if index else 0.0
            return Delay(lower + (upper - lower) * (rank - below) / count)
        below = up_to
    return Delay(LATENCY_BOUNDS_S[-1], is_beyond=True)


def _bucket(bound: str) -> int:
    try:
        return bisect_left(LATENCY_BOUNDS_S, float(bound))
    except ValueError:
        return len(LATENCY_BOUNDS_S)
