"""A server that speaks HTTP/2 or HTTP/1.1, whichever the TLS handshake agreed on."""

import asyncio
from contextlib import suppress
from typing import NamedTuple

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import StreamClosedError


class Seen(NamedTuple):
    """A request that came in whole."""

    connection: int
    protocol: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class H2Server:
    """Answers a request for /<status> with this status and the request's body.

    faults     what happens to the next requests over HTTP/2, one each; all others are answered:
               "reset"           the stream ends with an error
               "refused"         the stream ends, and the server says that it did nothing
               "goaway"          the connection ends with an error
               "goaway unseen"   the connection ends without an error, and the server says that it did nothing
               "goaway after"    the request is answered, and the connection takes no other
               "cut"             the connection is lost without a word
    wait_for   answers are held until so many requests have come
    requests   those that came in whole, in order
    resets     streams that the client gave up
    """

    def __init__(self, context, host="127.0.0.1"):
        self._context, self._host = context, host
        self._server = None
        self._tasks, self._writers, self._held = set(), set(), []
        self.faults = []
        self.wait_for = 0
        self.requests = []
        self.resets = 0
        self.connections = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, self._host, 0, ssl=self._context)
        return self

    async def __aexit__(self, *error):
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks)

    @property
    def port(self):
        return self._server.sockets[0].getsockname()[1]

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    def used(self):
        """Give the numbers of the connections that carried requests."""
        return {each.connection for each in self.requests}

    async def _serve(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        self._writers.add(writer)
        self.connections += 1
        number = self.connections
        with suppress(OSError, asyncio.IncompleteReadError):
            if writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2":
                await self._serve_http2(number, reader, writer)
            else:
                await self._serve_http1(number, reader, writer)
        writer.transport.abort()

    async def _serve_http1(self, number, reader, writer):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *rest = head.rstrip().split("\r\n")
            method, path, protocol = line.split(" ")
            found = dict(each.lower().split(": ", 1) for each in rest)
            body = await reader.readexactly(int(found.get("content-length", 0)))
            self.requests.append(Seen(number, protocol, method, path, found, body))
            writer.write(b"HTTP/1.1 %b X\r\nContent-Length: %d\r\n\r\n%b" % (_status(path), len(body), body))
            await writer.drain()

    async def _serve_http2(self, number, reader, writer):
        http2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        http2.initiate_connection()
        writer.write(http2.data_to_send())
        coming = {}
        while data := await reader.read(65536):
            for event in http2.receive_data(data):
                if isinstance(event, RequestReceived):
                    coming[event.stream_id] = (dict(event.headers), bytearray())
                elif isinstance(event, DataReceived):
                    coming[event.stream_id][1].extend(event.data)
                    http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded):
                    found, body = coming.pop(event.stream_id)
                    path = found[":path"]
                    self.requests.append(Seen(number, "HTTP/2", found[":method"], path, found, bytes(body)))
                    self._held.append((http2, writer, event.stream_id, path, bytes(body)))
                elif isinstance(event, StreamReset):
                    self.resets += 1
                    self._held = [each for each in self._held if each[:3] != (http2, writer, event.stream_id)]
            writer.write(http2.data_to_send())
            if len(self.requests) >= self.wait_for:
                held, self._held = self._held, []
                for each in held:
                    self._answer(*each)
            await writer.drain()

    def _answer(self, http2, writer, stream, path, body):
        fault = self.faults.pop(0) if self.faults else None
        if fault == "cut":
            writer.transport.abort()
            return
        with suppress(StreamClosedError):  # the client gave up meanwhile
            if fault == "reset":
                http2.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
            elif fault == "refused":
                http2.reset_stream(stream, ErrorCodes.REFUSED_STREAM)
            elif fault == "goaway":
                http2.close_connection(ErrorCodes.ENHANCE_YOUR_CALM, last_stream_id=stream)
            elif fault == "goaway unseen":
                http2.close_connection(ErrorCodes.NO_ERROR, last_stream_id=0)
            else:
                http2.send_headers(stream, [(":status", _status(path).decode())])
                http2.send_data(stream, body, end_stream=True)
                if fault == "goaway after":
                    http2.close_connection(ErrorCodes.NO_ERROR, last_stream_id=stream)
        writer.write(http2.data_to_send())
        if fault is not None and fault.startswith("goaway"):
            writer.close()


def _status(path):
    return path.strip("/").encode()
