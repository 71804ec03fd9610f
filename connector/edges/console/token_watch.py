"""Another console token without a restart: its file is looked at, and sessions of the one before end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import structlog
from aiohttp import web

from connector.edges.console.session import Gatekeeper
from connector.edges.file_watch import FileWatch
from connector.edges.logs import keep_out_of_logs
from connector.secret_files import read_secret
from connector.settings import SHORTEST_TOKEN

log = structlog.get_logger(__name__)


class TokenWatch:
    """Looks at where the token is or would be; `known` is told every new one, for what must never show it."""

    def __init__(
        self, files: Iterable[Path], gatekeeper: Gatekeeper, known: Callable[[Iterable[str]], None]
    ) -> None:
        self._files = tuple(files)
        self._gatekeeper, self._known = gatekeeper, known
        self._watch = FileWatch(self._files, self.change)

    def change(self) -> None:
        """Take the token that is there now; one that cannot be used leaves the one before in force."""
        try:
            token = self._read()
        except ValueError as error:
            log.warning("changed console token cannot be used, the one before stays", error=str(error))
            return
        if token is not None:
            keep_out_of_logs((token,))
            self._known((token,))
        self._gatekeeper.change(token)
        log.info("console token was changed, sessions of the one before have ended", set=token is not None)

    async def lifetime(self, _app: web.Application) -> AsyncIterator[None]:
        """Look as long as the application runs."""
        task = asyncio.create_task(self._watch.run()) if self._files else None
        yield
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _read(self) -> str | None:
        # A link that leads nowhere is there, and broken; a file that is not there is no token.
        there = [file for file in self._files if os.path.lexists(file)]
        if not there:
            return None
        token = read_secret(there[0])
        if len(token) < SHORTEST_TOKEN:
            raise ValueError(f"{there[0]} has {len(token)} characters; at least {SHORTEST_TOKEN}")
        return token
