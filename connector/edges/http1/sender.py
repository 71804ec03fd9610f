"""Sends requests to Encharge over HTTP/1.1 connections of its own: the hot path.

docs/decisions/0004-http-sender.md tells why there is one, and what the library sender does better.

A request takes the connection that was busy last, or a new one; there are never more connections than
requests under way, but for MOST_LINGERING whose answers are known and do not end. Redirects are not followed:
301 to 303 would turn an event into a GET without a body, and call it delivered.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, NamedTuple, Self

from connector.core import Request
from connector.delivery.outcome import Answer, NoReply
from connector.edges.http1.connection import Connection
from connector.edges.http1.origin import Origin, connect, head_of, origin_of
from connector.edges.http1.tls import ClientContext

IDLE_CONNECTION_S: Final = 30.0  # below the minute after which load balancers drop idle connections
KEEP_ALIVE_MARGIN_S: Final = 1.0  # before the time at which a server said it would close
LONGEST_CONNECT_S: Final = 5.0
SWEEPS_A_TIMEOUT: Final = 20  # so a timeout comes late by a twentieth at most
LONGEST_SWEEP_S: Final = 0.5
MOST_ROUTES: Final = 1000
MOST_LINGERING: Final = 64  # enough for bodies that come a moment behind their heads


class _Route(NamedTuple):
    """What requests to one address with one set of headers begin with, and the connections they can use."""

    headers: dict[str, str]  # held, so that no other object gets its identity
    head: bytes
    pool: _Pool


class Http1Sender:
    """Implements the port Sender; to be used as an async context manager."""

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._context = ClientContext.of_system()
        self._pools: dict[Origin, _Pool] = {}
        self._routes: dict[tuple[str, str, int], _Route] = {}  # by method, URL, identity of the headers

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.close()

    async def send(self, request: Request) -> Answer:
        """Make one attempt; trouble on the wire is an answer, not an error.

        A request that met a connection which the server was closing is written again, to a new connection.
        One that nobody waits for any more is taken back as far as that goes: its connection is closed. Left
        open, a server that hangs would act on it later, when others deliver for the person.
        """
        method, url, headers, body = request
        route = self._routes.get((method, url, id(headers))) or self._add_route(request)
        body = body or b""
        answer = route.pool.exchange(b"%b%d\r\n\r\n%b" % (route.head, len(body), body))
        try:
            return await answer
        except asyncio.CancelledError:
            route.pool.take_back(answer)
            raise

    def _add_route(self, request: Request) -> _Route:
        origin = origin_of(request.url)
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = _Pool(origin, self._context, self._timeout_s)
        route = _Route(request.headers, head_of(request), pool)
        if len(self._routes) >= MOST_ROUTES:  # those of configurations and keys that are no more
            self._routes.clear()
        self._routes[request.method, request.url, id(request.headers)] = route
        return route


class _Pool:
    """The connections to one origin."""

    def __init__(self, origin: Origin, context: ClientContext, timeout_s: float) -> None:
        self._origin, self._context, self._timeout_s = origin, context, timeout_s
        self._loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []
        self._unwritten: list[Connection] = []
        self._connecting: set[asyncio.Task[None]] = set()
        self._sweep_timer: asyncio.TimerHandle | None = None

    def exchange(self, request: bytes) -> asyncio.Future[Answer]:
        """Write a request to a connection; the future gives what came back."""
        answer: asyncio.Future[Answer] = self._loop.create_future()
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.is_open:
                connection.begin(request, answer, self._loop.time())
                if not self._unwritten:
                    self._loop.call_soon(self._write)
                self._unwritten.append(connection)
                return answer
        self._connect_for(request, answer)
        return answer

    def take_back(self, answer: asyncio.Future[Answer]) -> None:
        """Close the connection that carries a request whose answer nobody awaits any more."""
        for connection in self._connections:
            if connection.carries(answer):
                connection.close()

    def close(self) -> None:
        """Close all connections and end what is under way without replies."""
        for task in self._connecting:
            task.cancel()
        for connection in self._connections:
            connection.close()
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()

    def _connect_for(self, request: bytes, answer: asyncio.Future[Answer]) -> None:
        self._bound_lingering()
        task = self._loop.create_task(self._connect_and_begin(request, answer))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def _bound_lingering(self) -> None:
        """Close connections whose answers do not end, when they are many: each would last a timeout."""
        lingering = [each for each in self._connections if each.is_lingering]
        if len(lingering) >= MOST_LINGERING:
            for connection in lingering:
                connection.close()
            self._connections.difference_update(lingering)

    async def _connect_and_begin(self, request: bytes, answer: asyncio.Future[Answer]) -> None:
        begun_s = self._loop.time()
        try:
            timeout_s = min(self._timeout_s, LONGEST_CONNECT_S)
            found = await connect(
                self._origin, self._context, timeout_s, self._became_idle, self._connect_for
            )
        except asyncio.CancelledError:
            answer.cancel()
            raise
        except Exception as error:  # whoever waits is told, and keeps what it wanted to send
            if not answer.done():
                answer.set_exception(error)
            return
        if isinstance(found, NoReply):
            if not answer.done():
                answer.set_result(found)
            return
        self._connections.add(found)
        if answer.done():  # nobody waits any more
            self._became_idle(found)
        elif not found.is_open:
            answer.set_result(NoReply("connect", "closed"))
        else:
            found.begin(request, answer, begun_s)
            found.write()
        self._sweep_later()

    def _write(self) -> None:
        """Write what one turn of the loop brought, all at once: each write would wake the peer otherwise."""
        for connection in self._unwritten:
            connection.write()
        self._unwritten.clear()

    def _became_idle(self, connection: Connection) -> None:
        connection.at_s = self._loop.time()
        self._idle.append(connection)

    def _sweep_later(self) -> None:
        if self._sweep_timer is None:
            in_s = min(self._timeout_s / SWEEPS_A_TIMEOUT, LONGEST_SWEEP_S)
            self._sweep_timer = self._loop.call_later(in_s, self._sweep)

    def _sweep(self) -> None:
        """Give up what takes too long, close what was idle too long, forget what was lost."""
        self._sweep_timer = None
        now_s = self._loop.time()
        for connection in self._connections:
            age_s = now_s - connection.at_s
            if connection.is_busy:
                if age_s >= self._timeout_s:
                    connection.give_up()
            elif age_s >= min(IDLE_CONNECTION_S, connection.keep_s - KEEP_ALIVE_MARGIN_S):
                connection.close()
        self._connections = {each for each in self._connections if each.is_open}
        self._idle = [each for each in self._idle if each.is_open]
        if self._connections:
            self._sweep_later()
