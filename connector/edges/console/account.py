"""Signing in and out, and whether personal data is shown."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

import structlog
from aiohttp import web

from connector.edges.clocks import wall_clock
from connector.edges.console.pages import VIEWER, page
from connector.edges.console.parts import CONSOLE
from connector.edges.console.session import COOKIE, LASTS_S, Gatekeeper, Session

WRONG_S: Final = 1.0  # that a wrong token costs, one after the other
LONGEST_TOKEN: Final = 4096  # characters
HOME: Final = "/console/"

log = structlog.get_logger(__name__)


class Account:
    """The pages of the session."""

    def __init__(self) -> None:
        self._guessing = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            web.get("/sign-in", self.form),
            web.post("/sign-in", self.sign_in),
            web.post("/sign-out", self.sign_out),
            web.post("/reveal", self.reveal),
        ]

    async def form(self, request: web.Request) -> web.Response:
        """Ask for the token."""
        return page(request, "sign_in.html", {"problem": "", "next": _local(request.query.get("next", ""))})

    async def sign_in(self, request: web.Request) -> web.Response:
        """Begin a session for whoever has the token."""
        gatekeeper, form = request.app[CONSOLE].gatekeeper, await request.post()
        where = _local(str(form.get("next", "")))
        if not gatekeeper.is_token(str(form.get("token", ""))[:LONGEST_TOKEN]):
            async with self._guessing:
                await asyncio.sleep(WRONG_S)
            log.warning("somebody gave the console a wrong token")
            values = {"problem": "This is not the token.", "next": where}
            return page(request, "sign_in.html", values, status=403)
        log.info("somebody signed in to the console")
        return _going(request, where, gatekeeper, gatekeeper.sign_in(wall_clock()))

    async def sign_out(self, _request: web.Request) -> web.Response:
        """End the session in this browser."""
        response = web.Response(status=303, headers={"Location": HOME})
        response.del_cookie(COOKIE, path="/console", httponly=True, samesite="Strict")
        return response

    async def reveal(self, request: web.Request) -> web.Response:
        """Show or mask personal data from now on."""
        form, session = await request.post(), request[VIEWER].session
        assert session is not None  # the guard asks for one
        reveals = form.get("reveals") == "yes"
        log.info("personal data in the console", revealed=reveals)
        where = _local(str(form.get("next", "")))
        return _going(request, where, request.app[CONSOLE].gatekeeper, replace(session, reveals=reveals))


def _going(request: web.Request, where: str, gatekeeper: Gatekeeper, session: Session) -> web.Response:
    response = web.Response(status=303, headers={"Location": where})
    is_secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
    response.set_cookie(
        COOKIE,
        gatekeeper.cookie_of(session),
        path="/console",
        max_age=int(LASTS_S),
        httponly=True,
        samesite="Strict",
        secure=is_secure,
    )
    return response


def _local(path: str) -> str:
    """Give a path of the console, so that nobody is led elsewhere after signing in."""
    is_ours = path.startswith("/console/") and "\\" not in path and path.isprintable() and len(path) < 2000
    return path if is_ours else HOME
