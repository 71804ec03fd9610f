"""Server-sent events: what changed is rendered once and written to everybody who looks.

A frame goes straight to each connection; nobody has a task that is woken, and who does not read is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from aiohttp import HttpVersion11, web

from connector.edges.console.safety import HEADERS

MOST_WATCHERS: Final = 2000
MOST_UNREAD_BYTES: Final = 256 * 1024  # of one connection, beyond which it is closed
TURN: Final = 25  # connections that are written to at a stretch: a quarter of a millisecond
BREATH_S: Final = 0.005  # between two stretches, in which the loop delivers; 1,000 connections take 0.2 s
RETRY_MS: Final = 3000  # until a browser asks again after a broken connection


def frame(name: str, html: str) -> bytes:
    """Write one event, its text on one line: the indentation of templates is not sent a thousand times."""
    text = " ".join(filter(None, (line.strip() for line in html.splitlines())))
    return f"event: {name}\ndata: {text}\n\n".encode()


def chunk(data: bytes) -> bytes:
    """Write one chunk of a body of which the length is not known (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class _Watcher:
    """One connection. The response's own `write` would wait for a slow reader, and everybody with it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.gone = asyncio.Event()

    def write(self, data: bytes) -> None:
        if self.transport.is_closing() or self.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
            self.gone.set()
        else:
            self.transport.write(data)


class Stream:
    """One kind of live parts, by name of the event; what did not change is not sent again."""

    def __init__(self) -> None:
        self._watchers: set[_Watcher] = set()
        self._last: dict[str, bytes] = {}
        self._closed = False

    @property
    def watchers(self) -> int:
        """How many look."""
        return len(self._watchers)

    async def publish(self, parts: Mapping[str, str]) -> None:
        """Send everybody who looks what is not as it was: name of the event -> HTML."""
        if not self._watchers:
            return
        frames = {name: frame(name, html) for name, html in parts.items()}
        changed = b"".join(each for name, each in frames.items() if self._last.get(name) != each)
        self._last |= frames
        if not changed:
            changed = b": nothing changed\n\n"  # so that a connection that is gone is noticed
        data = chunk(changed)
        for number, watcher in enumerate(tuple(self._watchers), start=1):
            watcher.write(data)
            if number % TURN == 0:
                await asyncio.sleep(BREATH_S)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Keep a connection until it is gone, beginning with what others were told last.

        Raises: HTTPServiceUnavailable when too many look; HTTPBadRequest for HTTP/1.0, which has no chunks
        """
        transport = request.transport
        if request.version < HttpVersion11:
            raise web.HTTPBadRequest(text="live parts need HTTP/1.1")
        if self._closed or transport is None or len(self._watchers) >= MOST_WATCHERS:
            raise web.HTTPServiceUnavailable(text="too many look at this page; load it again instead")
        response = web.StreamResponse(
            headers={**HEADERS, "Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        response.enable_chunked_encoding()
        try:
            await response.prepare(request)
            await response.write(f"retry: {RETRY_MS}\n\n".encode())  # and the headers with it
        except ConnectionError:  # it has gone before it was served
            return response
        watcher = _Watcher(transport)
        if self._last:
            watcher.write(chunk(b"".join(self._last.values())))
        self._watchers.add(watcher)
        try:
            await watcher.gone.wait()
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                self._last.clear()  # from now on nobody is told, and it grows old
        if not self._closed:
            transport.abort()  # what was not read is not waited for
        return response

    def close(self) -> None:
        """Let everybody go: the worker stops."""
        self._closed = True
        for watcher in self._watchers:
            watcher.gone.set()
