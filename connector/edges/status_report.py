"""What `status` tells, made from what Kafka and the workers' heartbeats said; no IO.

A report has groups with their partitions, workers, pauses, findings (something is stuck) and notes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from connector.delivery.gate import Shut
from connector.delivery.waits import describe, duration
from connector.edges.control_topic import PAUSE_PREFIX, Pause, pause_of
from connector.edges.heartbeat import FORGET_S, WORKER_PREFIX
from connector.edges.lag import GroupState, PartitionLag
from connector.edges.worker_facts import wait_from_json

NOBODY: Final = "nobody"
MOST_NAMED: Final = 10  # partitions that a finding names


@dataclass(frozen=True, slots=True)
class GroupSeen:
    """One consumer group and its topic, as Kafka told them; `lags` is empty for a topic that is missing.

    oldest  time of each lagging partition's first record, as LagReader.oldest gives it
    """

    stage: str  # ingest or deliver
    group: str
    topic: str
    state: GroupState
    lags: Sequence[PartitionLag]
    oldest: Mapping[tuple[str, int], float | None]
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """All that was seen in one look; `control` is None without a control topic.

    unmoved  group and partition whose commit is the same as in a look before
    """

    at: float
    kafka: str
    groups: Sequence[GroupSeen]
    control: Mapping[str, Any] | None
    unmoved: frozenset[tuple[str, int]] = frozenset()
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as silent and as stuck, in seconds."""

    silent_after_s: float
    stuck_after_s: float


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be; `code` is one of a closed set, see docs/status.md."""

    code: str
    text: str
    group: str = ""
    partitions: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One partition of a group.

    lag            records from the commit to the end; 0 where only marks of transactions are left
    settled_above  of these, settled already
    waits_for      kind, text, and what the kind needs of for_s, next_in_s, under_way_s, detail; as_of_s is
                   how old the heartbeat is that said so. None when there is no lag
    """

    partition: int
    committed: int | None
    end: int
    lag: int
    settled_above: int
    oldest_age_s: float | None
    worker: str | None
    held: int | None
    waits_for: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """One consumer group."""

    stage: str
    group: str
    topic: str
    state: str
    members: int
    lag: int
    oldest_age_s: float | None
    partitions: Sequence[PartitionStatus]


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One worker; `facts` is its last heartbeat (connector.edges.worker_facts), `heard_s` how old that is."""

    instance: str
    silent: bool
    heard_s: float
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PauseStatus:
    """A destination that somebody paused; `at` in epoch seconds."""

    destination: str
    at: float
    by: str
    note: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything."""

    at: float
    kafka: str
    groups: Sequence[GroupStatus]
    workers: Sequence[WorkerStatus]
    pauses: Sequence[PauseStatus]
    findings: Sequence[Finding] = field(default=())
    notes: Sequence[str] = ()


def make_report(seen: Seen, limits: Limits) -> Report:
    """Put together what was seen."""
    workers = _workers(seen, limits)
    live = [worker for worker in workers if not worker.silent]
    groups = [_group(group, live, seen) for group in seen.groups]
    pauses = _pauses(seen)
    findings = [
        *_missing(seen),
        *_twice(seen, limits),
        *_nobody(seen, groups, live, limits),
        *_shut(live, pauses, seen.at),
        *_stuck(seen, groups, limits),
        *_configurations(live),
    ]
    return Report(seen.at, seen.kafka, groups, workers, pauses, findings, seen.notes)


# Workers


def _workers(seen: Seen, limits: Limits) -> list[WorkerStatus]:
    groups = [group.group for group in seen.groups]  # no set: what a heartbeat says may be no text
    found = []
    for key, facts in (seen.control or {}).items():
        at = facts.get("at") if isinstance(facts, dict) else None
        if not key.startswith(WORKER_PREFIX) or not isinstance(at, (int, float)):
            continue
        heard_s = max(seen.at - at, 0.0)
        if heard_s < FORGET_S and any(reader.get("group") in groups for reader in readers_of(facts)):
            instance = key.removeprefix(WORKER_PREFIX)
            found.append(WorkerStatus(instance, heard_s > limits.silent_after_s, round(heard_s, 1), facts))
    return sorted(found, key=lambda worker: (worker.silent, worker.instance))


