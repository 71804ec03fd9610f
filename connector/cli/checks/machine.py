"""This machine: the port of the worker's web server."""

from __future__ import annotations

import socket

from connector.cli.checks.finding import Finding
from connector.edges.process_guard import MEND, open_files
from connector.settings import Settings, secret_files_of

ANSWER_TIMEOUT_S = 2.0


async def machine_findings(settings: Settings) -> list[Finding]:
    """Tell whether a worker can listen where it is to; one that does already is no trouble."""
    host, port = settings.web_host, settings.web_port
    what = "web port"
    if port == 0:
        return [Finding("machine", what, ok=True, seen="switched off (CONNECTOR_WEB_PORT is 0)")]
    trouble = _cannot_listen(host, port)
    if trouble is None:
        return [Finding("machine", what, ok=True, seen=f"{host}:{port} is free")]
    if await _is_ours(host, port):
        return [Finding("machine", what, ok=True, seen=f"a worker listens on {host}:{port} already")]
    fix = "set CONNECTOR_WEB_PORT to a free port or to 0, and CONNECTOR_WEB_HOST to an address of ours"
    return [Finding("machine", what, ok=False, seen=f"{host}:{port} cannot be used ({trouble})", fix=fix)]


def _cannot_listen(host: str, port: int) -> str | None:
    """Say why nobody can listen there now; None when it is possible."""
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as asyncio's servers do
            tried.bind(address)
            tried.listen()
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def secret_findings(settings: Settings) -> list[Finding]:
    """Tell which files with secrets others can read; none where no secret is in a file."""
    found = [
        Finding("machine", "secret files", ok=True, seen=each.told, fix=MEND, is_warning=True)
        for each in open_files(settings)
    ]
    files = sum(1 for _ in secret_files_of(settings))
    if found or not files:
        return found
    return [Finding("machine", "secret files", ok=True, seen=f"{files}, read by nobody else")]


async def _is_ours(host: str, port: int) -> bool:
    import httpx  # noqa: PLC0415

    named = "127.0.0.1" if host in ("0.0.0.0", "") else "[::1]" if host == "::" else host  # noqa: S104
    try:
        async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT_S, trust_env=False) as client:
            answer = await client.get(f"http://{named}:{port}/live")
            return bool(answer.is_success and answer.json() == {"live": True})
    except (httpx.HTTPError, ValueError):
        return False
