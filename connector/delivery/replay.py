"""What a replay plan says: what was chosen, what it would send, how old it is and how long it would take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, zip_longest
from typing import Any, Final, NamedTuple

from connector.core.event import Event, person_key
from connector.delivery.planner import Task
from connector.delivery.record import Record
from connector.delivery.selection import Filters, Range

MOST_SAMPLES: Final = 5
DEFAULT_RATE: Final = 100.0  # requests a second, when no ceiling says what the account bears
SHARE_OF_CEILING: Final = 0.25  # of it, for a replay beside the workers

LATEST: Final = 253370764800.0  # the year 9999; beyond it no time zone can be added


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    """What a plan file holds.

    ranges      number of a partition -> its offsets; cut to what was chosen, so a partition of which nothing
                was chosen has none
    mappings    names of the mappings whose requests are sent
    from_source whether events of the source topic are written to the by-user topic once more, instead of
                events of the latter sent
    rate        requests a second, over all processes that run it; from the source topic: events a second
    max_age_s   the oldest event that is sent without asking
    created_at, oldest_at  epoch seconds; no oldest where nothing was chosen
    counts      what was found when it was made, see `Forecast.as_json`
    """

    id: str
    created_at: float
    topic: str
    from_source: bool
    ranges: Mapping[int, Range]
    filters: Filters
    destination: str
    config_version: str
    mappings: tuple[str, ...]
    rate: float
    max_age_s: float
    oldest_at: float | None
    counts: Mapping[str, Any]

    @property
    def records(self) -> int:
        """Offsets in the ranges."""
        return sum(range_.end - range_.start for range_ in self.ranges.values())


def passed(ranges: Mapping[int, Range], committed: Mapping[int, int]) -> int:
    """Count the offsets in the ranges that lie below what was committed; partition -> next offset."""
    return sum(
        min(max(committed.get(number, 0) - range_.start, 0), range_.end - range_.start)
        for number, range_ in ranges.items()
    )


def too_old(plan: ReplayPlan, now: float) -> str:
    """Say that the oldest event is older than the plan allows; the empty text when it is not."""
    if plan.oldest_at is None or now - plan.oldest_at <= plan.max_age_s:
        return ""
    return (
        f"the oldest event is of {iso(plan.oldest_at)}, beyond the limit of {plan.max_age_s / 86400:g} days."
        " Encharge's automations do not know that an event is old: they may send mails again. If that is"
        " wanted, say --automations-may-fire; otherwise plan a shorter range"
    )


class Sample(NamedTuple):
    """One request that would be sent; it holds a person's data and no key."""

    mapping: str
    action: str
    method: str
    url: str
    body: bytes | None


@dataclass(slots=True)
class Forecast:
    """Counts of a range, told of every record once."""

    read: int = 0  # events
    unreadable: int = 0  # records that hold no event
    chosen: int = 0
    unmatched: int = 0  # of those chosen
    suppressed: int = 0  # not sent, as the person was deleted
    requests: Counter[str] = field(default_factory=Counter)  # by mapping
    dead_letters: Counter[str] = field(default_factory=Counter)  # by code
    days: dict[str, Counter[str]] = field(default_factory=dict)  # UTC day of the record -> by mapping
    oldest_at: float | None = None
    newest_at: float | None = None
    ranges: dict[int, Range] = field(default_factory=dict)
    _people: set[int] = field(default_factory=set)  # hashes: 64 bytes each instead of an id's hundred or more
    _samples: dict[str, list[Sample]] = field(default_factory=dict)

    def add(self, record: Record, events: Mapping[int, Event], tasks: Mapping[int, list[Task]]) -> None:
        """Count the chosen events of a record and their tasks, each by the number of its event."""
        first = self.ranges.get(record.partition, Range(record.offset, 0)).start
        self.ranges[record.partition] = Range(first, record.offset + 1)
        for number, event in events.items():
            self.chosen += 1
            at = time_of(event, record.timestamp / 1000)
            self.oldest_at = at if self.oldest_at is None else min(self.oldest_at, at)
            self.newest_at = at if self.newest_at is None else max(self.newest_at, at)
            self._people.add(hash(person_key(event) or record.key))
            if not tasks.get(number):
                self.unmatched += 1
            for task in tasks.get(number, ()):
                self._count(task, record)

    def _count(self, task: Task, record: Record) -> None:
        if task.request is None:
            self.dead_letters[task.reason.code if task.reason else ""] += 1
            return
        self.requests[task.mapping] += 1
        day = datetime.fromtimestamp(record.timestamp / 1000, UTC).date().isoformat()
        self.days.setdefault(day, Counter())[task.mapping] += 1
        found = self._samples.setdefault(task.mapping, [])
        if len(found) < MOST_SAMPLES:
            request = task.request
            found.append(Sample(task.mapping, task.action, request.method, request.url, request.body))

    @property
    def users(self) -> int:
        """Distinct persons."""
        return len(self._people)

    def samples(self, most: int) -> list[Sample]:
        """Give some requests, of as many mappings as there are."""
        turns = chain.from_iterable(zip_longest(*self._samples.values()))
        return [each for each in turns if each is not None][:most]

    def as_json(self) -> dict[str, Any]:
        """Give the counts as a plan file has them, without anybody's data."""
        return {
            "events": self.read,
            "unreadable": self.unreadable,
            "chosen": self.chosen,
            "unmatched": self.unmatched,
            "suppressed": self.suppressed,
            "users": self.users,
            "requests": self.requests.total(),
            "by_mapping": dict(self.requests),
            "by_day": {day: dict(found) for day, found in sorted(self.days.items())},
            "dead_letters": dict(self.dead_letters),
            "oldest": iso(self.oldest_at),
            "newest": iso(self.newest_at),
        }


def time_of(event: Event, otherwise: float) -> float:
    """Give the event's own timestamp in epoch seconds, `otherwise` where it has none that can be read."""
    text = event.get("timestamp")
    if not isinstance(text, str):
        return otherwise
    try:
        found = datetime.fromisoformat(text)
        at = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return otherwise
    return at if 0.0 <= at < LATEST else otherwise


def iso(at: float | None) -> str | None:
    """Write epoch seconds as text, in UTC."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def default_rate(ceiling: float | None) -> float:
    """Give the requests a second of a replay for which nobody says how many."""
    return DEFAULT_RATE if ceiling is None else ceiling * SHARE_OF_CEILING
