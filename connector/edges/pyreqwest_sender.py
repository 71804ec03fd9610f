"""Sends requests to Encharge with a library, pyreqwest (Rust's reqwest): through proxies, and over HTTP/2.

docs/decisions/0004-http-sender.md tells when it is used. Redirects are not followed: 301 to 303 would turn an
event into a GET without a body, and call it delivered.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    DetailedPyreqwestError,
    NetworkError,
    PyreqwestError,
    RequestTimeoutError,
    WriteError,
)
from pyreqwest.response import ResponseBodyReader

from connector.core import Request
from connector.delivery.outcome import Answer, NoReply, Reply, WireTrouble
from connector.errors import ConfigurationError, Problem

IDLE_CONNECTION_S: Final = 30.0  # below the minute after which load balancers drop idle connections
LONGEST_CONNECT_S: Final = 5.0
CONNECT_SHARE: Final = (
    1 / 2
)  # of the timeout: only when it ends first does the error tell that it was this one
PROXY_REFUSES: Final = 407  # never Encharge's own answer
KEPT_OF_BODY: Final = 4096  # bytes of an answer that is no success
LONGEST_BODY: Final = 1_048_576  # bytes that are read for the sake of keeping the connection
PING_AFTER: Final = 1 / 4  # of the timeout, without a byte of the server while it owes an answer
PONG_WITHIN: Final = 1 / 2  # of the timeout, so a dead connection is gone before its requests time out

_TROUBLE_WITH_TLS = (  # how the messages of rustls begin
    "invalid peer certificate",
    "peer is incompatible",
    "peer misbehaved",
    "received corrupt message",  # also when the server does not speak TLS
    "received fatal alert",
)


class PyreqwestSender:
    """Implements the port Sender; to be used as an async context manager.

    Proxies and authorities (SSL_CERT_FILE) are those of the environment when it is made.

    Raises: ConfigurationError when the environment names no certificate that can be read
    """

    def __init__(self, *, timeout_s: float, max_connections: int) -> None:
        builder = (
            ClientBuilder()
            .timeout(timedelta(seconds=timeout_s))
            .connect_timeout(timedelta(seconds=min(timeout_s * CONNECT_SHARE, LONGEST_CONNECT_S)))
            .pool_idle_timeout(timedelta(seconds=IDLE_CONNECTION_S))
            .pool_max_idle_per_host(max_connections)
            .follow_redirects(False)
            # Nothing of an answer is worth unpacking, and some KiB can become gigabytes.
            .gzip(False)
            .deflate(False)
            .brotli(False)
            .zstd(False)
            .http2(True)
            # A request that times out does not close a connection that it shares with others, so a dead one
            # would be used again and again.
            .http2_keep_alive_interval(timedelta(seconds=timeout_s * PING_AFTER))
            .http2_keep_alive_timeout(timedelta(seconds=timeout_s * PONG_WITHIN))
        )
        try:
            self._client: Client = builder.build()
        except BuilderError as error:
            message = f"pyreqwest cannot be set up: {_causes(error)[-1]}"
            raise ConfigurationError(Problem(message, path="SSL_CERT_FILE")) from error

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
        await self._client.close()

    async def send(self, request: Request) -> Answer:
        """Make one attempt; trouble on the wire is an answer, not an error.

        An answer is known as soon as its status is, whatever becomes of its body. The library repeats what an
        HTTP/2 server says it did not look at.
        """
        builder = self._client.request(request.method, request.url).headers(request.headers)
        if request.body is not None:
            builder = builder.body_bytes(request.body)
        try:
            async with builder.streamed_read_buffer_limit(0).build_streamed() as response:
                body = await _beginning(response.body_reader)
                status, retry_after = response.status, response.get_header("retry-after")
        except PyreqwestError as error:
            # A timeout does not say whether Encharge acted: delivery is at least once.
            return NoReply(_reason(error), type(error).__name__)
        if status < 200:  # 101: the others are not the library's last word
            return NoReply("protocol", "the answer changes the protocol")
        if status < 300:
            return Reply(status)
        if status == PROXY_REFUSES:  # a refusal of the event would be Encharge's
            return NoReply("connect", "the proxy wants credentials")
        return Reply(status, retry_after, body)


async def _beginning(body: ResponseBodyReader) -> bytes:
    """Read a body to its end, unless it is too long or breaks off, and give its beginning."""
    kept, left = b"", LONGEST_BODY
    with suppress(PyreqwestError):  # its status was whole
        while left > 0 and (piece := await body.read_chunk()) is not None:
            left -= len(piece)
            kept += bytes(piece[: KEPT_OF_BODY - len(kept)])
    return kept


def _reason(error: PyreqwestError) -> WireTrouble:
    """Tell where it failed, by the causes: ConnectError is also a connection that broke under a request."""
    causes = _causes(error)
    if "client error (Connect)" in causes:
        if any(each.startswith(_TROUBLE_WITH_TLS) for each in causes):
            return "tls"
        return "dns" if "dns error" in causes else "connect"
    match error:
        case RequestTimeoutError():
            return "timeout"
        case WriteError():
            return "write"
        case NetworkError():
            return "read"
        case _:
            return "protocol"


def _causes(error: PyreqwestError) -> list[str]:
    """Give what the library says about an error, from the outside in; addresses may be among it."""
    causes = error.details["causes"] if isinstance(error, DetailedPyreqwestError) else None
    return [each["message"] for each in causes or ()] or [str(error)]
