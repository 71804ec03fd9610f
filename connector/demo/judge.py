"""Compares what was produced with what arrived. Knows nothing of the connector's own books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from connector.demo.events import Produced


class Accepted(NamedTuple):
    """One request that Encharge took, in the order in which it took them."""

    id: str
    at: float  # epoch seconds


class Letter(NamedTuple):
    """One dead letter."""

    source_id: str
    code: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the produced events.

    lost        neither accepted nor on the dead-letter topic
    duplicates  acceptances beyond the first of an event, and dead letters beyond the first
    violations  first acceptances that came after a later event of the same person
    wrong       events that were accepted and should not have been, or dead-lettered with another code
    """

    produced: int
    accepted: int
    dead_letters: Mapping[str, int]
    lost: Sequence[str]
    duplicates: int
    violations: Sequence[str]
    wrong: Sequence[str]
    p50_s: float
    p99_s: float

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost and the order was kept."""
        return not self.lost and not self.violations and not self.wrong


def judge(
    produced: Iterable[tuple[Produced, float]], accepted: Sequence[Accepted], letters: Sequence[Letter]
) -> Verdict:
    """Judge a run; `produced` comes with the wall-clock time of the acknowledgement by Kafka."""
    events: dict[str, Produced] = {}
    times: dict[str, float] = {}
    for event, at in produced:
        events[event.id], times[event.id] = event, at
    arrivals = Counter(each.id for each in accepted)
    buried: dict[str, list[str]] = {}
    for letter in letters:
        buried.setdefault(letter.source_id, []).append(letter.code)
    delays_s = sorted(each.at - times[each.id] for each in _first_of_each(accepted) if each.id in times)
    return Verdict(
        produced=len(events),
        accepted=len(arrivals),
        dead_letters=Counter(codes[0] for codes in buried.values()),
        lost=[id_ for id_ in events if id_ not in arrivals and id_ not in buried],
        duplicates=sum(arrivals.values()) - len(arrivals) + sum(len(codes) - 1 for codes in buried.values()),
        violations=_violations(events, accepted),
        wrong=_wrong(events, arrivals, buried),
        p50_s=_percentile(delays_s, 0.50),
        p99_s=_percentile(delays_s, 0.99),
    )


def _first_of_each(accepted: Iterable[Accepted]) -> Iterable[Accepted]:
    seen: set[str] = set()
    for each in accepted:
        if each.id not in seen:
            seen.add(each.id)
            yield each


def _violations(events: Mapping[str, Produced], accepted: Iterable[Accepted]) -> list[str]:
    latest: dict[str, int] = {}
    found = []
    for each in _first_of_each(accepted):
        event = events.get(each.id)
        if event is None:
            continue
        if event.sequence < latest.get(event.person, 0):
            found.append(event.id)
        else:
            latest[event.person] = event.sequence
    return found


def _wrong(
    events: Mapping[str, Produced], arrivals: Mapping[str, int], buried: Mapping[str, Sequence[str]]
) -> list[str]:
    found = [f"{id_}: accepted, but never produced" for id_ in arrivals if id_ not in events]
    found += [f"{id_}: dead-lettered, but never produced" for id_ in buried if id_ not in events]
    for event in events.values():
        codes = set(buried.get(event.id, ()))
        if event.code and event.id in arrivals:
            found.append(f"{event.id}: accepted, should have been {event.code}")
        if codes and codes != {event.code}:
            found.append(f"{event.id}: dead-lettered as {sorted(codes)}, expected {event.code or 'delivery'}")
    return found


def _percentile(ascending: Sequence[float], share: float) -> float:
    return ascending[min(int(len(ascending) * share), len(ascending) - 1)] if ascending else 0.0


def id_in_body(body: Any) -> str:
    """Find the id of the demo's event in the body of a request."""
    if not isinstance(body, dict):
        return ""
    if body.get("type") == "group":
        properties = body.get("properties")
        return str(properties.get("demo_id", "")) if isinstance(properties, dict) else ""
    return str(body.get("messageId", ""))
