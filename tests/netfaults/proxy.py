"""A TCP proxy that does to connections what networks do.

It runs in a thread with an event loop of its own, so tests of both kinds can drive it while it runs: a call
returns when it is in force. "Up" is the way of requests, from the client to the target; "down" that of answers.
"""

import asyncio
import random
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

CHUNK = 65536  # bytes
MOST_UNDER_WAY = 256  # chunks of one direction that are read and not given on
CALL_S = 30.0  # what a call may take on a loaded machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to all connections; the default is nothing.

    mode          pass       bytes are given on
                  blackhole  bytes are held, both ways, and new connections are accepted and lead nowhere; what
                             is held goes on when the fault is over, unless an end was closed meanwhile
                  refuse     new connections are refused, the others go on
                  half-open  bytes are thrown away; the connection is reset when the fault is over, as its
                             streams are torn
                  slow       bytes are given on one by one
    direction     up, down or both: whose bytes half-open and slow are about
    latency_s     each way, and up to jitter_s more; bytes keep their order
    bytes_per_s   each way and connection, None for as fast as it goes
    pause_s       of slow, before each byte
    cut_after     bytes of answers, on each connection, after which it is reset
    end_after     the same, but the connection ends as if the target had closed it
    passes_end    False: a connection that the target closes stays open for the client
    only_old      connections made after it was set are spared, as when a router forgets those it knew
    """

    mode: str = "pass"
    direction: str = "down"
    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float | None = None
    pause_s: float = 0.01
    cut_after: int | None = None
    end_after: int | None = None
    passes_end: bool = True
    only_old: bool = False

    def __post_init__(self):
        assert self.mode in ("pass", "blackhole", "refuse", "half-open", "slow"), self.mode
        assert self.direction in ("up", "down", "both"), self.direction

    def is_about(self, direction):
        return self.direction in (direction, "both")


NO_FAULT = Fault()


class Proxy:
    """A context manager; forwards to a port while it lasts.

    port      where it listens; the same through all faults
    accepted  connections up to now
    struck    connections up to now from which a fault took bytes: cut, ended or torn by us, or given up by an
              end while bytes were held back. Whoever sends one request at a time over a connection lost at
              most so many answers
    up_bytes, down_bytes  given on up to now
    """

    def __init__(self, target_host, target_port, port=0):
        self._target = (target_host, target_port)
        self._wanted_port = port
        self._fault, self._spared_from = NO_FAULT, 0
        self._open = set()
        self._tasks = set()
        self._listening = None
        self.accepted = self.struck = self.up_bytes = self.down_bytes = 0

    def __enter__(self):
        # Bound and never listening: the port stays ours while nobody listens, and connections are refused.
        self._holder = _bound(self._wanted_port)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self._begin())
        return self

    def __exit__(self, *error):
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._holder.close()

    @property
    def port(self):
        return self._holder.getsockname()[1]

    @property
    def address(self):
        """Give "host:port" of the proxy."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"http://{self.address}"

    @property
    def connections(self):
        """How many are open now."""
        return len(self._open)

    def lead_to(self, host, port):
        """Forward new connections to another port."""
        self._target = (host, port)

    def set(self, **fault):
        """Replace the fault by another one, given as the fields of `Fault`."""
        self._do(self._change(Fault(**fault)))

    def heal(self):
        """End the fault."""
        self.set()

    def cut_all(self):
        """Reset all connections, at both ends."""
        self._do(self._for_all(_Connection.cut))

    def close_all(self):
        """End all connections politely, as a server does with idle ones."""
        self._do(self._for_all(_Connection.close))

    def fault_of(self, number):
        """Give the fault of a connection."""
        return NO_FAULT if self._fault.only_old and number >= self._spared_from else self._fault

    async def flows(self, number):
        """Wait until a connection's bytes are not held."""
        while self.fault_of(number).mode == "blackhole":
            await self._changed.wait()

    def count(self, direction, size):
        if direction == "up":
            self.up_bytes += size
        else:
            self.down_bytes += size

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(CALL_S)

    # In the proxy's own thread

    async def _begin(self):
        self._changed = asyncio.Event()
        await self._listen()

    async def _end(self):
        await self._do_not_listen()
        await self._for_all(_Connection.cut)
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _listen(self):
        if self._listening is None:
            self._listening = _bound(self.port)
            self._listening.setblocking(False)
            self._listening.listen(1024)
            self._loop.add_reader(self._listening, self._accept)

    async def _do_not_listen(self):
        if self._listening is not None:
            self._accept()  # those who connected before
            self._loop.remove_reader(self._listening)
            self._listening.close()
            self._listening = None

    def _accept(self):
        with suppress(BlockingIOError):
            while True:
                accepted, _ = self._listening.accept()
                task = self._loop.create_task(self._serve(accepted, self.accepted))
                self.accepted += 1
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _change(self, fault):
        self._fault, self._spared_from = fault, self.accepted
        for connection in list(self._open):
            if connection.is_torn:
                connection.cut()
        self._changed.set()
        self._changed.clear()
        await (self._do_not_listen() if fault.mode == "refuse" else self._listen())

    async def _for_all(self, act):
        """Act on all connections, those who were accepted a moment ago included."""
        if self._listening is not None:
            self._accept()
        while len(self._open) < len(self._tasks):
            await asyncio.sleep(0)
        for connection in list(self._open):
            act(connection)

    async def _serve(self, accepted, number):
        reader, writer = await asyncio.open_connection(sock=accepted)
        connection = _Connection(self, number, reader, writer)
        self._open.add(connection)
        try:
            await connection.carry(self._target)
        finally:
            self.struck += connection.is_struck
            self._open.discard(connection)


