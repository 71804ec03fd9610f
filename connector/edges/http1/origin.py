"""Where connections lead to, and how one is made."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from connector.core import Request
from connector.delivery.outcome import NoReply
from connector.edges.http1.connection import Connection, OnIdle, OnRace
from connector.edges.http1.tls import ClientContext

_KEPT_IN_PATHS = "/%:@!$&'()*+,;=~-._"


class Origin(NamedTuple):
    """Scheme, host and port of a server."""

    is_tls: bool
    host: str
    port: int


def origin_of(url: str) -> Origin:
    """Give the origin of an absolute URL.

    Raises: ValueError when it has none
    """
    parts = urlsplit(url)
    host = parts.hostname
    if not host or parts.scheme not in ("http", "https"):
        raise ValueError("the address has no scheme or no host")
    is_tls = parts.scheme == "https"
    return Origin(is_tls, _ascii(host), parts.port or (443 if is_tls else 80))


def head_of(request: Request) -> bytes:
    """Give the request's bytes up to the value of Content-Length."""
    parts = urlsplit(request.url)
    target = quote(parts.path or "/", safe=_KEPT_IN_PATHS)
    if parts.query:
        target += "?" + quote(parts.query, safe=_KEPT_IN_PATHS + "?")
    lines = [f"{request.method} {target} HTTP/1.1", f"Host: {_host_header(parts)}", "Accept: */*"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header holds a line break")
    return ("\r\n".join(lines) + "\r\nContent-Length: ").encode("latin-1")


async def connect(
    origin: Origin, context: ClientContext, timeout_s: float, on_idle: OnIdle, on_race: OnRace
) -> Connection | NoReply:
    """Make a connection; trouble on the wire is an answer, not an error."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            _, connection = await loop.create_connection(
                lambda: Connection(on_idle, on_race, context.keep_session),
                origin.host,
                origin.port,
                ssl=context if origin.is_tls else None,
            )
    except socket.gaierror as error:
        return NoReply("dns", type(error).__name__)
    except ssl.SSLError as error:
        return NoReply("tls", error.reason or type(error).__name__)
    except TimeoutError:
        return NoReply("connect", "timeout")
    except OSError as error:
        return NoReply("connect", type(error).__name__)
    return connection


def _host_header(parts: SplitResult) -> str:
    host = _ascii(parts.hostname or "")
    if ":" in host:
        host = f"[{host}]"
    return host if parts.port is None else f"{host}:{parts.port}"


def _ascii(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode("ascii")
