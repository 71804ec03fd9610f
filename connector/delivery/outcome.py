"""What one attempt came to.

| class        | when                                                  | what follows                     |
|--------------|-------------------------------------------------------|----------------------------------|
| Delivered    | 2xx                                                   | settled                          |
| Throttled    | 429, 503 with Retry-After                             | wait; the window begins anew     |
| Transient    | 408, 423, 425, other 5xx but 501, trouble on the wire | retry until the window is over   |
| Unauthorized | 401, 403                                              | pause until the key works        |
| Rejected     | other 4xx, 501, anything else                         | dead letter                      |

An operator can put rules before these (connector.delivery.response_rules).

Source of the statuses worth repeating: the reference's documented rule (4xx but 408, 423 and 429 no,
5xx but 501 yes).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import ClassVar, Final, Literal, NamedTuple, TypeAlias

WireTrouble: TypeAlias = Literal["timeout", "connect", "dns", "tls", "read", "write", "protocol"]

NEVER_THE_EVENT: Final[frozenset[WireTrouble]] = frozenset(("connect", "dns", "tls"))
"""Trouble before anything of the request went out."""


class Reply(NamedTuple):
    """An HTTP answer: status, the text of Retry-After if any, and the first bytes of the body."""

    status: int
    retry_after: str | None = None
    body: bytes = b""


class NoReply(NamedTuple):
    """Trouble on the wire; nobody knows whether Encharge acted, unless it is of NEVER_THE_EVENT."""

    reason: WireTrouble
    detail: str = ""


Answer: TypeAlias = Reply | NoReply


@dataclass(frozen=True, slots=True)
class Delivered:
    """Encharge took the request."""

    code: ClassVar[str] = "delivered"
    status: int


@dataclass(frozen=True, slots=True)
class Throttled:
    """Encharge asks to slow down."""

    code: ClassVar[str] = "throttled"
    status: int
    retry_after_s: float | None
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Transient:
    """Worth repeating: `reason` is the status or the trouble on the wire."""

    code: ClassVar[str] = "transient"
    reason: str
    status: int | None = None
    retry_after_s: float | None = None
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Unauthorized:
    """The key does not work (any more)."""

    code: ClassVar[str] = "auth"
    status: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Rejected:
    """No use repeating."""

    code: ClassVar[str] = "rejected"
    status: int
    body: bytes = b""


Failed: TypeAlias = Throttled | Transient | Unauthorized | Rejected
Outcome: TypeAlias = Delivered | Failed
OutcomeCode: TypeAlias = Literal["delivered", "throttled", "transient", "auth", "rejected"]

_RETRIED_4XX: Final = frozenset((408, 423, 425))
_LONGEST_RETRY_AFTER_S: Final = 3600.0


def classify(answer: Answer, *, now: float) -> Outcome:
    """Say what an answer means; `now` is wall-clock time in epoch seconds, for dates in Retry-After."""
    if isinstance(answer, NoReply):
        return Transient(answer.reason)
    status = answer.status
    match status:
        case _ if 200 <= status < 300:
            return outcome_of("delivered", answer, now=now)
        case 401 | 403:
            return outcome_of("auth", answer, now=now)
        case 429:
            return outcome_of("throttled", answer, now=now)
        case 503 if parse_retry_after(answer.retry_after, now=now) is not None:
            return outcome_of("throttled", answer, now=now)
        case _ if status in _RETRIED_4XX or (500 <= status < 600 and status != 501):
            return outcome_of("transient", answer, now=now)
        case _:
            return outcome_of("rejected", answer, now=now)


def outcome_of(code: OutcomeCode, reply: Reply, *, now: float) -> Outcome:
    """Make the outcome of this class from an answer."""
    status, body = reply.status, reply.body
    match code:
        case "delivered":
            return Delivered(status)
        case "throttled":
            return Throttled(status, parse_retry_after(reply.retry_after, now=now), body)
        case "transient":
            return Transient(str(status), status, parse_retry_after(reply.retry_after, now=now), body)
        case "auth":
            return Unauthorized(status, body)
        case "rejected":
            return Rejected(status, body)


def parse_retry_after(text: str | None, *, now: float) -> float | None:
    """Read Retry-After, seconds or an HTTP date, as seconds from now, at most an hour; None if neither."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        try:
            date = parsedate_to_datetime(text)
            seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_S)
