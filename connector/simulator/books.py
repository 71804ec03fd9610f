"""What came in and what became of it: the log of accepted requests, and counts of everything."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import islice
from typing import Any, Literal, NamedTuple, TypedDict

import orjson

from connector.simulator.encharge import Call
from connector.simulator.json_bytes import render_json

# What became of the answer to an accepted request. `reply_lost`: withheld by the fault of that name.
# `client_gone`: the sender had left before it was ready. Either way the sender cannot know.
Outcome = Literal["answered", "reply_lost", "client_gone"]


class LoggedRequest(TypedDict):
    """An accepted request as the log shows it, one line of JSON each."""

    seq: int  # from 1, in order of acceptance; never reused before a reset
    accepted_at: float  # epoch seconds
    person: str  # strongest id: userId, else segmentAnonymousId, else email; "" for nobody
    method: str
    path: str
    query: str
    headers: dict[str, str]
    status: int
    outcome: Outcome
    digest: str  # of method, path, query and body
    repeats: int | None  # seq of the first equal request; reading never repeats
    body: Any


class Stats(TypedDict):
    """Everything counted since the start or the last reset."""

    started_at: float
    requests: int
    accepted: int
    accepted_by_request: dict[str, int]  # "POST /v1" -> n
    first_accepted_at: float | None
    last_accepted_at: float | None
    outcomes: dict[str, int]
    answers: dict[str, int]  # by status, of every answer given
    refusals: dict[str, int]  # what Encharge would refuse, by code
    faults: dict[str, int]  # by the setting they come from
    repeats: int  # accepted requests equal to an earlier one
    repeats_unanswered: int  # of these, where the one before went unanswered: sending again was right
    overlaps: int  # a request for a person arriving while another for that person is under way
    in_flight: int
    peak_in_flight: int
    connections: int
    body_bytes: int
    logged: int
    first_logged_seq: int | None


class _Entry(NamedTuple):
    seq: int
    accepted_at: float
    person: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    status: int
    outcome: Outcome
    digest: bytes
    repeats: int | None
    body: bytes

    def line(self) -> bytes:
        """Render as a line of JSON Lines."""
        # The body is valid JSON, so line breaks in it are white space between tokens.
        body = self.body.replace(b"\n", b" ").replace(b"\r", b" ") or b"null"
        shown = self._asdict() | {"digest": self.digest.hex(), "body": orjson.Fragment(body)}
        try:
            return orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE)
        except orjson.JSONEncodeError:  # half an emoji in an id
            del shown["body"]
            return render_json(shown)[:-1] + b',"body":' + body + b"}\n"


class Books:
    """The books of one simulator; memory is bounded by `max_log`, 0 for no bound."""

    def __init__(self, *, keep_log: bool, max_log: int, now: float) -> None:
        self._in_flight = 0
        self._under_way: dict[str, int] = {}  # requests by person, only those who have any
        self.keep_log, self.max_log = keep_log, max_log
        self.reset(now)

    def reset(self, now: float) -> None:
        """Start again with empty books; what is under way stays under way."""
        self._started_at, self._peak = now, self._in_flight
        self._seq = self._requests = self._overlaps = self._connections = self._body_bytes = 0
        self._repeats = self._repeats_unanswered = 0
        self._first_at: float | None = None
        self._last_at: float | None = None
        self._requests_by: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._answers: Counter[int] = Counter()
        self._refusals: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._log: deque[_Entry] = deque()
        # Digest -> seq of the first such request, negative while the last one is unanswered.
        self._seen: OrderedDict[bytes, int] = OrderedDict()

    def configure(self, *, keep_log: bool, max_log: int) -> None:
        """Change how much is remembered, and forget what is too much."""
        self.keep_log, self.max_log = keep_log, max_log
        if not keep_log:
            self._log.clear()
        self._forget()

    def connect(self) -> None:
        """Count a connection, at its first request to Encharge."""
        self._connections += 1

    def arrive(self, person: str) -> None:
        """Note that a request is under way; every arrival needs its `leave`."""
        self._requests += 1
        self._in_flight += 1
        self._peak = max(self._peak, self._in_flight)
        if person:
            others = self._under_way.get(person, 0)
            self._overlaps += bool(others)
            self._under_way[person] = others + 1

    def leave(self, person: str) -> None:
        """Note that a request is no longer under way."""
        self._in_flight -= 1
        if person:
            left = self._under_way[person] - 1
            if left:
                self._under_way[person] = left
            else:
                del self._under_way[person]

    @property
    def in_flight(self) -> int:
        """Give the number of requests under way."""
        return self._in_flight

    @property
    def accepted(self) -> int:
        """Give the number of requests accepted, which is the highest `seq`."""
        return self._seq

    def accept(
        self, call: Call, person: str, headers: Mapping[str, str], status: int, outcome: Outcome, now: float
    ) -> None:
        """Enter an accepted request."""
        self._seq += 1
        self._requests_by[f"{call.method} {call.path}"] += 1
        self._outcomes[outcome] += 1
        self._body_bytes += len(call.body)
        self._first_at = now if self._first_at is None else self._first_at
        self._last_at = now
        digest = _digest(call)
        repeats = None if call.method == "GET" else self._recognise(digest, outcome)
        if self.keep_log:
            self._log.append(
                _Entry(
                    self._seq, now, person, call.method, call.path, call.query,
                    headers, status, outcome, digest, repeats, call.body,
                )
            )  # fmt: skip
        self._forget()

    def refuse(self, code: str) -> None:
        """Count a request that Encharge would refuse, too."""
        self._refusals[code] += 1

    def fail(self, fault: str) -> None:
        """Count a request struck by a fault."""
        self._faults[fault] += 1

    def answer(self, status: int) -> None:
        """Count an answer."""
        self._answers[status] += 1

    def lines(self, *, after: int = 0, limit: int, person: str | None = None) -> Iterator[bytes]:
        """Give accepted requests with a higher `seq`, oldest first, as lines of JSON."""
        skipped = max(0, after + 1 - self._log[0].seq) if self._log else 0
        entries = islice(self._log, skipped, None)
        chosen = entries if person is None else (entry for entry in entries if entry.person == person)
        return (entry.line() for entry in islice(chosen, limit))

    def stats(self) -> Stats:
        """Give all counts."""
        return {
            "started_at": self._started_at,
            "requests": self._requests,
            "accepted": self._seq,
            "accepted_by_request": dict(self._requests_by),
            "first_accepted_at": self._first_at,
            "last_accepted_at": self._last_at,
            "outcomes": dict(self._outcomes),
            "answers": {str(status): number for status, number in sorted(self._answers.items())},
            "refusals": dict(self._refusals),
            "faults": dict(self._faults),
            "repeats": self._repeats,
            "repeats_unanswered": self._repeats_unanswered,
            "overlaps": self._overlaps,
            "in_flight": self._in_flight,
            "peak_in_flight": self._peak,
            "connections": self._connections,
            "body_bytes": self._body_bytes,
            "logged": len(self._log),
            "first_logged_seq": self._log[0].seq if self._log else None,
        }

    def _recognise(self, digest: bytes, outcome: Outcome) -> int | None:
        """Give the first equal request, None if there was none."""
        seen = self._seen.get(digest)
        first = self._seq if seen is None else abs(seen)
        self._seen[digest] = first if outcome == "answered" else -first
        if seen is None:
            return None
        self._repeats += 1
        self._repeats_unanswered += seen < 0
        return first

    def _forget(self) -> None:
        while 0 < self.max_log < len(self._log):
            self._log.popleft()
        while 0 < self.max_log < len(self._seen):
            self._seen.popitem(last=False)


def _digest(call: Call) -> bytes:
    """Identify a request. The messageId cannot: two mappings of one event lawfully send it twice."""
    return blake2b(f"{call.method} {call.path}?{call.query} ".encode() + call.body, digest_size=8).digest()
