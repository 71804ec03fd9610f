"""The metrics of the delivery engine as it stands: gate, limiter, breaker, lanes, buffer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from connector.delivery.flow import Flow
from connector.delivery.gate import Shut
from connector.delivery.stats import DeliveryStats
from connector.edges.batch_reader import BatchReader
from connector.edges.deliver_stage import DeliverStage

UNLIMITED: Final = float("inf")


class EngineCollector(Collector):
    """Gives Prometheus the engine's state at the moment it asks.

    is_broken  tells whether the configuration on disk is one that cannot be used
    """

    def __init__(
        self,
        flow: Flow,
        stage: DeliverStage,
        reader: BatchReader,
        stats: DeliveryStats,
        is_broken: Callable[[], bool],
    ) -> None:
        self._flow, self._stage, self._reader, self._stats = flow, stage, reader, stats
        self._is_broken = is_broken

    def collect(self) -> Iterator[Metric]:
        """Give all metrics."""
        shut = GaugeMetricFamily("connector_shut", "1 while nothing is sent for a reason", labels=["reason"])
        for reason in Shut:
            shut.add_metric([reason], reason in self._flow.gate.reasons)
        yield shut
        yield _gauge(
            "connector_configuration_broken",
            "1 while destination file or key cannot be used and the version before is in force",
            self._is_broken(),
        )
        limiter = self._flow.limiter
        yield _gauge("connector_in_flight", "Requests under way", limiter.in_flight)
        yield _gauge("connector_window", "Requests that may be under way at once", limiter.window)
        pace = UNLIMITED if limiter.per_s is None else limiter.per_s
        yield _gauge("connector_pace_per_second", "Requests that may start in a second", pace)
        failing = self._flow.breaker.failing_lanes
        yield _gauge("connector_failing_lanes", "People whose last request failed in passing", failing)
        full = len(self._stage.full_lanes)
        yield _gauge(
            "connector_full_lanes", "Partitions not read on, as one person has too many records", full
        )
        yield _gauge("connector_held_records", "Records read and not settled", self._stage.held_records)
        yield _gauge("connector_held_bytes", "Bytes of records read and not settled", self._stage.held_bytes)
        yield CounterMetricFamily(
            "connector_records_discarded",
            "Records read while the destination was disabled with when_disabled: discard",
            value=self._stats.discarded,
        )
        yield CounterMetricFamily(
            "connector_records_expired",
            "Records that retention deleted before they were delivered",
            value=self._reader.expired,
        )
        yield CounterMetricFamily(
            "connector_lease_waits",
            "Looks at a request that was not begun as membership of the group was uncertain",
            value=self._stats.lease_waits,
        )


def _gauge(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, value=value)
