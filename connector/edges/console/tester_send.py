"""Sends what the tester shows, once, after a second look.

What was shown is bound to what is sent by a digest of the requests; a change of the configuration between
the two clicks makes another digest, and nothing is sent.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, NamedTuple

from connector.core.event import Event
from connector.core.explain_json import KEY_SHOWN
from connector.core.json_text import write_json
from connector.core.request import Endpoints, Request, key_of
from connector.delivery.encharge_error import parse_error
from connector.delivery.outcome import Answer, NoReply
from connector.delivery.ports import Sender
from connector.delivery.redaction import redact
from connector.delivery.response_rules import ResponseRules
from connector.edges.clocks import monotonic_clock, wall_clock
from connector.edges.console.in_force import InForce, compile_with

MOST_REQUESTS: Final = 100
_EXCERPT_BYTES: Final = 2000
_REMEMBERED: Final = 1000
_LONGEST_TICKET: Final = 64
_OUTCOMES: Final = 20


class Outgoing(NamedTuple):
    """One request that is to be sent; `event` counts from 1."""

    event: int
    mapping: str
    action: str
    request: Request


class Unsent(NamedTuple):
    """A mapping that matches and has no request."""

    event: int
    mapping: str
    code: str
    message: str


class Plan(NamedTuple):
    """What would be sent, in the order of the events and of the mappings."""

    outgoing: Sequence[Outgoing]
    unsent: Sequence[Unsent]
    digest: str


class OutgoingShown(NamedTuple):
    """A request that is to be sent, as a page shows it: without the key."""

    event: int
    mapping: str
    action: str
    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: str


class Sent(NamedTuple):
    """What came of one request; `excerpt` is of the answer, without personal data."""

    event: int
    mapping: str
    method: str
    url: str
    outcome: str
    status: int | None
    took_s: float
    excerpt: str


class Tickets:
    """Lets each second step be taken once; a repeated click or a reloaded page is told of the first.

    Only the last few outcomes are kept, and no ticket longer than the thousand after it.
    """

    def __init__(self) -> None:
        self._used: deque[str] = deque(maxlen=_REMEMBERED)
        self._outcomes: dict[str, asyncio.Task[list[Sent]]] = {}

    def outcome(self, ticket: str) -> asyncio.Task[list[Sent]] | None:
        """Give what a ticket was used for, as long as it is known."""
        return self._outcomes.get(ticket)

    def take(self, ticket: str, sending: Callable[[], Coroutine[Any, Any, list[Sent]]]) -> bool:
        """Use a ticket up and begin; False when it was used before, or is none."""
        if not ticket or len(ticket) > _LONGEST_TICKET or ticket in self._used:
            return False
        self._used.append(ticket)
        self._outcomes[ticket] = asyncio.create_task(sending())
        while len(self._outcomes) > _OUTCOMES:
            del self._outcomes[next(iter(self._outcomes))]
        return True


def plan_sending(now: InForce, config: Mapping[str, Any], events: Sequence[Event]) -> Plan:
    """Plan events with the real key and addresses.

    config  that of the file, or one in which a mapping was edited

    Raises: ConfigurationError
    """
    deliverable = now.deliverable
    assert deliverable is not None  # only who delivers is asked
    destination = (
        deliverable.destination if config is now.config else compile_with(config, deliverable.endpoints)
    )
    outgoing, unsent = [], []
    for number, event in enumerate(events, start=1):
        for mapping, action, request, error in destination.plan_event(event):
            if request is not None:
                outgoing.append(Outgoing(number, mapping, action, request))
            elif error is not None:
                unsent.append(Unsent(number, mapping, error.code, error.message))
    return Plan(outgoing, unsent, _digest(now, outgoing, deliverable.endpoints))


def outgoing_shown(plan: Plan, endpoints: Endpoints) -> list[OutgoingShown]:
    """Give what a page shows of the requests."""
    return [
        OutgoingShown(
            event,
            mapping,
            action,
            request.method,
            request.url,
            _shown_headers(request, endpoints),
            (request.body or b"").decode("utf-8", "replace"),
        )
        for event, mapping, action, request in plan.outgoing
    ]


def _shown_headers(request: Request, endpoints: Endpoints) -> list[tuple[str, str]]:
    keys = {endpoints.api_key, endpoints.write_key}
    return [(name, KEY_SHOWN if value in keys else value) for name, value in request.headers.items()]


def _digest(now: InForce, outgoing: Sequence[Outgoing], endpoints: Endpoints) -> str:
    digest = hashlib.sha256(write_json([now.version, len(outgoing)]))
    for event, mapping, action, request in outgoing:
        headers = [list(each) for each in _shown_headers(request, endpoints)]
        body = request.body or b""
        head = [event, mapping, action, request.method, request.url, headers, len(body)]
        digest.update(write_json(head) + body)
    return digest.hexdigest()


async def send_all(sender: Sender, outgoing: Sequence[Outgoing], rules: ResponseRules) -> list[Sent]:
    """Send one request after the other, each once."""
    sent = []
    for each in outgoing:
        begun_s = monotonic_clock()
        answer = await sender.send(each.request)
        sent.append(_sent(each, answer, monotonic_clock() - begun_s, rules))
    return sent


def _sent(outgoing: Outgoing, answer: Answer, took_s: float, rules: ResponseRules) -> Sent:
    outcome = rules.classify(answer, now=wall_clock())
    event, mapping, _action, request = outgoing
    if isinstance(answer, NoReply):
        status, excerpt = None, f"no answer: {answer.reason}"
    else:
        status, excerpt = answer.status, _excerpt(answer.status, answer.body, key_of(request))
    return Sent(event, mapping, request.method, request.url, outcome.code, status, took_s, excerpt)


def _excerpt(status: int, body: bytes, key: str) -> str:
    if 200 <= status < 300:
        return redact(body.replace(key.encode(), b"")[:_EXCERPT_BYTES].decode("utf-8", "replace"))
    return str(parse_error(body, key))


def tally(sent: Sequence[Sent]) -> dict[str, int]:
    """Count what came of the requests, for the log."""
    return dict(Counter(each.outcome for each in sent))
