"""Looks at everything that `status` tells: groups and topics on Kafka, and what the workers said.

All of it is on Kafka, so it works when no worker answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Self

from connector.edges.clocks import monotonic_clock, wall_clock
from connector.edges.control_topic import ControlReader
from connector.edges.destination_file import read_destination_file
from connector.edges.heartbeat import SILENT_S, WORKER_PREFIX
from connector.edges.lag import LagReader
from connector.edges.status_report import GroupSeen, Limits, Report, Seen, make_report, readers_of
from connector.errors import ConfigurationError, OperationalError
from connector.settings import Settings

# A commit is due every second, so a partition whose commit is the same after so long does not move.
SECOND_LOOK_S: Final = 2.5


class StatusReader:
    """Looks as often as asked; to be used as an async context manager.

    destination  id of the destination where it is known; else the destination file says it
    fresher      values that take the place of those on the control topic

    Entering raises OperationalError when Kafka cannot be reached.
    """

    def __init__(
        self,
        settings: Settings,
        limits: Limits,
        destination: Callable[[], str | None] = lambda: None,
        fresher: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self._settings, self._limits = settings, limits
        self._destination, self._fresher = destination, fresher
        self._lag = LagReader(settings)
        self._control = ControlReader(settings)
        self._following: asyncio.Task[None] | None = None
        self._commits: dict[tuple[str, int], tuple[int | None, float]] = {}  # and since when it is the same

    async def __aenter__(self) -> Self:
        await self._lag.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await self._lag.__aexit__(*error)

    async def read(self) -> Report:
        """Look once; a second time after a moment when something seems to be stuck.

        Raises: OperationalError
        """
        report = await self.look()
        if any(
            (each.oldest_age_s or 0.0) > self._limits.stuck_after_s
            for group in report.groups
            for each in group.partitions
        ):
            await asyncio.sleep(SECOND_LOOK_S)
            report = await self.look()
        return report

    def follow(self) -> None:
        """Follow the control topic from now on, for looks to come."""
        if self._following is None:
            self._following = asyncio.create_task(self._control.follow())

    @property
    def control(self) -> Mapping[str, Any]:
        """The newest value of every key of the control topic, as far as it was read."""
        return self._control.values

    async def look(self) -> Report:
        """Look once.

        Raises: OperationalError
        """
        notes: list[str] = []
        control = await self._read_control(notes)
        groups = [
            await self._group(stage, group, topic)
            for group, (stage, topic) in (await self._groups(control or {}, notes)).items()
        ]
        seen = Seen(
            wall_clock(),
            self._settings.kafka_bootstrap_servers,
            groups,
            control,
            self._unmoved(groups),
            notes,
        )
        return make_report(seen, self._limits)

    async def _read_control(self, notes: list[str]) -> Mapping[str, Any] | None:
        topic = self._settings.control_topic
        if await self._lag.missing([topic]):
            notes.append(
                f"control topic {topic} is missing, so workers and pauses are not known;"
                " `encharge-connector topics apply` makes it"
            )
            return None
        if self._following is None:
            try:
                await self._control.read_to_end()
            except OperationalError as error:
                notes.append(f"workers and pauses are not known: {error}")
                return None
        return {**self._control.values, **self._fresher()}

    async def _groups(self, control: Mapping[str, Any], notes: list[str]) -> dict[str, tuple[str, str]]:
        """Give group -> stage and topic, from the destination file, from the workers and from Kafka."""
        settings = self._settings
        found: dict[str, tuple[str, str]] = {}
        if settings.partitioning == "repartition":
            found[settings.ingest_group] = "ingest", settings.source_topic
        prefix = settings.deliver_group("")
        known = set(await self._known(prefix, notes))
        try:
            id_ = self._destination() or read_destination_file(settings.destination_file).config.get("id")
        except ConfigurationError as error:
            delivering = known  # all, also those that nobody uses any more
            if not known:
                notes.append(f"no group {prefix}… is known, and the destination file cannot be read: {error}")
        else:
            used = {group for group in known if (await self._lag.state(group)).members}
            delivering = {settings.deliver_group(str(id_))} | used
        delivering |= {group for group in _told_groups(control, wall_clock()) if group.startswith(prefix)}
        return {**found, **dict.fromkeys(sorted(delivering), ("deliver", settings.deliver_topic))}

    async def _known(self, prefix: str, notes: list[str]) -> list[str]:
        try:
            return await self._lag.groups(prefix)
        except OperationalError as error:
            notes.append(f"the groups cannot be listed: {error}")
            return []

    async def _group(self, stage: str, group: str, topic: str) -> GroupSeen:
        state = await self._lag.state(group)
        if await self._lag.missing([topic]):
            return GroupSeen(stage, group, topic, state, [], {}, is_missing=True)
        lags = await self._lag.read(topic, group)
        return GroupSeen(stage, group, topic, state, lags, await self._lag.oldest(lags))

    def _unmoved(self, groups: list[GroupSeen]) -> frozenset[tuple[str, int]]:
        now_s = monotonic_clock()
        before, self._commits = self._commits, {}
        unmoved = set()
        for group in groups:
            for lag in group.lags:
                place = group.group, lag.partition
                committed, since_s = before.get(place, (lag.committed, now_s))
                if committed != lag.committed:
                    since_s = now_s
                self._commits[place] = lag.committed, since_s
                if now_s - since_s >= SECOND_LOOK_S:
                    unmoved.add(place)
        return frozenset(unmoved)


def _told_groups(control: Mapping[str, Any], now: float) -> Iterator[str]:
    """Give the groups of workers that were heard of late."""
    for key, facts in control.items():
        at = facts.get("at") if key.startswith(WORKER_PREFIX) and isinstance(facts, dict) else None
        if isinstance(at, (int, float)) and now - at < SILENT_S:
            yield from (str(reader.get("group")) for reader in readers_of(facts))
