"""A proxy for HTTP: forwards requests for http:// addresses, and tunnels the others (CONNECT)."""

import asyncio
from base64 import b64encode
from contextlib import suppress
from urllib.parse import urlsplit


class HttpProxy:
    """Serves one client connection after the other; the attributes may be changed at any time.

    credentials   "user:password" that every request must show, None when nobody has to
    answers       a status line, such as "502 Bad Gateway", that all requests get instead of being carried
    requests      (method, target) of all requests, also of those that were not carried
    """

    def __init__(self, credentials=None):
        self._server = None
        self._tasks, self._writers = set(), set()
        self.credentials = credentials
        self.answers = None
        self.requests = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *error):
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks)

    @property
    def port(self):
        return self._server.sockets[0].getsockname()[1]

    def url(self, credentials=None):
        return f"http://{credentials + '@' if credentials else ''}127.0.0.1:{self.port}"

    async def _serve(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        self._writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._carry(reader, writer)
        writer.transport.close()

    async def _carry(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *headers = head.rstrip().split("\r\n")
        method, target, _ = line.split(" ")
        self.requests.append((method, target))
        refusal = self.answers
        if self.credentials is not None:
            wanted = f"proxy-authorization: basic {b64encode(self.credentials.encode()).decode()}"
            if wanted.lower() not in [each.lower() for each in headers]:
                refusal = "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=tests"
        if refusal is not None:
            writer.write(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            return
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            up_reader, up_writer = await asyncio.open_connection(host, int(port))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            parts = urlsplit(target)
            up_reader, up_writer = await asyncio.open_connection(parts.hostname, parts.port)
            kept = [each for each in headers if not each.lower().startswith(("proxy-", "connection:"))]
            up_writer.write(
                "\r\n".join([f"{method} {parts.path} HTTP/1.1", *kept, "Connection: close\r\n\r\n"]).encode()
            )
        self._writers.add(up_writer)
        await asyncio.gather(_pump(reader, up_writer), _pump(up_reader, writer))


async def _pump(reader, writer):
    """Carry bytes until one side ends; then end the other."""
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
