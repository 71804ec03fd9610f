"""One connection to a server, kept alive, with one exchange at a time.

    connected -> idle -> begin -> answered -> idle ...
                  |        |
                  +--------+--> lost

An answer is known as soon as its status is: a 2xx says that the server took the request, whatever becomes of
its body. The parser is llhttp, by way of httptools.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Final, cast

import httptools

from connector.delivery.outcome import Answer, NoReply, Reply

KEPT_OF_BODY: Final = 4096  # bytes of an answer that is no success
LONGEST_HEAD: Final = 65536  # bytes of an answer before its headers are complete
LONGEST_BODY: Final = 1_048_576  # bytes behind it that are read for the sake of keeping the connection
RACE_S: Final = 1.0  # a connection lost this soon after a request may have been closed while it was idle

OnIdle = Callable[["Connection"], None]
OnSession = Callable[[ssl.SSLObject], None]
OnRace = Callable[[bytes, asyncio.Future[Answer]], None]


class Connection(asyncio.Protocol):
    """Carries requests one after the other.

    on_idle     is told when the connection can carry another request
    on_race     is told when it was lost before anything of an answer came, soon after a request on a
                connection that had been idle: most likely the server closed it while the request was on its
                way. It gets the request and the future of its answer
    on_session  gets the TLS object with the first answer, when there is a session that can be resumed
    """

    __slots__ = (
        "_answer", "_body", "_head_bytes", "_is_open", "_is_reused", "_left_of_body", "_on_idle", "_on_race",
        "_on_session", "_parser", "_request", "_retry_after", "_status", "_tls", "_transport", "at_s",
        "keep_s",
    )  # fmt: skip

    def __init__(self, on_idle: OnIdle, on_race: OnRace, on_session: OnSession) -> None:
        self._on_idle, self._on_race, self._on_session = on_idle, on_race, on_session
        self._transport: asyncio.Transport | None = None
        self._tls: ssl.SSLObject | None = None  # until the first answer
        self._parser = httptools.HttpResponseParser(self)
        self._is_open = False
        self._is_reused = False
        self._status = 0  # of the answer under way, 0 until its headers are complete
        self._retry_after: str | None = None
        self._body = b""
        self._head_bytes = 0
        self._left_of_body = LONGEST_BODY
        self._answer: asyncio.Future[Answer] | None = None
        self._request = b""
        self.at_s = 0.0  # when the exchange began, or the connection became idle; the loop's time
        self.keep_s = float("inf")  # how long the server keeps an idle connection, if it told

    @property
    def is_open(self) -> bool:
        """Whether a request can be written."""
        return self._is_open

    @property
    def is_busy(self) -> bool:
        """Whether an exchange is under way."""
        return self._request != b""

    @property
    def is_lingering(self) -> bool:
        """Whether the exchange under way was answered, and only the end of the answer is still to come."""
        return self._request != b"" and self._answer is not None and self._answer.done()

    def carries(self, answer: asyncio.Future[Answer]) -> bool:
        """Whether this is the answer of the exchange under way."""
        return self._answer is answer

    def begin(self, request: bytes, answer: asyncio.Future[Answer], now_s: float) -> None:
        """Take a request, which `write` writes; its future gets the answer."""
        self._request, self._answer, self.at_s = request, answer, now_s

    def write(self) -> None:
        """Write the request that was taken, unless the connection was lost since."""
        if self._is_open:
            self._transport.write(self._request)  # type: ignore[union-attr]  # is_open

    def close(self) -> None:
        """Close at once; an exchange under way ends without a reply."""
        self._is_open = False
        if self._transport is not None:
            self._transport.abort()

    def give_up(self) -> None:
        """End an exchange that takes too long."""
        unsent = self._transport.get_write_buffer_size() if self._transport is not None else 0
        self._end(NoReply("timeout", "write" if unsent else "read"))
        self.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport, self._is_open = cast("asyncio.Transport", transport), True  # uvloop's is no subclass
        self._tls = transport.get_extra_info("ssl_object")

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        if not self._request:  # nobody asked
            self.close()
            return
        if not self._status:
            self._head_bytes += len(data)
            if self._head_bytes > LONGEST_HEAD + len(data):
                self._violated("the head of the answer does not end")
                return
        else:  # the body, the sizes of its chunks, trailers: none of them has an end of its own
            self._left_of_body -= len(data)
            if self._left_of_body < 0:
                self._end(None)
                self.close()
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._violated("the answer changes the protocol")
        except httptools.HttpParserError as error:
            self._violated(type(error).__name__)

    def connection_lost(self, error: Exception | None) -> None:
        """End what is under way."""
        self._is_open = False
        if self._request:
            self._lost(error)
        self._transport = None
        del self._parser  # the two hold each other

    def _lost(self, error: Exception | None) -> None:
        answer, nothing_came = self._answer, not self._status and not self._head_bytes
        is_soon = asyncio.get_running_loop().time() - self.at_s < RACE_S
        if answer is not None and not answer.done() and self._is_reused and nothing_came and is_soon:
            self._answer = None
            self._on_race(self._request, answer)
        self._end(NoReply("read", "closed" if error is None else type(error).__name__))

    # The parser's callbacks

    def on_message_begin(self) -> None:
        """Refuse what nobody asked for: a second answer to one request."""
        if not self._request:
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the two headers that say something about time."""
        size = len(name)
        if size == 11 and name.lower() == b"retry-after":
            self._retry_after = value.decode("latin-1")
        elif size == 10 and name.lower() == b"keep-alive":
            self.keep_s = _keep_alive_s(value)

    def on_headers_complete(self) -> None:
        """Know the status; a success is an answer already."""
        status = self._parser.get_status_code()
        if status < 200:
            return
        self._status = status
        if status < 300:
            self._answered(Reply(status))

    def on_body(self, data: bytes) -> None:
        """Keep the beginning of what is no success."""
        if self._status >= 300 and len(self._body) < KEPT_OF_BODY:
            self._body += data[: KEPT_OF_BODY - len(self._body)]

    def on_message_complete(self) -> None:
        """Be ready for the next request, unless the server closes."""
        if not self._status:  # 1xx: the answer is still to come
            return
        if self._tls is not None:
            self._on_session(self._tls)
            self._tls = None
        keeps = self._parser.should_keep_alive()
        self._end(None)
        if keeps and self._is_open:
            self._is_reused = True
            self._on_idle(self)
        else:
            self.close()

    # The exchange under way

    def _violated(self, detail: str) -> None:
        self._end(NoReply("protocol", detail))
        self.close()

    def _end(self, trouble: NoReply | None) -> None:
        """Answer with the status if it is known, else with the trouble; then be without an exchange."""
        if self._status:
            self._answered(Reply(self._status, self._retry_after, self._body))
        elif trouble is not None:
            self._answered(trouble)
        self._answer, self._request = None, b""
        self._status = self._head_bytes = 0
        self._retry_after, self._body, self._left_of_body = None, b"", LONGEST_BODY

    def _answered(self, answer: Answer) -> None:
        future = self._answer
        if future is not None and not future.done():
            future.set_result(answer)


def _keep_alive_s(value: bytes) -> float:
    """Read `timeout=5, max=100`; infinite without a time."""
    for part in value.split(b","):
        name, _, number = part.strip().partition(b"=")
        if name.strip().lower() == b"timeout" and number.strip().isdigit():
            return float(number)
    return float("inf")
