"""What changes a running worker: its files, and what is said on the control topic.

destination file or key changed   read anew; good: in force from the next attempt on; broken: the old
                                  version stays, it is told, and /ready says so
pause/<destination>               paused: nothing is sent; resumed: sending goes on, also after a flood
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from connector.delivery.gate import Shut
from connector.delivery.liveness import HealthReason
from connector.edges.control_topic import PAUSE_PREFIX, ControlReader, pause_of
from connector.edges.deliver_stage import DeliverStage
from connector.edges.deliverable import Deliverable, read_deliverable
from connector.edges.encharge_account import EnchargeAccount
from connector.edges.file_watch import FileWatch
from connector.edges.health import Unready, shut_reasons
from connector.edges.log_redaction import secrets_of
from connector.edges.logs import keep_out_of_logs
from connector.errors import ConfigurationError, OperationalError, Problem
from connector.settings import Settings, watched_files

log = structlog.get_logger(__name__)


class Steering:
    """Steers one deliver stage."""

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        deliverable: Deliverable,
        stage: DeliverStage,
        account: EnchargeAccount,
    ) -> None:
        self._settings, self._environment = settings, environment
        self.deliverable = deliverable
        self._stage, self._account = stage, account
        self._generation = 0
        self._broken: tuple[Problem, ...] = ()
        self._watch = FileWatch(watched_files(environment), self.reload)
        self._control = ControlReader(settings, self._on_control)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> bool:
        """Take up what was said before; then follow files and control topic. True when started."""
        self.reload()  # the files may have changed since they were read: Kafka was waited for
        self._apply_enabled()
        if self.deliverable.has_many_mappings:
            log.warning(
                "the limit of 50 mappings is near", mappings=len(self.deliverable.destination.mappings)
            )
        try:
            await self._control.read_to_end()
        except OperationalError as error:
            log.warning("whether the destination is paused is not known yet", error=str(error))
        self._tasks = [asyncio.create_task(self._watch.run()), asyncio.create_task(self._control.follow())]
        return True

    async def stop(self) -> None:
        """Follow nothing any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def reload(self) -> None:
        """Read the files anew; what is broken changes nothing."""
        try:
            settings = Settings.from_environment(self._environment)
            keep_out_of_logs(secrets_of(settings))
            deliverable = read_deliverable(settings)
            if deliverable.destination.id != self.deliverable.destination.id:
                message = "is part of the consumer group and cannot change while the worker runs; restart it"
                raise ConfigurationError(
                    Problem(message, path="id", file=str(self._settings.destination_file))
                )
        except ConfigurationError as error:
            self._broken = error.problems
            log.error(  # noqa: TRY400  the problems say it all
                "configuration is broken, the old version stays in force",
                version=self.deliverable.version, problems=[str(problem) for problem in error.problems],
            )  # fmt: skip
            return
        self._broken = ()
        if (
            deliverable.version == self.deliverable.version
            and deliverable.endpoints == self.deliverable.endpoints
        ):
            return
        has_new_key = deliverable.endpoints != self.deliverable.endpoints
        self.deliverable = deliverable
        self._account.endpoints = deliverable.endpoints
        self._generation += 1
        self._stage.reconfigure(
            deliverable.configuration(
                largest_record=self._settings.max_record_bytes, generation=self._generation
            )
        )
        self._apply_enabled()
        if has_new_key:
            self._stage.try_soon()
        log.info("configuration is in force", version=deliverable.version, new_key=has_new_key)

    def _apply_enabled(self) -> None:
        if self.deliverable.holds:
            self._stage.shut(Shut.DISABLED)
        else:
            self._stage.resume(Shut.DISABLED)

    def _on_control(self, key: str, value: Any) -> None:
        if key != f"{PAUSE_PREFIX}{self.deliverable.destination.id}":
            return
        pause = pause_of(value)
        if pause is not None and pause.paused:
            self._stage.shut(Shut.PAUSED, " ".join(filter(None, (pause.by, pause.note))))
            log.warning("paused", by=pause.by, note=pause.note)
            return
        was_paused = Shut.PAUSED in self._stage.closed
        self._stage.resume(Shut.PAUSED)
        self._stage.resume(Shut.FLOOD)
        if was_paused:
            log.info("resumed", by="" if pause is None else pause.by)

    @property
    def is_broken(self) -> bool:
        """Whether the files on disk cannot be used, and the version before is in force."""
        return bool(self._broken)

    def not_ready(self) -> list[HealthReason]:
        """Say why nothing is delivered, and whether a broken configuration waits to be mended."""
        broken = [HealthReason(Unready.CONFIGURATION_BROKEN, str(each)) for each in self._broken[:1]]
        return [*shut_reasons(self._stage.closed), *broken]

    def status(self) -> dict[str, Any]:
        """Give configuration and gate as JSON."""
        return {
            "destination": self.deliverable.destination.id,
            "config_version": self.deliverable.version,
            "config_problems": [str(problem) for problem in self._broken],
            "shut": {str(reason): closed.detail for reason, closed in self._stage.closed.items()},
        }
