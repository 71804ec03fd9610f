"""The metrics of the delivery engine as it stands: gate, limiter, breaker, lanes, buffer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from connector.delivery.flow import Flow
from connector.delivery.gate import Shut
from connector.delivery.stats import DeliveryStats
from connector.edges.batch_reader import BatchReader
from connector.edges.deliver_stage import DeliverStage
from connector.edges.metric_families import family, single

UNLIMITED: Final = float("inf")


class EngineCollector(Collector):
    """Gives Prometheus the engine's state at the moment it asks.

    is_broken  tells whether the configuration on disk is one that cannot be used
    stuck      counts the partitions whose watermark has not moved for too long
    """

    def __init__(
        self,
        flow: Flow,
        stage: DeliverStage,
        reader: BatchReader,
        stats: DeliveryStats,
        is_broken: Callable[[], bool],
        stuck: Callable[[], int] = lambda: 0,
    ) -> None:
        self._flow, self._stage, self._reader, self._stats = flow, stage, reader, stats
        self._is_broken, self._stuck = is_broken, stuck

    def collect(self) -> Iterator[Metric]:
        """Give all metrics."""
        reasons, limiter = self._flow.gate.reasons, self._flow.limiter
        yield family("connector_shut", {(reason.value,): reason in reasons for reason in Shut})
        yield family("connector_destination_info", {self._stage.serves: 1})
        yield single("connector_configuration_broken", self._is_broken())
        yield single("connector_in_flight", limiter.in_flight)
        yield single("connector_window", limiter.window)
        yield single("connector_pace_per_second", UNLIMITED if limiter.per_s is None else limiter.per_s)
        yield single("connector_failing_lanes", self._flow.breaker.failing_lanes)
        yield single("connector_full_lanes", len(self._stage.full_lanes))
        yield single("connector_stuck_partitions", self._stuck())
        yield single("connector_held_records", self._stage.held_records)
        yield single("connector_held_bytes", self._stage.held_bytes)
        yield single("connector_records_discarded_total", self._stats.discarded)
        yield single("connector_records_expired_total", self._reader.expired)
        yield single("connector_lease_waits_total", self._stats.lease_waits)