def readers_of(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the readers of a heartbeat; what is not as this version writes it is passed over."""
    return _dicts(facts.get("readers"))


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


# Groups


def _group(group: GroupSeen, live: Iterable[WorkerStatus], seen: Seen) -> GroupStatus:
    owners: dict[int, tuple[WorkerStatus, Mapping[str, Any]]] = {}
    for worker in sorted(live, key=lambda each: -each.heard_s):  # who was heard last is right
        for reader in readers_of(worker.facts):
            numbers = reader.get("partitions")
            if reader.get("group") == group.group and isinstance(numbers, list):
                owners |= dict.fromkeys((n for n in numbers if isinstance(n, int)), (worker, reader))
    partitions = [_partition(lag, group, owners.get(lag.partition), seen) for lag in group.lags]
    ages = [each.oldest_age_s for each in partitions if each.oldest_age_s is not None]
    return GroupStatus(
        group.stage,
        group.group,
        group.topic,
        group.state.state,
        group.state.members,
        sum(each.lag for each in partitions),
        max(ages, default=None),
        partitions,
    )


def _partition(
    lag: PartitionLag, group: GroupSeen, owner: tuple[WorkerStatus, Mapping[str, Any]] | None, seen: Seen
) -> PartitionStatus:
    place = lag.topic, lag.partition
    at = group.oldest.get(place)
    waiting = 0 if place in group.oldest and at is None else lag.lag
    told = None if owner is None else _told(owner[1], lag.partition)
    held = None if told is None else told.get("held")
    return PartitionStatus(
        partition=lag.partition,
        committed=lag.committed,
        end=lag.end,
        lag=waiting,
        settled_above=min(lag.settled_above, waiting),
        oldest_age_s=None if at is None else round(max(seen.at - at, 0.0), 1),
        worker=None if owner is None else owner[0].instance,
        held=held if isinstance(held, int) else None,
        waits_for=_waits_for(owner, told) if waiting else None,
    )


def _told(reader: Mapping[str, Any], partition: int) -> Mapping[str, Any] | None:
    return next((each for each in _dicts(reader.get("waits")) if each.get("partition") == partition), None)


def _waits_for(
    owner: tuple[WorkerStatus, Mapping[str, Any]] | None, told: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    if owner is None:
        return {"kind": NOBODY, "text": "nobody is known to read it"}
    worker, reader = owner
    as_of = {"as_of_s": worker.heard_s}
    if told is not None:
        return {**_in_words(told), **as_of}
    shut = _dicts(worker.facts.get("shut"))
    if shut and reader.get("stage") == "deliver":
        kind = str(shut[0].get("reason"))
        return {**_in_words({"kind": kind, "detail": str(shut[0].get("detail", ""))}), **as_of}
    if not reader.get("reading"):
        return {"kind": "rebalance", "text": "the end of a rebalance", **as_of}
    if reader.get("trouble"):
        return {"kind": "trouble", "text": f"forwarding fails: {reader['trouble']}", **as_of}
    if reader.get("waits_left_out"):
        return {
            "kind": "untold",
            "text": f"one of {reader['waits_left_out']} not told of by its worker",
            **as_of,
        }
    return {"kind": "reading", "text": "to be read, or to be committed", **as_of}


def _in_words(told: Mapping[str, Any]) -> Mapping[str, Any]:
    names = ("kind", "for_s", "next_in_s", "under_way_s", "detail", "alias", "full_lane")
    facts = {name: told[name] for name in names if name in told}
    wait = wait_from_json(told)
    text = str(told.get("kind")) if wait is None else describe(wait)
    full = told.get("full_lane")
    if full is not None:
        text += f"; not read on, as {full} records of one person are held"
    return {**facts, "text": text}


# Who forwards


def ingest_groups(
    control: Mapping[str, Any], now: float, heard_within_s: float, *, source: str, by_user: str
) -> dict[str, list[str]]:
    """Give group -> names of its workers, of the groups that forward from one topic to the other.

    Each group forwards everything, so more than one is a mistake.

    control         key -> value, as the control topic has them
    now             epoch seconds
    heard_within_s  how old the heartbeat of a worker may be
    """
    found: dict[str, list[str]] = {}
    for key, facts in sorted(control.items()):
        at = facts.get("at") if isinstance(facts, dict) else None
        if not key.startswith(WORKER_PREFIX) or not isinstance(at, (int, float)) or now - at > heard_within_s:
            continue
        for reader in readers_of(facts):
            if reader.get("topic") == source and reader.get("writes") == by_user:
                found.setdefault(str(reader.get("group")), []).append(key.removeprefix(WORKER_PREFIX))
    return found


# Pauses, findings


def _pauses(seen: Seen) -> list[PauseStatus]:
    found = []
    for key, value in (seen.control or {}).items():
        pause: Pause | None = pause_of(value) if key.startswith(PAUSE_PREFIX) else None
        destination = key.removeprefix(PAUSE_PREFIX)
        if pause is not None and pause.paused and any(_delivers(each, destination) for each in seen.groups):
            found.append(PauseStatus(destination, pause.at, pause.by, pause.note))
    return found


def _delivers(group: GroupSeen, destination: str) -> bool:
    return group.stage == "deliver" and group.group.endswith(f".deliver.{destination}")


def _missing(seen: Seen) -> Iterable[Finding]:
    for group in seen.groups:
        if group.is_missing:
            text = f"topic {group.topic} is missing; `encharge-connector topics apply` makes it"
            yield Finding("topic_missing", text, group.group)


def _twice(seen: Seen, limits: Limits) -> Iterable[Finding]:
    topics = {group.stage: group.topic for group in seen.groups}
    if seen.control is None or topics.keys() != {"ingest", "deliver"}:
        return
    source, by_user = topics["ingest"], topics["deliver"]
    found = ingest_groups(seen.control, seen.at, limits.silent_after_s, source=source, by_user=by_user)
    if len(found) > 1:
        who = "; ".join(f"{group} on {', '.join(names)}" for group, names in found.items())
        text = f"{len(found)} groups forward {source} to {by_user}, so every event is there as often: {who}"
        yield Finding("ingested_twice", f"{text}; give all the same CONNECTOR_GROUP_ID")


def _nobody(
    seen: Seen, groups: Sequence[GroupStatus], live: Sequence[WorkerStatus], limits: Limits
) -> Iterable[Finding]:
    for group in groups:
        if group.lag and not group.members:
            text = f"nobody reads {group.topic}: {group.group} has no members, {group.lag:,} records wait"
            yield Finding(NOBODY, text, group.group)
    if seen.control is not None and not live and any(group.lag for group in groups):
        text = f"no worker has been heard within {duration(limits.silent_after_s)}"
        yield Finding("unheard", text)


def _shut(live: Iterable[WorkerStatus], pauses: Sequence[PauseStatus], now: float) -> Iterable[Finding]:
    for pause in pauses:
        note = f": {pause.note}" if pause.note else ""
        text = (
            f"{pause.destination} is paused by {pause.by or 'somebody'} since {_since(pause.at, now)}{note}"
        )
        yield Finding(Shut.PAUSED, f"{text}; `encharge-connector resume` ends it")
    found: dict[str, list[tuple[float, str, str]]] = {}
    for worker in live:
        for shut in _dicts(worker.facts.get("shut")):
            since = shut.get("since")
            if isinstance(since, (int, float)):
                closed = float(since), worker.instance, str(shut.get("detail", ""))
                found.setdefault(str(shut.get("reason")), []).append(closed)
    for reason, all_closed in sorted(found.items()):
        if reason == Shut.PAUSED and pauses:
            continue
        since, _, detail = min(all_closed)
        where = f"{len(all_closed)} worker{'s send' if len(all_closed) > 1 else ' sends'} nothing"
        note = f" ({detail})" if detail else ""
        yield Finding(reason, f"{where}: {reason}{note} since {_since(since, now)}")


def _since(at: float, now: float) -> str:
    return duration(max(now - at, 0.0))


def _stuck(seen: Seen, groups: Iterable[GroupStatus], limits: Limits) -> Iterable[Finding]:
    """Give one finding for all partitions of a group that wait for the same."""
    for group in groups:
        stuck: dict[str, list[PartitionStatus]] = {}
        for each in group.partitions:
            is_old = each.oldest_age_s is not None and each.oldest_age_s > limits.stuck_after_s
            if is_old and (group.group, each.partition) in seen.unmoved and each.waits_for is not None:
                stuck.setdefault(each.waits_for["kind"], []).append(each)
        for together in stuck.values():
            yield _stuck_finding(group, together)


def _stuck_finding(group: GroupStatus, together: Sequence[PartitionStatus]) -> Finding:
    numbers = [each.partition for each in together]
    oldest = max(together, key=lambda each: each.oldest_age_s or 0.0)
    many = len(numbers) > 1
    named = ", ".join(map(str, numbers[:MOST_NAMED])) + (", …" if len(numbers) > MOST_NAMED else "")
    what = f"{len(numbers)} partitions do not move ({named})" if many else f"partition {named} does not move"
    waits_for = {} if oldest.waits_for is None else oldest.waits_for
    age, whose = duration(oldest.oldest_age_s or 0.0), "the" if many else "its"
    text = (
        f"{group.stage}: {what}, {whose} oldest record waits since {age}; waits for: {waits_for.get('text')}"
    )
    return Finding("stuck", text, group.group, numbers)


def _configurations(live: Iterable[WorkerStatus]) -> Iterable[Finding]:
    versions: dict[str, dict[str, list[str]]] = {}
    for worker in live:
        destination, version = worker.facts.get("destination"), worker.facts.get("config_version")
        if isinstance(destination, str) and isinstance(version, str):
            versions.setdefault(destination, {}).setdefault(version, []).append(worker.instance)
        problems = worker.facts.get("config_problems")
        if isinstance(problems, list) and problems:
            text = f"{worker.instance} keeps its old configuration, the file is broken: {problems[0]}"
            yield Finding("configuration", text)
    for destination, by_version in versions.items():
        if len(by_version) > 1:
            where = "; ".join(f"{version} on {', '.join(names)}" for version, names in by_version.items())
            text = f"{len(by_version)} versions of destination {destination} are in force: {where}"
            yield Finding("versions", text)
