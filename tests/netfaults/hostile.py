"""A server that answers HTTP in ways that no client should have to see, and the list of these ways."""

import asyncio
import gzip
import socket
from contextlib import suppress

from tests.netfaults.proxy import reset

PIECE = b"x" * 65536
SOCKET_BUFFER = 65536  # bytes, of the server; small, so that what was sent is about what was taken


class HostileServer:
    """Does the same to every connection.

    serve        a function of this module, given the connection: a `Peer`
    tls          the context of a server, None for plain TCP
    connections  up to now
    open         of them, at the moment
    requests     whose head came in whole, as (number of the connection, head)
    sent         bytes of answers that the system took from us
    """

    def __init__(self, serve, *, tls=None):
        self._serve, self._tls = serve, tls
        self._tasks = set()
        self.connections = self.open = self.sent = 0
        self.requests = []

    async def __aenter__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
        self._listening.setblocking(False)
        self._begin(self._accept())
        return self

    async def __aexit__(self, *error):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._listening.close()
        await asyncio.sleep(0)  # what was aborted is closed by now

    @property
    def port(self):
        return self._listening.getsockname()[1]

    def url(self, scheme="http"):
        return f"{scheme}://localhost:{self.port}"

    def _begin(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self):
        loop = asyncio.get_running_loop()
        while True:
            accepted, _ = await loop.sock_accept(self._listening)
            self.connections += 1
            self._begin(self._speak(self.connections, accepted))

    async def _speak(self, number, accepted):
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        self.open += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=self._tls)
                try:
                    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
                    await self._serve(Peer(self, number, reader, writer))
                finally:
                    transport.abort()
        finally:
            self.open -= 1


class Peer:
    """One connection of the server."""

    def __init__(self, server, number, reader, writer):
        self._server, self.number, self._reader, self._writer = server, number, reader, writer

    async def take(self):
        """Read a request, head and body."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        self._server.requests.append((self.number, head))
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await self._reader.readexactly(int(length or b"0"))

    async def take_a_byte(self):
        await self._reader.readexactly(1)

    async def take_nothing(self):
        """Read nothing, so that the system's buffers fill, and say nothing."""
        self._writer.transport.pause_reading()
        await asyncio.Event().wait()

    async def send(self, data):
        self._writer.write(data)
        await self._writer.drain()
        self._server.sent += len(data)

    async def send_for_ever(self, data, *, pause_s=0.0):
        while True:
            await self.send(data)
            await asyncio.sleep(pause_s)  # the fault itself, or the client's turn

    async def end(self):
        """Close behind what was sent."""
        self._writer.close()
        await self._writer.wait_closed()

    async def wait(self):
        """Do nothing until the client closes."""
        while await self._reader.read(65536):
            pass

    def reset(self):
        reset(self._writer)


def always(answer, *, ends=False):
    """Make a server that gives every request the same bytes."""

    async def serve(peer):
        while True:
            await peer.take()
            await peer.send(answer)
            if ends:
                await peer.end()
                return

    return serve


def endless(begin, more, *, pause_s=0.0):
    """Make a server whose answers begin and do not end."""

    async def serve(peer):
        await peer.take()
        await peer.send(begin)
        await peer.send_for_ever(more, pause_s=pause_s)

    return serve


async def silence(peer):
    await peer.wait()


async def refuses_to_read(peer):
    await peer.take_nothing()


async def resets_after_request(peer):
    await peer.take()
    peer.reset()


async def answers_before_the_request(peer):
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    await peer.wait()


async def answers_at_the_first_byte(peer):
    """Refuse a request of which most has not come, and close."""
    await peer.take_a_byte()
    await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await peer.end()


async def refuses_in_plain_text(peer):
    """Answer as servers do that get a TLS handshake on a port without TLS."""
    await peer.take_a_byte()
    await peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await peer.end()


async def redirects_in_a_circle(peer):
    while True:
        await peer.take()
        await peer.send(b"HTTP/1.1 307 Again\r\nLocation: /v1\r\nContent-Length: 0\r\n\r\n")


def bomb(status):
    """Make an answer of some KiB that would be 64 MiB in memory."""
    packed = gzip.compress(bytes(64 * 1024**2))
    return b"HTTP/1.1 %d X\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        len(packed),
        packed,
    )
