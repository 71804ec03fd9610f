"""What the pages of the console are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from connector.delivery.ports import Sender
from connector.edges.console.jobs import Jobs
from connector.edges.console.live import Stream
from connector.edges.console.session import Gatekeeper
from connector.edges.console.snapshot import Looks, Snapshot
from connector.edges.deliverable import Deliverable
from connector.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What a worker process gives its console.

    facts        what its heartbeat tells, as of now
    deliverable  the configuration in force; None in a process that delivers nothing
    sender       makes requests as the deliver stage does; None likewise
    """

    settings: Settings
    environment: Mapping[str, str]
    instance: str
    facts: Callable[[], Mapping[str, Any]]
    deliverable: Callable[[], Deliverable | None] = lambda: None
    sender: Sender | None = None


@dataclass(frozen=True, slots=True)
class Console:
    """What every page can ask for; reached by `request.app[CONSOLE]`."""

    process: Process
    gatekeeper: Gatekeeper
    watch: Looks
    jobs: Jobs
    streams: Mapping[str, Stream] = field(default_factory=dict)

    async def snapshot(self) -> Snapshot:
        """Give everything there is to show."""
        return await self.watch.snapshot()


CONSOLE: Final = web.AppKey("console", Console)
