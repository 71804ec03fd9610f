"""Looks every few seconds whether partitions are stuck, and says in the log when that begins and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import structlog

from connector.delivery.flow import Flow
from connector.delivery.record import Partition
from connector.delivery.stuck import Stuck, StuckDetector, by_reason, dump, named
from connector.delivery.waits import Progress
from connector.edges.clocks import monotonic_clock

LOOK_S: Final = 5.0

log = structlog.get_logger(__name__)


class Stage(Protocol):
    """What is looked at."""

    @property
    def busy(self) -> int:
        """How many requests, keys and dead letters are being worked on."""
        ...

    def progress(self) -> Mapping[Partition, Progress]:
        """Say of every partition how far it is and what it waits for."""
        ...


class StuckWatch:
    """Watches one deliver stage from `start` to `stop`."""

    def __init__(
        self,
        stage: Stage,
        flow: Flow,
        *,
        stuck_after_s: float,
        clock: Callable[[], float] = monotonic_clock,
        every_s: float = LOOK_S,
    ) -> None:
        self._stage, self._flow, self._clock, self._every_s = stage, flow, clock, every_s
        self._detector = StuckDetector(stuck_after_s)
        self._task: asyncio.Task[None] | None = None

    @property
    def stuck(self) -> Sequence[Stuck]:
        """The partitions that are stuck, as of the last look."""
        return list(self._detector.stuck.values())

    def count(self) -> int:
        """Give how many that are."""
        return len(self._detector.stuck)

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def look(self) -> None:
        """Look once; tell of those who got stuck by what they wait for, and of those who move again."""
        now_s, progress = self._clock(), self._stage.progress()
        was_stuck = self.count()
        began, moved = self._detector.look(progress, now_s)
        for text, numbers in by_reason(began, now_s):
            log.warning(
                "partitions do not move", waits_for=text, count=len(numbers), partitions=named(numbers)
            )
        if began and not was_stuck:
            state = dump(progress, self._detector.stuck, self._flow, self._stage.busy, now_s)
            log.warning("state of the worker", **state)
        if moved:
            numbers = sorted(each.partition for each in moved)
            log.info(
                "partitions move again", count=len(numbers), partitions=named(numbers), stuck=self.count()
            )

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                self.look()
            except Exception:  # the outermost guard: looking on matters more than one look
                log.exception("partitions could not be looked at")
