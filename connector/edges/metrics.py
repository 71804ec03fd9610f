"""The metrics of a worker, from the plain counters of its stages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, get_args

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from connector.core.actions import ACTIONS
from connector.core.deletion import DELETE_PERSON
from connector.delivery.codes import CODES
from connector.delivery.outcome import OutcomeCode
from connector.delivery.stats import DeliveryStats, IngestStats
from connector.edges.label_bounds import Folded, Key, closed, fold
from connector.edges.metric_families import family, histogram, single

LABELLED_ACTIONS: Final = frozenset((*ACTIONS, DELETE_PERSON))
LABELLED_CODES: Final = frozenset(CODES)
LABELLED_OUTCOMES: Final = frozenset(get_args(OutcomeCode))


class StageCollector(Collector):
    """Gives Prometheus what the stages counted, at the moment it asks.

    mappings  gives the names of the mappings in force; the others are counted together
    """

    def __init__(
        self, delivery: DeliveryStats, ingest: IngestStats, mappings: Callable[[], Collection[str]]
    ) -> None:
        self._delivery, self._ingest, self._mappings = delivery, ingest, mappings
        self._folded: defaultdict[str, Folded] = defaultdict(Folded)  # by metric

    def collect(self) -> Iterator[Metric]:
        """Give all metrics."""
        delivery, ingest, in_force = self._delivery, self._ingest, frozenset(self._mappings())
        yield family(
            "connector_records_total", {("ingest",): ingest.received, ("deliver",): delivery.received}
        )
        yield single("connector_events_forwarded_total", ingest.forwarded)
        yield single("connector_records_repeated_total", delivery.repeated)
        yield single("connector_records_filtered_total", delivery.filtered)
        yield single("connector_records_settled_total", delivery.settled)
        yield single("connector_records_handed_over_total", delivery.handed_over)
        yield single("connector_records_unreadable_total", delivery.unreadable)
        yield self._requests("connector_requests_planned_total", delivery.planned, in_force)
        yield self._requests("connector_requests_withdrawn_total", delivery.withdrawn, in_force)
        yield self._requests("connector_requests_delivered_total", delivery.delivered, in_force)
        attempts = _closed_codes(delivery.attempts, LABELLED_OUTCOMES)
        yield family("connector_attempts_total", {(code,): count for code, count in attempts.items()})
        yield single("connector_retries_total", delivery.retries)
        letters = self._fold("connector_dead_letters_total", _by_code(delivery.dead_letters), in_force)
        given_up = _closed_codes(ingest.dead_letters, LABELLED_CODES)
        yield family(
            "connector_dead_letters_total",
            {
                **{("ingest", code, ""): count for code, count in given_up.items()},
                **{("deliver", code, mapping): count for (mapping, code), count in letters.items()},
            },
        )
        yield single("connector_dead_letter_failures_total", delivery.dead_letter_failures)
        yield histogram("connector_delivery_delay_seconds", delivery.delay)

    def _requests(
        self, name: str, counts: Mapping[tuple[str, str], int], in_force: Collection[str]
    ) -> Metric:
        return family(name, self._fold(name, _by_action(counts), in_force))

    def _fold(self, name: str, counts: Mapping[Key, int], in_force: Collection[str]) -> Mapping[Key, int]:
        folded = self._folded[name] = fold(counts, in_force, self._folded[name])
        return folded.shown


def _by_action(counts: Mapping[tuple[str, str], int]) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for (mapping, action), count in counts.items():
        found[mapping, closed(action, LABELLED_ACTIONS)] += count
    return found


def _by_code(counts: Mapping[tuple[str, str], int]) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for (code, mapping), count in counts.items():
        found[mapping, closed(code, LABELLED_CODES)] += count
    return found


def _closed_codes(counts: Mapping[str, int], known: Collection[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for code, count in counts.items():
        found[closed(code, known)] += count
    return found
