"""Which log lines are left out because the same one was written again and again; told the time.

Of lines that are the same, `most` are let through in a window, which begins with the first of them. The
others are counted, and the next line after the window tells how many there were: a line that is the same
carries the count, and before a line of any other kind one line is made for it.

At most `most_kinds` kinds are known at a time. One that comes beyond that takes the place of the oldest,
whose count is told before it is forgotten.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

MOST: Final = 20
WINDOW_S: Final = 60.0
MOST_KINDS: Final = 500

Line = TypeVar("Line")


class LeftOut(NamedTuple, Generic[Line]):
    """The last line of a kind that was left out, and how many were."""

    line: Line
    repeated: int


class Noted(NamedTuple, Generic[Line]):
    """What to do about a line.

    before    to be told first: lines of other kinds whose window is over
    shown     whether the line is to be written
    repeated  how many of its kind were left out before it
    """

    before: Iterable[LeftOut[Line]]
    shown: bool
    repeated: int


@dataclass(slots=True)
class _Window(Generic[Line]):
    """One kind of line: since when, how many in all and how many of these left out, and the last of those."""

    began_s: float
    seen: int = 0
    left_out: int = 0
    last: Line | None = None


class Repeats(Generic[Line]):
    """Counts lines by kind: what makes two lines the same is the caller's to say."""

    def __init__(self, most: int = MOST, window_s: float = WINDOW_S, most_kinds: int = MOST_KINDS) -> None:
        self._most, self._window_s, self._most_kinds = most, window_s, most_kinds
        self._windows: dict[Hashable, _Window[Line]] = {}  # in the order in which they began

    def __len__(self) -> int:
        return len(self._windows)

    def note(self, kind: Hashable, line: Line, now_s: float) -> Noted[Line]:
        """Note a line that is about to be written."""
        before: list[LeftOut[Line]] = []
        repeated = 0
        for name, window in self._take(kind, now_s):
            if name == kind:
                repeated = window.left_out
            else:
                before += _told(window)
        window = self._windows.setdefault(kind, _Window(now_s))
        window.seen += 1
        shown = window.seen <= self._most
        if not shown:
            window.left_out += 1
            window.last = line
        return Noted(before, shown, repeated)

    def end(self) -> Iterator[LeftOut[Line]]:
        """Give all that was left out and not told yet."""
        windows, self._windows = self._windows, {}
        for window in windows.values():
            yield from _told(window)

    def _take(self, kind: Hashable, now_s: float) -> Iterator[tuple[Hashable, _Window[Line]]]:
        """Take out the windows that are over, and the oldest if there is no place for another kind."""
        while self._windows:
            name, window = next(iter(self._windows.items()))
            is_crowded = kind not in self._windows and len(self._windows) >= self._most_kinds
            if now_s - window.began_s < self._window_s and not is_crowded:
                return
            del self._windows[name]
            yield name, window


def _told(window: _Window[Line]) -> Iterator[LeftOut[Line]]:
    if window.last is not None:
        yield LeftOut(window.last, window.left_out)
