"""The metrics of a worker, from the plain counters of its stages."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from connector.delivery.stats import DeliveryStats, IngestStats


class StageCollector(Collector):
    """Gives Prometheus what the stages counted, at the moment it asks."""

    def __init__(self, delivery: DeliveryStats, ingest: IngestStats) -> None:
        self._delivery, self._ingest = delivery, ingest

    def collect(self) -> Iterator[Metric]:
        """Give all metrics."""
        received = CounterMetricFamily("connector_records", "Records taken from a topic", labels=["stage"])
        received.add_metric(["ingest"], self._ingest.received)
        received.add_metric(["deliver"], self._delivery.received)
        yield received
        yield CounterMetricFamily(
            "connector_events_forwarded", "Events written to the by-user topic", value=self._ingest.forwarded
        )
        yield CounterMetricFamily(
            "connector_records_repeated",
            "Records read again that were settled before",
            value=self._delivery.repeated,
        )
        yield CounterMetricFamily(
            "connector_records_filtered", "Records that no mapping matched", value=self._delivery.filtered
        )
        yield CounterMetricFamily(
            "connector_records_settled",
            "Records of which nothing is left to do",
            value=self._delivery.settled,
        )
        delivered = CounterMetricFamily(
            "connector_requests_delivered", "Requests that Encharge took", labels=["mapping", "action"]
        )
        for labels, count in self._delivery.delivered.items():
            delivered.add_metric(labels, count)
        yield delivered
        attempts = CounterMetricFamily("connector_attempts", "HTTP exchanges by outcome", labels=["code"])
        for code, count in self._delivery.attempts.items():
            attempts.add_metric([code], count)
        yield attempts
        yield CounterMetricFamily(
            "connector_retries", "Attempts after the first of a request", value=self._delivery.retries
        )
        letters = CounterMetricFamily(
            "connector_dead_letters", "Dead letters written", labels=["stage", "code", "mapping"]
        )
        for code, count in self._ingest.dead_letters.items():
            letters.add_metric(["ingest", code, ""], count)
        for (code, mapping), count in self._delivery.dead_letters.items():
            letters.add_metric(["deliver", code, mapping], count)
        yield letters
        yield CounterMetricFamily(
            "connector_dead_letter_failures",
            "Attempts to write a dead letter that failed",
            value=self._delivery.dead_letter_failures,
        )
        delay = self._delivery.delay
        bounds = [*map(str, delay.bounds_s), "+Inf"]
        yield HistogramMetricFamily(
            "connector_delivery_delay_seconds",
            "From the record's timestamp to acceptance",
            buckets=list(zip(bounds, accumulate(delay.counts), strict=True)),
            sum_value=delay.total_s,
        )
