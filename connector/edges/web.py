"""The worker's web port: /live, /ready, /status, /metrics, and the console below /console."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from connector.delivery.liveness import HealthReason
from connector.edges.health import READY_CODES, as_json
from connector.errors import OperationalError

# In bytes: two texts of a megabyte each. Here, as the limit of a mounted application does not count.
LARGEST_FORM: Final = 4 * 1024 * 1024
SHUT_DOWN_S: Final = 2.0  # that a page which is being served has at the end


@dataclass(frozen=True, slots=True)
class Health:
    """What the worker says of itself; asked anew for every request.

    not_ready   reasons why it does not deliver, empty when it is ready
    status      JSON for /status
    dead        reasons why only a restart can mend it, empty while it is live
    """

    not_ready: Callable[[], Sequence[HealthReason]]
    status: Callable[[], dict[str, Any]]
    dead: Callable[[], Sequence[HealthReason]]


async def start_web(
    health: Health,
    registry: CollectorRegistry,
    *,
    host: str,
    port: int,
    console: web.Application | None = None,
) -> web.AppRunner:
    """Serve until the runner's cleanup(); with a console, that is where / leads to.

    Raises: OperationalError when the port is taken
    """

    async def live(_request: web.Request) -> web.Response:
        reasons = health.dead()
        return _health("live", reasons) if reasons else _json({"live": True})

    async def ready(request: web.Request) -> web.Response:
        ignored = frozenset(request.query.getall("ignore", ()))
        if unknown := sorted(ignored - READY_CODES):
            return _json({"error": f"ignore: {', '.join(unknown)}: no code of /ready"}, status=400)
        return _health("ready", [reason for reason in health.not_ready() if reason.code not in ignored])

    async def status(_request: web.Request) -> web.Response:
        return _json(health.status())

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    # The limit of a sub-application does not count, only this one does.
    app = web.Application(client_max_size=LARGEST_FORM)
    app.add_routes(
        [
            web.get("/live", live),
            web.get("/ready", ready),
            web.get("/status", status),
            web.get("/metrics", metrics),
        ]
    )
    if console is not None:
        app.add_subapp("/console", console)
        app.add_routes([web.get("/", _to_console)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUT_DOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise OperationalError(
            f"{host}:{port} is taken or not ours ({error.strerror}); set CONNECTOR_WEB_PORT to a free port,"
            " or to 0 for no web port"
        ) from error
    return runner


async def _to_console(_request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/console/"})


def _health(name: str, reasons: Sequence[HealthReason]) -> web.Response:
    body = {name: not reasons, "reasons": [as_json(reason) for reason in reasons]}
    return _json(body, status=503 if reasons else 200)


def _json(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")
