"""The metrics of the worker as a whole: version, readiness, assignments, trouble of the ingest stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from connector import __version__
from connector.edges.batch_reader import BatchReader, Stage
from connector.edges.ingest_stage import IngestStage
from connector.edges.metric_families import family, single


class WorkerCollector(Collector):
    """Gives Prometheus the state of a worker at the moment it asks.

    stages     name of each stage (ingest, deliver), its reader and the stage
    not_ready  gives the reasons why the worker is not ready
    """

    def __init__(
        self, stages: Sequence[tuple[str, BatchReader, Stage]], not_ready: Callable[[], Sequence[object]]
    ) -> None:
        self._stages, self._not_ready = stages, not_ready

    def collect(self) -> Iterator[Metric]:
        """Give all metrics."""
        yield family("connector_build_info", {(__version__,): 1})
        yield single("connector_ready", not self._not_ready())
        yield family(
            "connector_assigned_partitions",
            {(name,): len(reader.assigned) for name, reader, _ in self._stages},
        )
        for _, _, stage in self._stages:
            if isinstance(stage, IngestStage):
                yield single("connector_ingest_trouble", bool(stage.trouble))