class _Connection:
    """A connection of a client, and the one to the target that belongs to it."""

    def __init__(self, proxy, number, reader, writer):
        self._proxy, self._number = proxy, number
        self._reader, self._writers, self._jobs = reader, [writer], []
        self._up, self._down = _Pipe(self, "up"), _Pipe(self, "down")
        self._ended = asyncio.Event()
        self.is_torn = self.is_struck = False
        self.is_owed = False  # whether the last bytes that were given on went up

    async def carry(self, target):
        """Carry bytes until one end closes or a fault ends it."""
        self._do(self._up.take(self._reader))
        self._do(self._connect(target))
        try:
            await self._ended.wait()
        finally:
            for job in self._jobs:
                job.cancel()
            await asyncio.gather(*self._jobs, return_exceptions=True)

    def cut(self):
        """Reset it, at both ends."""
        self._note_loss()
        for writer in self._writers:
            reset(writer)
        self._ended.set()

    def close(self):
        """End it as the target would."""
        self._note_loss()
        self.finish()

    def _note_loss(self):
        if not self.has_ended:
            self.is_struck |= self.is_owed or self._holds_bytes

    def finish(self):
        """Close it at both ends, behind the bytes that were given on."""
        for writer in self._writers:
            writer.close()
        self._ended.set()

    def hears_of_end(self, direction):
        """Drop what is held when the client gives up: no network keeps bytes for somebody who left."""
        if direction == "up" and self.fault.mode == "blackhole":
            self.is_struck |= self._holds_bytes
            self.finish()

    def comes_to_end(self, direction):
        """End behind the last bytes of one direction."""
        if direction == "up":
            self.is_struck |= self._holds_bytes
            self.finish()
        elif self.fault.passes_end:
            self.finish()

    @property
    def fault(self):
        return self._proxy.fault_of(self._number)

    async def flows(self):
        await self._proxy.flows(self._number)

    def count(self, direction, size):
        self.is_owed = direction == "up"
        self._proxy.count(direction, size)

    @property
    def has_ended(self):
        return self._ended.is_set()

    @property
    def _holds_bytes(self):
        return bool(self._up.held_bytes or self._down.held_bytes)

    async def _connect(self, target):
        await self.flows()
        try:
            reader, writer = await asyncio.open_connection(*target)
        except OSError:
            self.cut()
            return
        self._writers.append(writer)
        if self.has_ended:
            writer.close()
            return
        self._do(self._up.give(writer))
        self._do(self._down.take(reader))
        self._do(self._down.give(self._writers[0]))

    def _do(self, coroutine):
        self._jobs.append(asyncio.ensure_future(coroutine))


class _Pipe:
    """One direction of a connection."""

    def __init__(self, connection, direction):
        self._connection, self._direction = connection, direction
        self._chunks = asyncio.Queue(MOST_UNDER_WAY)
        self._line_is_free_s = self._due_s = 0.0
        self._fault = self._connection.fault
        self._given = 0  # bytes, under this fault
        self.held_bytes = 0

    async def take(self, reader):
        """Read bytes and say when they are due at the other end; no bytes for the end."""
        data = b"first"
        while data:
            try:
                data = await reader.read(CHUNK)
            except ConnectionError:
                data = b""
            self.held_bytes += len(data)
            if not data:
                self._connection.hears_of_end(self._direction)
            await self._chunks.put((self._due(len(data)), data))

    def _due(self, size):
        fault, now_s = self._connection.fault, asyncio.get_running_loop().time()
        if fault.bytes_per_s is not None:
            self._line_is_free_s = max(self._line_is_free_s, now_s) + size / fault.bytes_per_s
        sent_s = max(self._line_is_free_s, now_s)
        self._due_s = max(self._due_s, sent_s + fault.latency_s + random.uniform(0, fault.jitter_s))
        return self._due_s

    async def give(self, writer):
        """Write what is due."""
        while True:
            due_s, data = await self._chunks.get()
            wait_s = due_s - asyncio.get_running_loop().time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)  # the fault itself
            await self._connection.flows()
            if not data:
                self._connection.comes_to_end(self._direction)
                return
            try:
                await self._give(data, writer)
            except ConnectionError:
                self._connection.finish()
                return

    async def _give(self, data, writer):
        while data and not self._connection.has_ended:
            await self._connection.flows()
            fault = self._connection.fault
            if fault is not self._fault:
                self._fault, self._given = fault, 0
            if fault.mode == "half-open" and fault.is_about(self._direction):
                self._connection.is_torn = self._connection.is_struck = True
                self.held_bytes -= len(data)
                return
            piece = data
            if fault.mode == "slow" and fault.is_about(self._direction):
                await asyncio.sleep(fault.pause_s)  # the fault itself
                piece = data[:1]
            data = await self._write(piece, writer, fault) + data[len(piece) :]

    async def _write(self, data, writer, fault):
        """Write what the fault lets through, and give the rest; the connection has ended if there is one."""
        limit = fault.end_after if fault.cut_after is None else fault.cut_after
        is_limited = self._direction == "down" and limit is not None
        piece = data[: limit - self._given] if is_limited else data
        writer.write(piece)
        await writer.drain()
        self._given += len(piece)
        self.held_bytes -= len(piece)
        self._connection.count(self._direction, len(piece))
        if is_limited and self._given >= limit:
            self._connection.is_struck = True
            self._connection.finish() if fault.cut_after is None else self._connection.cut()
        return data[len(piece) :]


def reset(writer):
    """Close with RST instead of FIN."""
    found = writer.get_extra_info("socket")
    if found is not None and found.fileno() >= 0:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _bound(port):
    """Make a socket on a port that another one of ours may be bound to."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        made.bind(("127.0.0.1", port))
    except OSError:
        made.close()
        raise
    return made
