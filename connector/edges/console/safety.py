"""Keeps the console safe: who may do what, and what a browser may do with our pages.

reading     everybody who reaches the port; personal data is masked
acting      every POST but those of `OPEN`: a session, and the proof that one of our forms was used
another site can do nothing: SameSite=Strict keeps the cookie from it, its POSTs are refused by where they
come from, and a loopback port answers to no other name than one of this machine (DNS rebinding)
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from connector.edges.clocks import wall_clock
from connector.edges.console.pages import VIEWER, Viewer, page
from connector.edges.console.session import COOKIE, Gatekeeper
from connector.errors import ConnectorError

# POSTs that change nothing: signing in proves itself, and the tester only calculates.
OPEN: Final = frozenset(("/console/sign-in", "/console/tester/explain", "/console/tester/download"))

HEADERS: Final = {
    # No inline script and style, nothing from elsewhere. Pico's icons are data: images.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
PROOF_HEADER: Final = "X-CSRF-Token"
PROOF_FIELD: Final = "csrf"

log = structlog.get_logger(__name__)


def guard(gatekeeper: Gatekeeper, *, host: str) -> Middleware:
    """Make the middleware of the console; `host` is what the port is bound to."""
    only_local = is_loopback(host)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        session = gatekeeper.session_of(request.cookies.get(COOKIE, ""), wall_clock())
        proof = "" if session is None else gatekeeper.proof_of(session)
        viewer = request[VIEWER] = Viewer(session, proof, gatekeeper.has_token)
        try:
            if only_local and not is_loopback(urlsplit(f"//{request.host}").hostname or ""):
                raise web.HTTPMisdirectedRequest(text="this port answers to the names of this machine only")
            if request.method not in ("GET", "HEAD"):
                await _check_acting(request, viewer, gatekeeper)
            response = await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                error.headers.update(HEADERS)
                raise
            text = error.text or error.reason
            response = page(request, "error.html", {"problem": text}, status=error.status)
        except ConnectorError as error:
            response = page(request, "error.html", {"problem": str(error)}, status=503)
        except Exception:  # the outermost guard of a page: what is wrong with it is for the log
            log.exception("page failed", route=_route(request))
            problem = "This page failed; the log of the worker says why."
            response = page(request, "error.html", {"problem": problem}, status=500)
        if not response.prepared:
            response.headers.update(HEADERS)
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


async def _check_acting(request: web.Request, viewer: Viewer, gatekeeper: Gatekeeper) -> None:
    if not is_from_here(request):
        raise web.HTTPForbidden(text="the request came from another site")
    if request.path in OPEN:
        return
    if viewer.session is None:
        raise web.HTTPForbidden(text="sign in with the console token to do this")
    given = request.headers.get(PROOF_HEADER, "") or str((await request.post()).get(PROOF_FIELD, ""))
    if not gatekeeper.is_proof(viewer.session, given):
        raise web.HTTPForbidden(text="the form is not of this session; load the page again")


def is_from_here(request: web.Request) -> bool:
    """Tell by what a browser says whether one of our own pages sent this; programs need not say anything."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def is_loopback(host: str) -> bool:
    """Tell whether a name or address is one of this machine alone."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical
