"""The worker's web port: /live, /ready, /status and /metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from connector.errors import OperationalError


@dataclass(frozen=True, slots=True)
class Health:
    """What the worker says of itself; asked anew for every request.

    not_ready   reasons why it does not deliver, empty when it is ready
    status      JSON for /status
    """

    not_ready: Callable[[], list[str]]
    status: Callable[[], dict[str, Any]]


async def start_web(health: Health, registry: CollectorRegistry, *, host: str, port: int) -> web.AppRunner:
    """Serve until the runner's cleanup().

    Raises: OperationalError when the port is taken
    """

    async def live(_request: web.Request) -> web.Response:
        return _json({"live": True})

    async def ready(_request: web.Request) -> web.Response:
        reasons = health.not_ready()
        return _json({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)

    async def status(_request: web.Request) -> web.Response:
        return _json(health.status())

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes(
        [
            web.get("/live", live),
            web.get("/ready", ready),
            web.get("/status", status),
            web.get("/metrics", metrics),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
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


def _json(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")
