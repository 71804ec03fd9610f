"""The partitions: how far each is, who has it, and what it waits for."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from connector.edges.console.pages import fragment, page
from connector.edges.console.parts import CONSOLE
from connector.edges.console.snapshot import Snapshot

PARTS: Final = ("findings", "groups")


def routes() -> list[web.RouteDef]:
    """Give the routes."""
    return [web.get("/partitions", _show)]


async def _show(request: web.Request) -> web.Response:
    return page(request, "partitions.html", values(await request.app[CONSOLE].snapshot()))


def live(snapshot: Snapshot, _turn: int) -> dict[str, str]:
    """Give the live parts."""
    shown = values(snapshot)
    return {name: fragment(f"parts/{name}.html", shown) for name in PARTS}


def values(snapshot: Snapshot) -> dict[str, Any]:
    """Give what the page shows."""
    return {"report": snapshot.report, "trouble": snapshot.trouble}
