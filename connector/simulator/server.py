"""The fake Encharge over real HTTP: one port for all hosts of Encharge and for the control API."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, Self
from uuid import UUID

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from connector.errors import OperationalError
from connector.simulator.books import Outcome
from connector.simulator.config import SimulatorConfig
from connector.simulator.control import JSON, PREFIX, control
from connector.simulator.encharge import Call, Demand, Refusal, examine, person_of, too_large
from connector.simulator.faults import Accept, Refuse, Vanish
from connector.simulator.json_bytes import render_json
from connector.simulator.simulation import Simulation

_LOGGED_HEADERS = ("Content-Type", "User-Agent", "X-Segment-Actions")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: closing sends RST instead of FIN


class Simulator(Simulation):
    """A simulation that listens.

    Give the connector CONNECTOR_ENCHARGE_INGEST_URL=<url>/v1 and CONNECTOR_ENCHARGE_API_URL=<url>.
    """

    def __init__(self, config: SimulatorConfig | None = None) -> None:
        super().__init__(config)
        self.url = ""  # known once started
        self._reconfigured = asyncio.Event()
        self._known: set[RequestHandler] = set()  # connections that have asked Encharge something
        self._errors = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, at a free port if it is 0, and give the address; OperationalError if that fails."""
        self._http = _HttpServer(self)
        try:
            self._listener = await asyncio.get_running_loop().create_server(
                self._http, host, port, backlog=1024
            )
        except OSError as exc:
            raise OperationalError(f"the simulator cannot listen on {host}:{port}: {exc.strerror}") from exc
        port = self._listener.sockets[0].getsockname()[1]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return self.url

    async def stop(self) -> None:
        """Close all connections, whatever is under way."""
        self._listener.close()
        for connection in self._http.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await self._http.shutdown(1.0)
        await self._listener.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    def configure(self, **changes: object) -> SimulatorConfig:
        """Change some settings; a stall can be ended by it."""
        config = super().configure(**changes)
        self._wake()
        return config

    def reset(self, *, keep_config: bool = False) -> None:
        """Empty books and account; a stall can be ended by it."""
        super().reset(keep_config=keep_config)
        self._wake()

    def _wake(self) -> None:
        self._reconfigured.set()
        self._reconfigured = asyncio.Event()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, of whatever kind."""
        path, query = request.rel_url.raw_path, request.rel_url.raw_query_string
        try:
            body: bytes | None = await request.read()
        except web.HTTPRequestEntityTooLarge:
            body = None
        if path.startswith(PREFIX):
            answer = control(self, request.method, path, query, body or b"")
            return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)

        if request.protocol not in self._known:
            self._known.add(request.protocol)
            self._books.connect()
        token = request.headers.get("X-Encharge-Token", "")
        content_type = request.headers.get("Content-Type", "")
        call = Call(request.method, path, query, token, content_type, body or b"")
        demand = too_large() if body is None else examine(call, self._config.tokens)
        # Reading need not wait for anybody, so it cannot overlap either.
        lane = "" if isinstance(demand, Refusal) or call.method == "GET" else person_of(demand)
        self._books.arrive(lane)
        try:
            response = await self._respond(request, call, demand)
        finally:
            self._books.leave(lane)
        return await _hang_up(request) if response is None else response

    async def _respond(
        self, request: web.BaseRequest, call: Call, demand: Demand | Refusal
    ) -> web.Response | None:
        """Give the answer, None for none."""
        if self._faults.left_s("stall_s", time.monotonic()):
            await self._sit_out_stall()
        in_flight, roll = self._books.in_flight, self._dice.random()
        verdict = self._faults.judge(call, demand, in_flight=in_flight, now_s=time.monotonic(), roll=roll)
        delay_s = self._faults.delay_s(self._dice.random())
        match verdict:
            case Accept(demand, reply_lost):
                try:
                    if delay_s:
                        await asyncio.sleep(delay_s)
                except asyncio.CancelledError:
                    # A server goes on with a request when its sender has left.
                    self._accept(request, call, demand, "client_gone")
                    raise
                if reply_lost:
                    self._books.fail("rate_lost_reply")
                    self._accept(request, call, demand, "reply_lost")
                    return None
                return self._accept(request, call, demand, "answered")
            case Vanish(fault, after_s):
                self._books.fail(fault)
                await asyncio.sleep(delay_s + after_s)
                return None
            case Refuse():
                if verdict.fault:
                    self._books.fail(verdict.fault)
                else:
                    self._books.refuse(verdict.code)
                await asyncio.sleep(delay_s)
                self._books.answer(verdict.status)
                headers = {"Retry-After": verdict.retry_after} if verdict.retry_after else None
                return self.error(verdict.status, verdict.code, verdict.message, headers)

    async def _sit_out_stall(self) -> None:
        self._books.fail("stall_s")
        while left_s := self._faults.left_s("stall_s", time.monotonic()):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._reconfigured.wait(), left_s)

    def _accept(self, request: web.BaseRequest, call: Call, demand: Demand, outcome: Outcome) -> web.Response:
        status, value = self._account.act(demand)
        headers = _shared(*map(request.headers.get, _LOGGED_HEADERS))
        self._books.accept(call, person_of(demand), headers, status, outcome, time.time())
        if outcome == "answered":
            self._books.answer(status)
        if value is None:
            return web.Response(status=status)
        return web.Response(status=status, body=render_json(value), content_type=JSON)

    def error(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        """Give an answer in the shape of Encharge's errors."""
        self._errors += 1
        value = {"error": {"message": message, "errorCode": code, "traceId": str(UUID(int=self._errors))}}
        return web.Response(status=status, body=render_json(value), content_type=JSON, headers=headers)

    def refuse_malformed(self, status: int) -> web.Response:
        """Answer what is no HTTP; without a quotation, as there may be a key in it."""
        self._books.refuse("malformed")
        self._books.answer(status)
        return self.error(status, "malformed", "This is not HTTP.")

    def forget(self, connection: RequestHandler) -> None:
        """Note that a connection is gone."""
        self._known.discard(connection)


async def serve(
    config: SimulatorConfig | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    on_start: Callable[[str], None] = lambda _url: None,
) -> None:
    """Run a simulator until cancelled; `on_start` is told the address."""
    simulator = Simulator(config)
    on_start(await simulator.start(host, port))
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await simulator.stop()


@lru_cache(maxsize=1024)
def _shared(*values: str | None) -> Mapping[str, str]:
    """Give the headers worth a place in the log, the same object for all who send the same."""
    return {name: value for name, value in zip(_LOGGED_HEADERS, values, strict=True) if value is not None}


async def _hang_up(request: web.BaseRequest) -> web.StreamResponse:
    """Reset the connection; losing it cancels this task, so there never is a response."""
    if request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
        )
        request.transport.abort()
    never: asyncio.Future[web.StreamResponse] = asyncio.get_running_loop().create_future()
    return await never


class _HttpServer(web.Server):
    """aiohttp's low-level server: no routing, no access log, and a lost connection ends its request."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__(simulator.handle, handler_cancellation=True)
        self.simulator = simulator

    def __call__(self) -> RequestHandler:
        loop = asyncio.get_running_loop()
        return _Connection(self, loop=loop, access_log=None, auto_decompress=False)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        self.simulator.forget(handler)
        super().connection_lost(handler, exc)


class _Connection(RequestHandler):
    def __init__(self, server: _HttpServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._simulator = server.simulator

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP the way Encharge answers errors; our own mistakes are logged as usual."""
        if status == 500:
            return super().handle_error(request, status, exc, message)
        response = self._simulator.refuse_malformed(status)
        response.force_close()
        return response
