"""Which partitions are stuck: they hold records, and their watermark has not moved for too long.

An episode begins when a partition gets stuck. It ends when its watermark moves, when all it held is settled,
or when the partition is not ours any more. The detector, which is told the time, tells of an episode at its
beginning and at its end; what is in between is there to be asked.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from connector.delivery.flow import Flow
from connector.delivery.record import Partition
from connector.delivery.waits import Progress, Wait, describe, duration

MOST_NAMED: Final = 20  # partitions that one line names
MOST_DUMPED: Final = 100  # partitions that a dump tells of, about 100 bytes each: those that are stuck first


@dataclass(frozen=True, slots=True)
class Stuck:
    """One partition that is stuck, and since when (monotonic seconds)."""

    partition: Partition
    watermark: int | None
    held: int
    wait: Wait
    since_s: float


class Look(NamedTuple):
    """What changed since the look before: who got stuck, and who moves again."""

    began: list[Stuck]
    moved: list[Partition]


class StuckDetector:
    """Looks at the progress of all partitions every few seconds."""

    def __init__(self, stuck_after_s: float) -> None:
        self._stuck_after_s = stuck_after_s
        self._unmoved: dict[Partition, tuple[int | None, float]] = {}  # watermark, and when it was first seen
        self._stuck: dict[Partition, Stuck] = {}

    @property
    def stuck(self) -> Mapping[Partition, Stuck]:
        """The partitions that are stuck, as of the last look."""
        return self._stuck

    def look(self, progress: Mapping[Partition, Progress], now_s: float) -> Look:
        """Compare with the look before."""
        unmoved: dict[Partition, tuple[int | None, float]] = {}
        stuck: dict[Partition, Stuck] = {}
        for partition, (watermark, held, wait) in progress.items():
            if not held:
                continue
            before, since_s = self._unmoved.get(partition, (watermark, now_s))
            if before != watermark:
                since_s = now_s
            unmoved[partition] = watermark, since_s
            if now_s - since_s >= self._stuck_after_s:
                stuck[partition] = Stuck(partition, watermark, held, wait, since_s)
        began = [each for partition, each in stuck.items() if partition not in self._stuck]
        # Of a partition that went to somebody else it is not known whether it moves.
        moved = [each for each in self._stuck if each not in stuck and each in progress]
        self._unmoved, self._stuck = unmoved, stuck
        return Look(began, moved)


# In words


def by_reason(stuck: Iterable[Stuck], now_s: float) -> list[tuple[str, list[int]]]:
    """Put together who waits for the same: what that is, of the one that waits longest, and their numbers."""
    together: dict[tuple[str, str], list[Stuck]] = {}
    for each in stuck:
        together.setdefault((each.partition.topic, each.wait.kind), []).append(each)
    found = []
    for group in together.values():
        longest = min(group, key=lambda each: (each.since_s, -(each.wait.for_s or 0.0)))
        text = f"{describe(longest.wait)}; watermark unmoved since {duration(now_s - longest.since_s)}"
        found.append((text, sorted(each.partition.partition for each in group)))
    return found


def named(numbers: Sequence[int]) -> str:
    """Name partitions by number, at most MOST_NAMED of them."""
    left_out = len(numbers) - MOST_NAMED
    return ", ".join(map(str, numbers[:MOST_NAMED])) + (f" and {left_out} more" if left_out > 0 else "")


def _line(progress: Progress) -> str:
    return f"watermark {progress.watermark}, held {progress.held}, waits for {describe(progress.wait)}"


def dump(
    progress: Mapping[Partition, Progress],
    stuck: Container[Partition],
    flow: Flow,
    busy: int,
    now_s: float,
) -> dict[str, object]:
    """Give everything there is to know of a worker whose partitions are stuck; no person is named.

    busy  requests, keys and dead letters that are being worked on
    """
    holding = sorted(
        (partition for partition, each in progress.items() if each.held),
        key=lambda partition: (partition not in stuck, partition.topic, partition.partition),
    )
    limiter, gate = flow.limiter, flow.gate
    hold_s = limiter.wait_s(now_s)
    return {
        "partitions": {
            str(partition.partition): _line(progress[partition]) for partition in holding[:MOST_DUMPED]
        },
        "left_out": max(len(holding) - MOST_DUMPED, 0),
        "in_flight": limiter.in_flight,
        "busy": busy,
        "window": limiter.window,
        "pace_per_s": limiter.per_s,
        "next_start_in_s": None if hold_s == float("inf") else round(hold_s, 1),
        "failing_persons": flow.breaker.failing_lanes,
        "shut": {str(reason): duration(now_s - closed.since_s) for reason, closed in gate.reasons.items()},
        "on_trial": gate.on_trial,
    }
