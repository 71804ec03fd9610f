"""Encharge's REST API for everything that is not the hot path, on httpx: one question, one answer.

Answers and errors are the reference's (connector.core.answer). Redirects are followed as its HTTP client
does, but never to another host: the key would go there, too. Whatever the other side does, a question ends
within its time, and of an answer at most LONGEST_ANSWER is read.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final, Self
from urllib.parse import urljoin, urlsplit

import httpx

from connector.core.account import (
    Choices,
    choices_failure,
    credentials_failure,
    credentials_request,
    dynamic_field,
    object_type_choices,
    object_types_request,
)
from connector.core.answer import Answer, Failure, http_failure, timed_out
from connector.core.deletion import deletion_request, person_request
from connector.core.event import Event
from connector.core.request import Endpoints, Request, checked_key, header_bytes
from connector.errors import ConfigurationError, ConnectorError, OperationalError, Problem

KEY_SETTING: Final = "CONNECTOR_ENCHARGE_API_KEY"
MOST_REDIRECTS: Final = 20
LONGEST_ANSWER: Final = 4 * 1024**2  # bytes; the types of an account with thousands of fields have one MiB
CONNECT_SHARE: Final = 0.45
"""Of the time of a question, for the connection and for its handshake each. Both must be over before the
whole time is: httpx leaves the socket open when it is cancelled from outside in a handshake."""

_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_BECOMES_GET: Final = frozenset((301, 302))  # after POST


class RequestFailed(ConnectorError):
    """A request came to nothing; `failure` says what, in the reference's words."""

    code = "request_failed"

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.kind}: {failure.message}")
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Credentials:
    """What Encharge said to a key (`HTTP 401 Unauthorized`), and the failure if it does not work.

    server_time  epoch seconds by its clock, None when it did not say
    """

    answer: str
    failure: Failure | None = None
    server_time: float | None = None

    @property
    def valid(self) -> bool:
        """Whether the key works."""
        return self.failure is None


class EnchargeApi:
    """Asks Encharge; to be used as an async context manager."""

    def __init__(self, endpoints: Endpoints, *, timeout_s: float = 10.0) -> None:
        self._endpoints, self._timeout_s = endpoints, timeout_s
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_s, connect=timeout_s * CONNECT_SHARE),
            headers={"Accept-Encoding": "identity"},  # some KiB that are unpacked can become gigabytes
            # httpx would take bytes behind an answer for the beginning of the next one.
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._server_time: float | None = None  # as of the last answer

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._client.aclose()

    async def perform(self, request: Request) -> Any:
        """Send a request once and give the data of a 2xx answer.

        Raises: RequestFailed for everything else; ConfigurationError when the key cannot be sent
        """
        try:
            answer = await self._follow(request)
        except httpx.TimeoutException as error:
            raise RequestFailed(timed_out(self._timeout_s)) from error
        except httpx.HTTPError as error:
            raise RequestFailed(Failure("FetchError", type(error).__name__, code="ECONNRESET")) from error
        if not answer.is_success:
            raise RequestFailed(http_failure(answer))
        return answer.data()

    async def test_credentials(self) -> Credentials:
        """Try the key: any 2xx is success.

        Raises: ConfigurationError when the key cannot be sent, OperationalError when Encharge cannot be
            reached
        """
        request = credentials_request(self._endpoints)
        try:
            answer = await self._follow(request)
        except RequestFailed as error:
            return Credentials(error.failure.message, error.failure)
        except httpx.HTTPError as error:
            raise OperationalError(
                f"Encharge at {self._endpoints.api_url} cannot be reached ({type(error).__name__})"
            ) from error
        failure = credentials_failure(answer)
        return Credentials(f"HTTP {answer.status} {answer.reason}", failure, self._server_time)

    async def choices(self, action: str, field: str) -> Choices:
        """Give the choices of a dynamic field: {"choices": [{"label", "value"}, …], "error"?}.

        Raises: ConfigurationError when the key cannot be sent; all other trouble is in the result
        """
        answered = dynamic_field(action, field)
        if answered is not None:
            return answered
        try:
            return object_type_choices(await self._follow(object_types_request(self._endpoints)))
        except RequestFailed as error:
            return choices_failure(error.failure)
        except httpx.TimeoutException:
            return choices_failure(timed_out(self._timeout_s))
        except httpx.HTTPError as error:
            return choices_failure(Failure("FetchError", type(error).__name__))

    async def delete(self, event: Event, *, encode: bool = False, erase: bool = False) -> Any:
        """Delete the person that an event names; True when it names nobody, else the answer's data.

        Raises: RequestFailed, PayloadError, ConfigurationError
        """
        request = deletion_request(event, self._endpoints, encode=encode, erase=erase)
        return True if request is None else await self.perform(request)

    async def finds(self, event: Event, *, with_archived: bool = False) -> bool:
        """Tell whether Encharge knows the person that an event names; nobody is not known.

        Raises: RequestFailed for all answers but 2xx and 404; ConfigurationError when the key cannot be sent
        """
        request = person_request(event, self._endpoints, with_archived=with_archived)
        if request is None:
            return False
        try:
            data = await self.perform(request)
        except RequestFailed as error:
            if error.failure.status == 404:
                return False
            raise
        users = data.get("users") if isinstance(data, dict) else None
        if not isinstance(users, list):
            raise RequestFailed(Failure("TypeError", "the answer has no list of users"))
        return bool(users)

    async def _follow(self, request: Request) -> Answer:
        try:
            async with asyncio.timeout(self._timeout_s):  # httpx bounds each step, and a slow answer has many
                return await self._follow_redirects(request)
        except TimeoutError as error:
            raise httpx.ReadTimeout("the answer did not end in time") from error

    async def _follow_redirects(self, request: Request) -> Answer:
        for _ in range(MOST_REDIRECTS + 1):
            answer, location = await self._send(request)
            url = "" if location is None else urljoin(request.url, location)
            if answer.status not in _REDIRECTS or urlsplit(url).netloc != urlsplit(request.url).netloc:
                return answer
            becomes_get = answer.status == 303 or (answer.status in _BECOMES_GET and request.method == "POST")
            method, body = ("GET", None) if becomes_get else (request.method, request.body)
            request = Request(method, url, request.headers, body)
        raise RequestFailed(Failure("FetchError", "maximum redirect reached", code="max-redirect"))

    async def _send(self, request: Request) -> tuple[Answer, str | None]:
        """Ask once; give the answer and where it redirects to."""
        checked_key(request.headers["X-Encharge-Token"], setting=KEY_SETTING)
        # Addresses go out as they are: httpx would escape brackets and what the reference does not.
        target = request.url.partition("://")[2].partition("/")[2]
        try:
            async with self._client.stream(
                request.method,
                request.url,
                headers=header_bytes(request.headers),
                content=request.body,
                extensions={"target": f"/{target}".encode("latin-1")},
            ) as response:
                body = await _body(response)
        except httpx.LocalProtocolError as error:  # nothing was sent; its text may quote the key
            raise ConfigurationError(
                Problem("holds a character that no HTTP header can carry (a space?)", path=KEY_SETTING)
            ) from error
        self._server_time = _epoch_s(response.headers.get("date", ""))
        content_type = response.headers.get("content-type", "")
        answer = Answer(response.status_code, response.reason_phrase, content_type, body)
        return answer, response.headers.get("location")


async def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > LONGEST_ANSWER:
            message = f"the answer is longer than {LONGEST_ANSWER >> 20} MiB"
            raise RequestFailed(Failure("FetchError", message, code="max-size"))
    return bytes(body)


def _epoch_s(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
