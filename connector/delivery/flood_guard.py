"""Stops a destination that gives up too much: a broken mapping must not drain a topic into the dead letters.

Counted are the requests that ended (delivered or given up); records that hold no event at all are their
producers' matter and not counted. Once tripped it stays so until somebody resumes it or changes the
configuration.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

LEAST: Final = 100  # ended requests before a share means anything


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodPolicy:
    """How much may be given up.

    run    dead letters one after the other; 0 for any number
    share  of the last `of` ended requests; 1 for any share
    """

    run: int = 200
    share: float = 0.2
    of: int = 1000


class FloodGuard:
    """Told how every request ended."""

    def __init__(self, policy: FloodPolicy) -> None:
        self._policy = policy
        self._last: deque[bool] = deque()  # True: given up
        self.given_up = 0  # of the last
        self.run = 0

    def delivered(self) -> None:
        """Note a delivered request."""
        self.run = 0
        self._note(given_up=False)

    def buried(self) -> bool:
        """Note a dead letter; True when it is one too many."""
        self.run += 1
        self._note(given_up=True)
        policy = self._policy
        if policy.run and self.run >= policy.run:
            return True
        enough = len(self._last) >= min(LEAST, policy.of)
        return policy.share < 1 and enough and self.given_up > policy.share * len(self._last)

    def reset(self) -> None:
        """Begin anew."""
        self._last.clear()
        self.given_up = self.run = 0

    def describe(self) -> str:
        """Say what was counted, for people."""
        return f"{self.given_up} of the last {len(self._last)} requests were given up, {self.run} in a row"

    def _note(self, *, given_up: bool) -> None:
        self._last.append(given_up)
        self.given_up += given_up
        if len(self._last) > self._policy.of:
            self.given_up -= self._last.popleft()
