"""What follows the records of this process, by settings: their steps in the log, spans, both, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.delivery.trail import IngestTrail, IngestTrails, Trail, Trails
from connector.edges.step_log import IngestStepLog, StepLog
from connector.errors import ConfigurationError, Problem
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.edges.tracing import Tracing


class Followers:
    """Makes the trails of the stages; what none follows has none, so that it costs nothing."""

    def __init__(self, settings: Settings, *, instance: str = "") -> None:
        """Begin what settings ask for; `instance` names this process.

        Raises: ConfigurationError
        """
        self._logs_steps = settings.log_level == "debug"
        self._tracing = None if settings.tracing == "off" else _tracing(instance)

    def deliver(self, group: str) -> Trail | None:
        """Give the trail of a deliver stage."""
        trails: list[Trail] = [StepLog()] if self._logs_steps else []
        if self._tracing is not None:
            trails.append(self._tracing.deliver(group))
        return Trails(trails) if len(trails) > 1 else next(iter(trails), None)

    def ingest(self, group: str, topic: str) -> IngestTrail | None:
        """Give the trail of an ingest stage that forwards to this topic."""
        trails: list[IngestTrail] = [IngestStepLog()] if self._logs_steps else []
        if self._tracing is not None:
            trails.append(self._tracing.ingest(group, topic))
        return IngestTrails(trails) if len(trails) > 1 else next(iter(trails), None)

    async def stop(self) -> None:
        """Let go of what was begun; returns within seconds."""
        if self._tracing is not None:
            await self._tracing.stop()


def _tracing(instance: str) -> Tracing:
    try:
        from connector.edges.tracing import Tracing, otlp_exporter  # noqa: PLC0415  an extra
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "opentelemetry":
            raise
        message = "is otlp, which needs an extra: pip install 'segment-encharge-connector[tracing]'"
        raise ConfigurationError(Problem(message, path="CONNECTOR_TRACING")) from None
    try:
        return Tracing(otlp_exporter(), instance=instance)
    except ValueError as error:
        raise ConfigurationError(Problem(str(error), path="OTEL_…")) from error
