"""The counters of one process as one flat JSON object, name -> count, zeros left out.

    received, repeated, handed_over, filtered, discarded, unreadable, settled, retries
    ingest/received, ingest/forwarded, ingest/dead/<code>
    planned/<action>/<mapping>, and so withdrawn, delivered, retried
    dead/<code>/<mapping>
    delay/<upper bound in seconds | inf>

A counter only grows, so what was counted between two moments is the difference of their totals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from connector.delivery.stats import DeliveryStats, Histogram, IngestStats

Totals: TypeAlias = Mapping[str, int]

RECORDS: Final = (
    "received", "repeated", "handed_over", "filtered", "discarded", "unreadable", "settled", "retries",
)  # fmt: skip
REQUESTS: Final = ("planned", "withdrawn", "delivered", "retried")
NO_BOUND: Final = "inf"
INGEST_PREFIX: Final = "ingest/"


def totals_of(delivery: DeliveryStats, ingest: IngestStats) -> dict[str, int]:
    """Give all that was counted since the process started."""
    return {name: count for name, count in _all(delivery, ingest) if count}


def _all(delivery: DeliveryStats, ingest: IngestStats) -> Iterator[tuple[str, int]]:
    for name in RECORDS:
        yield name, getattr(delivery, name)
    yield f"{INGEST_PREFIX}received", ingest.received
    yield f"{INGEST_PREFIX}forwarded", ingest.forwarded
    for code, count in ingest.dead_letters.items():
        yield f"{INGEST_PREFIX}dead/{code}", count
    for kind in REQUESTS:
        for (mapping, action), count in getattr(delivery, kind).items():
            yield f"{kind}/{action}/{mapping}", count
    for (code, mapping), count in delivery.dead_letters.items():
        yield f"dead/{code}/{mapping}", count
    yield from _delays(delivery.delay)


def _delays(delay: Histogram) -> Iterator[tuple[str, int]]:
    for bound, count in zip((*map(repr, delay.bounds_s), NO_BOUND), delay.counts, strict=True):
        yield f"delay/{bound}", count
