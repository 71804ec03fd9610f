"""In which order ready lanes are served: in turn, long ones and short ones alternately.

The events of one person go one after the other, so it is the longest lane that sets when a backlog is done.
Behind thousands of short lanes it would stand still for a while at every refill. Long lanes therefore queue
by themselves, and every second worker that comes serves one of them: a long lane waits for other long ones
only, and the short ones have at least half of the window.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from connector.delivery.lane import Lane

LONG: Final = 8  # records; a person with fewer is done before it matters


class ReadyLanes:
    """The lanes that can be served now."""

    __slots__ = ("_long", "_long_is_next", "_short")

    def __init__(self) -> None:
        self._short: deque[Lane] = deque()
        self._long: deque[Lane] = deque()
        self._long_is_next = True

    def __len__(self) -> int:
        return len(self._short) + len(self._long)

    def __bool__(self) -> bool:
        return bool(self._short or self._long)

    def __iter__(self) -> Iterator[Lane]:
        yield from self._long
        yield from self._short

    def append(self, lane: Lane) -> None:
        """Put a lane behind the others of its kind."""
        (self._long if len(lane.works) >= LONG else self._short).append(lane)

    def put_back(self, lane: Lane) -> None:
        """Put a lane that was taken and not served before the others."""
        is_long = len(lane.works) >= LONG
        (self._long if is_long else self._short).appendleft(lane)
        self._long_is_next = is_long

    def take(self) -> Lane:
        """Take the lane whose turn it is.

        Raises: IndexError when none is ready
        """
        if self._long and (self._long_is_next or not self._short):
            self._long_is_next = False
            return self._long.popleft()
        self._long_is_next = True
        return self._short.popleft()
