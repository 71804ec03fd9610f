"""Which offsets of a partition are settled, and so where the next owner has to begin.

    committed     next offset to read after a restart, as the broker knows it
    watermark     the same as of now: the first unsettled offset, else one past the last one seen
    completed     offsets settled above the watermark; they travel in the commit metadata

Only offsets that were really received are tracked, so gaps left by compaction and by transaction
markers need no code: nothing ever waits for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Run(NamedTuple):
    """Consecutive offsets, both ends included."""

    first: int
    last: int


class OffsetTracker:
    """The unsettled offsets of one partition, for the length of one assignment.

    committed   what the broker knows, None for a group that never committed here
    completed   settled offsets above `committed`, ascending, as an earlier owner left them
    """

    __slots__ = ("_completed", "_next", "_open")

    def __init__(self, committed: int | None = None, completed: Iterable[Run] = ()) -> None:
        self._next = committed
        self._completed = list(reversed([*completed]))  # the nearest run last, to pop it cheaply
        # Insertion order is offset order; a set would not know its smallest member.
        self._open: dict[int, None] = {}

    @property
    def next_offset(self) -> int | None:
        """One past the last offset seen, None before anything was."""
        return self._next

    @property
    def open_count(self) -> int:
        """How many offsets were received and are not settled."""
        return len(self._open)

    def open(self, offset: int) -> bool:
        """Note that an offset was received; tell whether it has to be worked on.

        It has not when it was received before (a repeated read) or settled by an earlier owner.
        """
        if self._next is not None and offset < self._next:
            return False
        self._next = offset + 1
        completed = self._completed
        while completed and completed[-1].last < offset:
            completed.pop()
        if completed and completed[-1].first <= offset:
            return False
        self._open[offset] = None
        return True

    def is_settled(self, offset: int) -> bool:
        """Tell whether an offset was seen and need not be worked on any more."""
        return self._next is not None and offset < self._next and offset not in self._open

    def settle(self, offset: int) -> None:
        """Note that an open offset is settled."""
        del self._open[offset]

    def rewind(self, offset: int) -> None:
        """Forget everything and begin at an offset below the committed one: the topic was made anew."""
        self._next = offset
        self._completed.clear()
        self._open.clear()

    @property
    def watermark(self) -> int | None:
        """The offset to commit: nothing below it is unsettled."""
        return next(iter(self._open), self._next)

    def completed(self) -> Iterator[Run]:
        """Give the runs of offsets above the watermark that need not be worked on again, ascending.

        Offsets that do not exist are part of the runs; nobody will ever receive them.
        """
        if self._next is None:
            return
        previous = self._next
        for position, offset in enumerate(self._open):
            if position and offset > previous + 1:
                yield Run(previous + 1, offset - 1)
            previous = offset
        if self._open and previous + 1 < self._next:
            yield Run(previous + 1, self._next - 1)
        for run in reversed(self._completed):
            if run.last >= self._next:
                yield Run(max(run.first, self._next), run.last)
