"""Compares what became of the records with what was expected when they were made. Asks the connector nothing."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl

_TAG = re.compile(r"h(\d+)(?:[.|].*)?", re.DOTALL)


class Row(NamedTuple):
    """What became of one kind."""

    records: int
    accepted: int
    letters: dict
    filtered: int


@dataclass
class Verdict:
    """What became of everything.

    missing     records with no outcome that should have one
    wrong       records with another outcome, or another number of them, than expected
    unknown     outcomes of records that were never produced
    violations  first acceptances of real people's events that came after a later one of the same person
    by_code     dead letters, expected and found; of records that may end either way only found
    """

    records: int = 0
    accepted: int = 0
    filtered: int = 0
    letters: Counter = field(default_factory=Counter)
    exact_expected: Counter = field(default_factory=Counter)
    exact_found: Counter = field(default_factory=Counter)
    missing: list = field(default_factory=list)
    wrong: list = field(default_factory=list)
    unknown: list = field(default_factory=list)
    violations: list = field(default_factory=list)
    rows: dict = field(default_factory=dict)


def number_in(request):
    """Give the number of the record that an accepted request belongs to, None when it cannot be told."""
    body = request["body"]
    places = []
    if isinstance(body, dict):
        places = [_member(body, "properties"), _member(body, "user"), body.get("messageId"), body.get("tag")]
    elif request["query"]:
        places = [value for _, value in parse_qsl(request["query"], keep_blank_values=True)]
    for place in places:
        found = _TAG.fullmatch(place) if isinstance(place, str) else None
        if found:
            return int(found[1])
    return None


def _member(body, key):
    holder = body.get(key)
    return holder.get("n") if isinstance(holder, dict) else None


def judge(records, requests, letters):
    """Give the verdict.

    records   what was produced
    requests  accepted ones in order, as (number of the record or None, time)
    letters   (number of the record or None, code)
    """
    verdict = Verdict()
    accepted, buried = Counter(), {}
    for number, _ in requests:
        accepted[number] += 1
    for number, code in letters:
        buried.setdefault(number, []).append(code)
        verdict.letters[code] += 1
    verdict.accepted = len(requests)
    known = {each.number: each for each in records}
    verdict.records = len(known)
    verdict.unknown = [f"accepted: {number}" for number in accepted if number not in known]
    verdict.unknown += [f"dead letter: {number}" for number in buried if number not in known]
    kinds = {}
    for record in known.values():
        codes, count = buried.get(record.number, []), accepted[record.number]
        _judge_one(verdict, record, count, codes)
        kinds.setdefault(record.kind, []).append((count, codes))
    verdict.rows = {kind: _row(outcomes) for kind, outcomes in sorted(kinds.items())}
    verdict.violations = _violations(known, requests)
    return verdict


def _judge_one(verdict, record, accepted, codes):
    expected = record.expected
    what = f"{record.kind} {record.number}: accepted {accepted}, dead letters {codes}, expected {expected}"
    if not accepted and not codes:
        verdict.filtered += 1
        if expected != (0, (), 0):
            verdict.missing.append(what)
        return
    if expected.either:
        if accepted < expected.accepted or accepted + len(codes) != expected.accepted + expected.either:
            verdict.wrong.append(what)
        return
    verdict.exact_expected.update(expected.letters)
    verdict.exact_found.update(codes)
    if accepted != expected.accepted or sorted(codes) != sorted(expected.letters):
        verdict.wrong.append(what)


def _row(outcomes):
    letters = Counter(code for _, codes in outcomes for code in codes)
    filtered = sum(not accepted and not codes for accepted, codes in outcomes)
    return Row(len(outcomes), sum(accepted for accepted, _ in outcomes), dict(letters), filtered)


def _violations(known, requests):
    latest, seen, found = {}, set(), []
    for number, _ in requests:
        record = known.get(number)
        if record is None or not record.person or number in seen:
            continue
        seen.add(number)
        if record.sequence < latest.get(record.person, 0):
            found.append(f"{record.person} {record.sequence}")
        latest[record.person] = max(latest.get(record.person, 0), record.sequence)
    return found


def longest_wait_s(waiting_since, accepted_at):
    """Give the longest time in which no real person's event was accepted while at least one was waiting.

    waiting_since  when each was acknowledged by Kafka, by number
    accepted_at    when each was first accepted, by number
    """
    steps = sorted(
        [(at, 0, number) for number, at in waiting_since.items()]
        + [(max(at, waiting_since[number]), 1, number) for number, at in accepted_at.items()]
    )
    waiting, since, longest = 0, 0.0, 0.0
    for at, is_accepted, _ in steps:
        if is_accepted:
            longest = max(longest, at - since)
            waiting, since = waiting - 1, at
        else:
            if not waiting:
                since = at
            waiting += 1
    return longest
