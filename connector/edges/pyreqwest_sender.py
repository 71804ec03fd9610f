"""Sends requests to Encharge with a library, pyreqwest (Rust's reqwest): through proxies, and over HTTP/2.

docs/decisions/0004-http-sender.md tells when it is used. Redirects are not followed: 301 to 303 would turn an
event into a GET without a body, and call it delivered.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    ConnectError,
    PyreqwestError,
    ReadError,
    RequestTimeoutError,
    WriteError,
)

from connector.core import Request
from connector.delivery.outcome import Answer, NoReply, Reply, WireTrouble

_REASONS: Final[Mapping[type[PyreqwestError], WireTrouble]] = {
    RequestTimeoutError: "timeout",
    ConnectError: "connect",
    ReadError: "read",
    WriteError: "write",
}
IDLE_CONNECTION_S: Final = 30.0  # below the minute after which load balancers drop idle connections
KEPT_OF_BODY: Final = 4096  # bytes of an answer that is no success


class PyreqwestSender:
    """Implements the port Sender; to be used as an async context manager."""

    def __init__(self, *, timeout_s: float, max_connections: int) -> None:
        self._client: Client = (
            ClientBuilder()
            .timeout(timedelta(seconds=timeout_s))
            .connect_timeout(timedelta(seconds=min(timeout_s, 5.0)))
            .pool_idle_timeout(timedelta(seconds=IDLE_CONNECTION_S))
            .pool_max_idle_per_host(max_connections)
            .follow_redirects(False)
            .build()
        )

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
        """Make exactly one attempt; trouble on the wire is an answer, not an error."""
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
        return Reply(status, response.headers.get("retry-after"), bytes(body[:KEPT_OF_BODY]))


def _reason(error: PyreqwestError) -> WireTrouble:
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason
    return "protocol"
