"""What a process counted by when: its totals at some moments of the last day, the nearer the denser.

A mark says what the totals were at a moment. Marks are thinned with age and never changed, so the count of a
time between two marks is a difference, and no event is counted twice or lost, whatever was thinned.

    of the last     minute     hour       day
    a mark each     5 s        minute     quarter of an hour, and the newest one that is older

As JSON (a record of the control topic), without zeros:

    {"v": 1, "started_at": epoch seconds, "at": epoch seconds,
     "ended": true when nothing will be counted any more,
     "totals": {name: count, ...}, as of `at`
     "ages": [86340.0, ..., 5.0], seconds of each mark before `at`, oldest first
     "counts": {name: [12, -3, 7, ...], ...}}

`counts` has what was counted from each mark to the next, and from the last one to `at`; -3 stands for three
zeros, and zeros at the end are left out. What was counted before the first mark is the rest of the total.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import sub
from typing import Any, Final, NamedTuple, TypeGuard

import orjson

from connector.delivery.totals import Totals

VERSION: Final = 1
MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0

Steps = tuple[tuple[float, float], ...]


def _steps(minute_s: float, hour_s: float, day_s: float) -> Steps:
    """Give up to which age there is one mark in so many seconds.

    A bit longer than the window, so that a mark is left at which the window can begin.
    """
    windows = (MINUTE_S, minute_s), (HOUR_S, hour_s), (DAY_S, day_s)
    return tuple((window_s + 2 * step_s, step_s) for window_s, step_s in windows)


# Each step is a multiple of the one before it.
STEPS: Final = _steps(5.0, 60.0, 900.0)
# What is tried in turn when that is too large to be told.
COARSER: Final = (
    _steps(10.0, 120.0, 1800.0),
    _steps(15.0, 300.0, 3600.0),
    _steps(30.0, 600.0, 7200.0),
    _steps(60.0, 1200.0, 10_800.0),
    _steps(60.0, 1800.0, 14_400.0),
)
LARGEST_BYTES: Final = 20_000  # as JSON; more only when the fewest marks take more
MOST_MARKS: Final = 1000  # that are read
LARGEST_COUNT: Final = 2**53


class Mark(NamedTuple):
    """The totals at a moment, in epoch seconds."""

    at: float
    totals: Totals


@dataclass(frozen=True, slots=True)
class Told:
    """What one process told of its counts.

    totals  as of `at`
    times   of the marks, oldest first
    counts  from each mark to the next, the last one to `at`; zeros at the end may be missing
    """

    started_at: float
    at: float
    totals: Totals
    times: Sequence[float]
    counts: Mapping[str, Sequence[int]]
    ended: bool = False

    def since(self, moment: float) -> tuple[float, dict[str, int]]:
        """Give what was counted since the newest mark that is not younger than a moment, and when that was.

        When all marks are younger it is the oldest one. The last word is one, too.
        """
        if moment >= self.at:
            return self.at, {}
        index = max(bisect_right(self.times, moment) - 1, 0)
        return self.times[index], {name: sum(counts[index:]) for name, counts in self.counts.items()}

    def then(self, at: float, totals: Totals) -> Told:
        """Give this with other totals of the same process, as far as they are larger; `at` becomes a mark."""
        number, counts, most = len(self.times), dict(self.counts), dict(self.totals)
        for name, total in totals.items():
            more = total - most.get(name, 0)
            if more > 0:
                before = self.counts.get(name, ())
                counts[name] = [*before, *[0] * (number - len(before)), more]
                most[name] = total
        return Told(self.started_at, max(at, self.at), most, (*self.times, self.at), counts, self.ended)


class History:
    """The marks of this process, from its start on."""

    def __init__(self, started_at: float) -> None:
        self._started_at = started_at
        self._marks = [Mark(started_at, {})]

    def is_due(self, at: float) -> bool:
        """Tell whether a mark of this moment would be kept."""
        step_s = STEPS[0][1]
        return at // step_s > self._marks[-1].at // step_s

    def mark(self, at: float, totals: Totals) -> None:
        """Keep the totals of now; a clock that went back stands still."""
        newest = Mark(max(at, self._marks[-1].at), totals)
        self._marks = thinned([*self._marks, newest], newest.at, STEPS)

    def told(
        self, at: float, totals: Totals, *, ended: bool = False, largest_bytes: int = LARGEST_BYTES
    ) -> dict[str, Any]:
        """Give it as JSON with the totals of now, with fewer marks when it would be too large."""
        newest = Mark(max(at, self._marks[-1].at), totals)
        written = self._written(self._marks, newest, ended=ended)
        size, number = len(orjson.dumps(written)), len(self._marks)
        for steps in COARSER:
            if size <= largest_bytes:
                break
            marks = thinned(self._marks, newest.at, steps)
            if size * len(marks) > largest_bytes * number and steps is not COARSER[-1]:
                continue  # by its share of the marks it would still be too large
            written = self._written(marks, newest, ended=ended)
            size, number = len(orjson.dumps(written)), len(marks)
        return written

    def _written(self, marks: Sequence[Mark], newest: Mark, *, ended: bool) -> dict[str, Any]:
        return {
            "v": VERSION,
            "started_at": round(self._started_at, 3),
            "at": round(newest.at, 3),
            "ended": ended,
            "totals": dict(newest.totals),
            "ages": [round(newest.at - mark.at, 1) for mark in marks],
            "counts": dict(_columns([*marks, newest])),
        }


def thinned(marks: Iterable[Mark], now: float, steps: Steps) -> list[Mark]:
    """Keep the first mark of each step, a step being as long as the age of the mark says.

    The step is a cell of the clock, so that a mark which is first in a long one was first in the short one.
    """
    kept: list[Mark] = []
    for mark in marks:
        step_s = next((step_s for age_s, step_s in steps if now - mark.at <= age_s), None)
        if step_s is None:  # older than a day and a bit: only the newest of these
            kept = [mark]
        elif not kept or mark.at // step_s != kept[-1].at // step_s:
            kept.append(mark)
    return kept


def from_json(value: Any) -> Told | None:
    """Read it back; None for what is no such value, or one of a future version."""
    if not isinstance(value, dict) or value.get("v") != VERSION:
        return None
    at, started_at, ages, counts = (value.get(name) for name in ("at", "started_at", "ages", "counts"))
    totals = read_totals(value.get("totals"))
    if not is_time(at) or not is_time(started_at) or totals is None or not isinstance(counts, dict):
        return None
    if not isinstance(ages, list) or not 0 < len(ages) <= MOST_MARKS or not all(map(is_time, ages)):
        return None
    if any(older < younger for older, younger in pairwise(ages)):
        return None
    read: dict[str, Sequence[int]] = {}
    for name, runs in counts.items():
        column = _from_runs(runs, len(ages))
        if column is None or sum(column) > totals.get(name, 0):
            return None
        read[name] = column
    times = [at - age for age in ages]
    return Told(started_at, at, totals, times, read, value.get("ended") is True)


def read_totals(value: Any) -> dict[str, int] | None:
    """Read totals that came as JSON; None for what is none."""
    if isinstance(value, dict) and all(map(is_count, value.values())):
        return value
    return None


def is_count(value: Any) -> bool:
    """Tell whether this may be a count."""
    return type(value) is int and 0 <= value <= LARGEST_COUNT


def is_time(value: Any) -> TypeGuard[float]:
    """Tell whether this may be a time, or an age, in seconds."""
    return type(value) in (int, float) and 0 <= value < 1e11  # of the year 5138


def _columns(marks: Sequence[Mark]) -> Iterator[tuple[str, list[int]]]:
    """Give what was counted from mark to mark, by name."""
    for name, total in marks[-1].totals.items():
        values = [mark.totals.get(name, 0) for mark in marks]
        if values[0] != total:
            yield name, _to_runs(list(map(sub, values[1:], values)))


def _to_runs(column: list[int]) -> list[int]:
    if 0 not in column:
        return column
    runs: list[int] = []
    for count in column:
        if count:
            runs.append(count)
        elif runs and runs[-1] < 0:
            runs[-1] -= 1
        else:
            runs.append(-1)
    if runs[-1] < 0:
        runs.pop()
    return runs


def _from_runs(runs: Any, length: int) -> list[int] | None:
    column: list[int] = []
    for run in runs if isinstance(runs, list) else [None]:
        if type(run) is not int or not -length <= run <= LARGEST_COUNT:
            return None
        column += [0] * -run if run < 0 else [run]
        if len(column) > length:
            return None
    return column
