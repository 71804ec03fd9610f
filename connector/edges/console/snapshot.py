"""Looks at the whole group while somebody looks at the console, once for all of them.

Pages show a snapshot, never live objects. What the other workers do is what they last said on the control
topic; of this one it is what it would say now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import structlog

from connector.edges.clocks import monotonic_clock, wall_clock
from connector.edges.heartbeat import SILENT_S, WORKER_PREFIX
from connector.edges.kafka_trouble import in_words
from connector.edges.status_reader import StatusReader
from connector.edges.status_report import Limits, Report
from connector.errors import OperationalError
from connector.settings import Settings

EVERY_S: Final = 1.0
LOOK_S: Final = 4.0  # between two looks at Kafka; what other workers say comes every five
IDLE_S: Final = 30.0  # after the last time that somebody looked
PATIENCE_S: Final = 20.0  # that a page waits for the first look

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything there is to show, as of `at` (epoch seconds).

    report       lag, workers and findings of the group; None while Kafka cannot be asked, `trouble` says why
    control      newest value of every key of the control topic, with the facts of this process as of now
    destination  whose counts are shown; None in a process that has none, which shows those of all
    """

    at: float
    control: Mapping[str, Any]
    report: Report | None
    trouble: str = ""
    destination: str | None = None


class Looks(Protocol):
    """Makes snapshots."""

    def want(self) -> None:
        """Say that somebody looks."""
        ...

    async def snapshot(self) -> Snapshot:
        """Give a snapshot of now or of a moment ago."""
        ...

    async def close(self) -> None:
        """Look no more."""
        ...


class Watch:
    """Makes snapshots, one a second, from the first time that somebody asks until nobody has for a while.

    Kafka is asked beside it, and may take longer: then the report of a snapshot is a little older.

    destination  id of the destination, None when this process has none
    on_snapshot  is told of each
    """

    def __init__(
        self,
        settings: Settings,
        instance: str,
        facts: Callable[[], Mapping[str, Any]],
        destination: Callable[[], str | None],
        on_snapshot: Callable[[Snapshot], Awaitable[None]],
    ) -> None:
        self._settings, self._instance, self._facts = settings, instance, facts
        self._destination, self._on_snapshot = destination, on_snapshot
        self._wanted_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._seen: _Seen | None = None
        self._has_seen = asyncio.Event()

    def want(self) -> None:
        """Say that somebody looks."""
        self._wanted_s = monotonic_clock()
        if self._task is None or self._task.done():
            self._seen = None
            self._has_seen.clear()
            self._task = asyncio.create_task(self._run())

    async def snapshot(self) -> Snapshot:
        """Give a snapshot of now, with what Kafka told a moment ago."""
        self.want()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._has_seen.wait()
        except TimeoutError:
            return self._make(_Seen(None, dict, "Kafka does not answer"))
        assert self._seen is not None
        return self._make(self._seen)

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        looking = asyncio.create_task(self._look_on())
        try:
            await self._has_seen.wait()
            while self._is_wanted():
                begun_s = monotonic_clock()
                assert self._seen is not None
                await self._on_snapshot(self._make(self._seen))
                await asyncio.sleep(max(begun_s + EVERY_S - monotonic_clock(), EVERY_S / 4))
        except Exception:  # the outermost guard: the next one who looks begins anew
            log.exception("telling those who look at the console failed")
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _look_on(self) -> None:
        while True:
            try:
                await self._ask_kafka()
            except OperationalError as error:
                self._see(_Seen(None, dict, str(error)))
            except Exception as error:  # the outermost guard: a page says so, and the next look may go well
                log.exception("looking at the group failed, will repeat")
                self._see(_Seen(None, dict, in_words(error)))
            await asyncio.sleep(EVERY_S)

    async def _ask_kafka(self) -> None:
        limits = Limits(silent_after_s=SILENT_S, stuck_after_s=self._settings.stuck_after)
        async with StatusReader(self._settings, limits, self._destination, self._own) as reader:
            report = await reader.look()  # reads the control topic to its end
            reader.follow()
            while True:
                self._see(_Seen(report, lambda: reader.control, ""))
                await asyncio.sleep(LOOK_S)
                report = await reader.look()

    def _see(self, seen: _Seen) -> None:
        self._seen = seen
        self._has_seen.set()

    def _is_wanted(self) -> bool:
        return monotonic_clock() - self._wanted_s < IDLE_S

    def _own(self) -> Mapping[str, Any]:
        return {f"{WORKER_PREFIX}{self._instance}": self._facts()}

    def _make(self, seen: _Seen) -> Snapshot:
        control = {**seen.control(), **self._own()}
        return Snapshot(wall_clock(), control, seen.report, seen.trouble, self._destination())


class _Seen(NamedTuple):
    """What Kafka told last."""

    report: Report | None
    control: Callable[[], Mapping[str, Any]]
    trouble: str
