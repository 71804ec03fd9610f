"""Sends requests to Encharge with a library, pyreqwest (Rust's reqwest): through proxies, and over HTTP/2.

docs/decisions/0004-http-sender.md tells when it is used. Redirects are not followed: 301 to 303 would turn an
event into a GET without a body, and call it delivered.
"""

from __future__ import annotations

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

from connector.core import Request
from connector.delivery.outcome import Answer, NoReply, Reply, WireTrouble
from connector.errors import ConfigurationError, Problem

IDLE_CONNECTION_S: Final = 30.0  # below the minute after which load balancers drop idle connections
PROXY_REFUSES: Final = 407  # never Encharge's own answer
KEPT_OF_BODY: Final = 4096  # bytes of an answer that is no success
PING_AFTER: Final = 1 / 4  # of the timeout, without a byte of the server while it owes an answer
PONG_WITHIN: Final = 1 / 2  # of the timeout, so a dead connection is gone before its requests time out


class PyreqwestSender:
    """Implements the port Sender; to be used as an async context manager.

    Proxies and authorities (SSL_CERT_FILE) are those of the environment when it is made.

    Raises: ConfigurationError when the environment names no certificate that can be read
    """

    def __init__(self, *, timeout_s: float, max_connections: int) -> None:
        builder = (
            ClientBuilder()
            .timeout(timedelta(seconds=timeout_s))
            .connect_timeout(timedelta(seconds=min(timeout_s, 5.0)))
            .pool_idle_timeout(timedelta(seconds=IDLE_CONNECTION_S))
            .pool_max_idle_per_host(max_connections)
            .follow_redirects(False)
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

        The library repeats what an HTTP/2 server says it did not look at.
        """
        builder = self._client.request(request.method, request.url).headers(request.headers)
        if request.body is not None:
            builder = builder.body_bytes(request.body)
        try:
            response = await builder.build().send()
            status = response.status
            if 200 <= status < 300:
                return Reply(status)
            body = await response.bytes()
        except PyreqwestError as error:
            # A timeout does not say whether Encharge acted: delivery is at least once.
            return NoReply(_reason(error), type(error).__name__)
        if status == PROXY_REFUSES:  # a refusal of the event would be Encharge's
            return NoReply("connect", "the proxy wants credentials")
        return Reply(status, response.headers.get("retry-after"), bytes(body[:KEPT_OF_BODY]))


def _reason(error: PyreqwestError) -> WireTrouble:
    """Tell where it failed, by the causes: ConnectError is also a connection that broke under a request."""
    causes = _causes(error)
    if "client error (Connect)" in causes:
        if any(each.startswith("invalid peer certificate") for each in causes):
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
