"""When only a restart can mend a worker; told what is seen of it and the time.

    poll_hangs       its reader has not come back from Kafka for longer than the group waits, and no rebalance
                     goes on: during one, Kafka may keep it waiting for as long as Kafka is away
    revoke_hangs     partitions are being given back for as long; that is our own work, and has deadlines
    task_ended       a reader or an agent ended that nobody stopped
    app_crashed      Faust gave up
    partition_stuck  a partition is stuck for very long on something of our own

Everything else is the world's doing, and no restart ends it: an outage, a refused key, a pause, a flood,
retries, a dead-letter topic that cannot be written, a lease that ran out, Encharge's pace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from connector.delivery.stuck import Stuck, named
from connector.delivery.waits import Wait, WaitKind, describe, duration

VERY_LONG: Final = 3.0  # times CONNECTOR_STUCK_AFTER
FAR_BEYOND: Final = 10.0  # times CONNECTOR_REQUEST_TIMEOUT; the sender itself ends an attempt at once that


class Dead(StrEnum):
    """Why a worker is not live. Stable: codes of /live."""

    POLL_HANGS = "poll_hangs"
    REVOKE_HANGS = "revoke_hangs"
    TASK_ENDED = "task_ended"
    APP_CRASHED = "app_crashed"
    PARTITION_STUCK = "partition_stuck"


@dataclass(frozen=True, slots=True)
class HealthReason:
    """Why a worker is not live or not ready: code, what to read, and the topic if it is about one."""

    code: str
    text: str
    topic: str = ""


@dataclass(frozen=True, slots=True)
class ReaderVitals:
    """What is seen of a reader; times are monotonic, None for what is not going on.

    is_reading   it has an assignment, and no rebalance goes on
    polled_s     when it last asked Kafka for something
    revoking_s   since when it gives partitions back
    ended        what of it ended that nobody stopped
    """

    topic: str
    is_reading: bool
    polled_s: float | None
    revoking_s: float | None
    ended: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Vitals:
    """What is seen of a worker.

    has_crashed  Faust gave up
    stuck        partitions that are stuck
    busy         requests, keys and dead letters that are being worked on
    """

    readers: Sequence[ReaderVitals]
    has_crashed: bool
    stuck: Sequence[Stuck] = ()
    busy: int = 0


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """The settings that have a say, in seconds."""

    poll_s: float
    stuck_after_s: float
    request_timeout_s: float


def dead_reasons(vitals: Vitals, limits: LiveLimits, now_s: float) -> list[HealthReason]:
    """Say why only a restart can mend the worker; empty while it is live."""
    found = []
    if vitals.has_crashed:
        found.append(HealthReason(Dead.APP_CRASHED, "the Faust application crashed, the log says why"))
    for reader in vitals.readers:
        found += _of_reader(reader, limits, now_s)
    found += _of_partitions(vitals, limits, now_s)
    return found


def _of_reader(reader: ReaderVitals, limits: LiveLimits, now_s: float) -> Iterator[HealthReason]:
    topic = reader.topic
    if reader.ended:
        yield HealthReason(Dead.TASK_ENDED, f"{', '.join(reader.ended)} ended", topic)
    if not reader.is_reading and reader.revoking_s is not None and now_s - reader.revoking_s > limits.poll_s:
        since = duration(now_s - reader.revoking_s)
        yield HealthReason(Dead.REVOKE_HANGS, f"partitions are being given back since {since}", topic)
    elif reader.is_reading and reader.polled_s is not None and now_s - reader.polled_s > limits.poll_s:
        since = duration(now_s - reader.polled_s)
        yield HealthReason(Dead.POLL_HANGS, f"the reader has not come back from Kafka since {since}", topic)


def _of_partitions(vitals: Vitals, limits: LiveLimits, now_s: float) -> Iterator[HealthReason]:
    stuck: dict[tuple[str, WaitKind], list[Stuck]] = {}
    for each in _very_long(vitals.stuck, limits, now_s):
        if is_our_own(each.wait, vitals.busy, limits):
            stuck.setdefault((each.partition.topic, each.wait.kind), []).append(each)
    for (topic, _), together in stuck.items():
        longest = min(together, key=lambda each: each.since_s)
        numbers = sorted(each.partition.partition for each in together)
        text = (
            f"partition {named(numbers)} does not move since {duration(now_s - longest.since_s)};"
            f" waits for {describe(longest.wait)}"
        )
        yield HealthReason(Dead.PARTITION_STUCK, text, topic)


def _very_long(stuck: Iterable[Stuck], limits: LiveLimits, now_s: float) -> Iterator[Stuck]:
    return (each for each in stuck if now_s - each.since_s >= VERY_LONG * limits.stuck_after_s)


def is_our_own(wait: Wait, busy: int, limits: LiveLimits) -> bool:
    """Tell whether a wait is a defect of ours, and not the world's doing."""
    too_long_s = FAR_BEYOND * limits.request_timeout_s
    match wait.kind:
        case WaitKind.REQUEST:  # the sender ends each attempt in time
            return (wait.for_s or 0.0) > too_long_s
        case WaitKind.RETRY:
            return (wait.under_way_s or 0.0) > too_long_s
        case WaitKind.TURN | WaitKind.WINDOW:  # there is room, or a full window, and nobody at work
            return not busy
        case WaitKind.NOTHING:  # a record is held, and no lane has it
            return True
        case _:
            return False
