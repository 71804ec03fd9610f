"""A TCP proxy that does to connections what networks do."""

import asyncio
import socket
import struct
from contextlib import suppress


class TcpProxy:
    """Forwards to a port of this machine; the attributes may be changed at any time.

    cut_answer_after  bytes of an answer after which the connection is reset, None for never
    swallows          answers are read and thrown away: the connection is half open
    pause_s           before each byte of an answer
    """

    def __init__(self, port):
        self._target = port
        self._server = None
        self._writers = set()
        self.cut_answer_after = None
        self.swallows = False
        self.pause_s = 0.0
        self.accepted = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *error):
        self._server.close()
        self.cut_all()

    @property
    def port(self):
        return self._server.sockets[0].getsockname()[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def cut_all(self):
        """Reset all connections."""
        for writer in self._writers:
            reset(writer)

    def close_all(self):
        """End all connections politely, as a server does with idle ones."""
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader, writer):
        self.accepted += 1
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            reset(writer)
            return
        self._writers |= {writer, up_writer}
        pumps = [
            asyncio.ensure_future(self._requests(reader, up_writer)),
            asyncio.ensure_future(self._answers(up_reader, writer)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        for each in (writer, up_writer):
            each.close()
            self._writers.discard(each)

    async def _requests(self, reader, writer):
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()

    async def _answers(self, reader, writer):
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if self.swallows:
                    continue
                if self.cut_answer_after is not None:
                    writer.write(data[: self.cut_answer_after])
                    await writer.drain()
                    reset(writer)
                    return
                for piece in [data] if not self.pause_s else [data[i : i + 1] for i in range(len(data))]:
                    await asyncio.sleep(self.pause_s)  # the fault itself: a slow network
                    writer.write(piece)
                await writer.drain()


def reset(writer):
    """Close with RST instead of FIN."""
    found = writer.get_extra_info("socket")
    if found is not None and found.fileno() >= 0:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
