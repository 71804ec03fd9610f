"""Tells an outage of Encharge from trouble with single people's events.

An event that Encharge always answers with 500 fails alone; in an outage everybody fails. It is an outage
when almost all of the last SAMPLE answers failed in passing, and either

    several people (LEAST_LANES) fail at the moment, or
    at least two fail and nobody got through for QUIET_S, or
    Encharge was not even reached LEAST_CERTAIN times in a row: connection refused, name not found, TLS
    trouble. No event can cause that.

What happens in an outage is the gate's matter (connector.delivery.gate).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Final

SAMPLE: Final = 20
FAILING_SHARE: Final = 0.9
LEAST_LANES: Final = 5
LEAST_CERTAIN: Final = 3
QUIET_S: Final = 60.0


class Breaker:
    """Told the outcome of every attempt."""

    def __init__(self, now_s: float) -> None:
        self._last: deque[bool] = deque(maxlen=SAMPLE)  # True: failed in passing
        self._failures = 0  # of these
        self._failing: set[Hashable] = set()  # lanes whose last attempt failed in passing
        self._certain = 0  # failures in a row that no event can cause
        self._got_through_s = now_s

    @property
    def failing_lanes(self) -> int:
        """How many people's last attempt failed in passing."""
        return len(self._failing)

    def got_through(self, lane: Hashable, now_s: float) -> None:
        """Note an answer that shows Encharge at work, also one that refuses."""
        self._certain = 0
        self._got_through_s = now_s
        self._note(failed=False)
        if self._failing:
            self._failing.discard(lane)

    def failed(self, lane: Hashable, now_s: float, *, certain: bool) -> bool:
        """Note a failure in passing, `certain` when no event can cause it; True for an outage."""
        self._note(failed=True)
        self._failing.add(lane)
        self._certain = self._certain + 1 if certain else 0
        if self._certain >= LEAST_CERTAIN:
            return True
        if self._failures < FAILING_SHARE * len(self._last):
            return False
        if len(self._failing) >= LEAST_LANES:
            return True
        return len(self._failing) >= 2 and now_s - self._got_through_s >= QUIET_S

    def forget(self, lane: Hashable) -> None:
        """Note that what failed was given up."""
        self._failing.discard(lane)

    def moved(self) -> None:
        """Note that the people are others now: partitions were assigned anew."""
        self._failing.clear()

    def reset(self, now_s: float) -> None:
        """Begin anew, after an outage."""
        self._last.clear()
        self._failing.clear()
        self._failures = self._certain = 0
        self._got_through_s = now_s

    def _note(self, *, failed: bool) -> None:
        if len(self._last) == SAMPLE:
            self._failures -= self._last[0]
        self._last.append(failed)
        self._failures += failed
