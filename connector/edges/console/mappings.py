"""The mappings of the destination: what each does, how often, and what is wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from aiohttp import web

from connector.core.actions import ACTIONS
from connector.core.destination import MOST_MAPPINGS
from connector.delivery.stats import LastError
from connector.delivery.tally import Requests
from connector.edges.console.in_force import InForce, in_force
from connector.edges.console.mapping_fields import field_rows
from connector.edges.console.pages import page
from connector.edges.console.parts import CONSOLE
from connector.edges.console.snapshot import Snapshot
from connector.edges.destination_lint import Placed, lint_file
from connector.edges.funnel import Funnel, make_funnel

NOTHING: Final = Requests()


class MappingRow(NamedTuple):
    """One mapping, with the counts of all workers.

    share  of what ended, the part that was delivered; None when nothing ended
    """

    name: str
    trigger: str
    action: str
    action_title: str
    enabled: bool
    counts: Requests
    share: float | None
    last_error: LastError | None


class Mappings:
    """The pages of the mappings; remembers what lint found in the file in force."""

    def __init__(self) -> None:
        self._linted: tuple[str, list[Placed]] = ("", [])

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [web.get("/mappings", self.show), web.get("/mappings/details", self.details)]

    async def show(self, request: web.Request) -> web.Response:
        """List all mappings."""
        console = request.app[CONSOLE]
        now, snapshot = await in_force(console.process), await console.snapshot()
        return page(
            request, "mappings.html", values(now, snapshot, console.process.settings.destination_file.name)
        )

    async def details(self, request: web.Request) -> web.Response:
        """Show one mapping."""
        console, name = request.app[CONSOLE], request.query.get("name", "")
        now, snapshot = await in_force(console.process), await console.snapshot()
        for number, config in enumerate(now.listed):
            if isinstance(config, dict) and config.get("name") == name:
                path = f"mappings[{number}]"
                row = _row(config, _funnel(snapshot))
                shown = {
                    "row": row,
                    "now": now,
                    "action": ACTIONS.get(row.action),
                    "fields": field_rows(config),
                    "findings": [each for each in await self._findings(now) if _is_inside(each.path, path)],
                }
                return page(request, "mapping.html", shown)
        raise web.HTTPNotFound(text="there is no mapping of this name (any more)")

    async def _findings(self, now: InForce) -> list[Placed]:
        if now.file is None:
            return []
        if self._linted[0] != now.version:
            self._linted = (now.version, await asyncio.to_thread(lint_file, now.file))
        return self._linted[1]


def values(now: InForce, snapshot: Snapshot, file: str) -> dict[str, Any]:
    """Give what the list shows."""
    funnel = _funnel(snapshot)
    return {
        "now": now,
        "file": file,
        "rows": [_row(each, funnel) for each in now.mappings],
        "most": MOST_MAPPINGS,
        "unmapped": funnel.day.counts.by_mapping.get("", NOTHING),
        "trouble": snapshot.trouble,
    }


def _funnel(snapshot: Snapshot) -> Funnel:
    return make_funnel(snapshot.control, snapshot.at, snapshot.destination)


def _row(config: Mapping[str, Any], funnel: Funnel) -> MappingRow:
    name, key = str(config["name"]), str(config.get("action", ""))
    counts = funnel.day.counts.by_mapping.get(name, NOTHING)
    action = ACTIONS.get(key)
    return MappingRow(
        name,
        str(config.get("trigger", "")),
        key,
        "" if action is None else action.title,
        config.get("enabled", True) is not False,
        counts,
        counts.success,
        funnel.last_errors.get(name),
    )


def _is_inside(path: str, mapping: str) -> bool:
    return path == mapping or path.startswith((f"{mapping}.", f"{mapping}["))
