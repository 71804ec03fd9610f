"""Whether anything may be sent at the moment, and if not, why; the time it is shut counts against nobody.

    reason        shut by                              opened by
    outage        the breaker                          a trial that gets through
    credentials   401 or 403                           a key that works, then a trial that gets through
    flood         the flood guard                      somebody: resume, or another configuration
    paused        somebody: pause                      somebody: resume
    disabled      enabled: false, when_disabled: hold  the configuration

A trial is one request sent while the gate is shut for outage or credentials, and for nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

FIRST_TRIAL_S: Final = 1.0
LONGEST_TRIAL_PAUSE_S: Final = 30.0


class Shut(StrEnum):
    """Why nothing is sent. Stable: metric label, reason of /ready, shown by status."""

    OUTAGE = "outage"
    CREDENTIALS = "credentials"
    FLOOD = "flood"
    PAUSED = "paused"
    DISABLED = "disabled"


_TRIABLE: Final = frozenset((Shut.OUTAGE, Shut.CREDENTIALS))


class Closed(NamedTuple):
    """Since when the gate is shut for a reason (monotonic seconds), and details for people."""

    since_s: float
    detail: str


class Gate:
    """Open, or shut for one or several reasons."""

    def __init__(self, now_s: float) -> None:
        self._closed: dict[Shut, Closed] = {}
        self._shut_since_s = now_s
        self._shut_s = 0.0  # in all, up to the last opening
        self._trial_at_s = now_s
        self._trial_pause_s = FIRST_TRIAL_S
        self.on_trial = False
        self.is_open = True

    @property
    def reasons(self) -> Mapping[Shut, Closed]:
        """Why the gate is shut; empty when it is open."""
        return self._closed

    def shut(self, reason: Shut, now_s: float, detail: str = "") -> bool:
        """Shut for a reason; True when it was not shut for that reason before."""
        if reason in self._closed:
            self._closed[reason] = Closed(self._closed[reason].since_s, detail)
            return False
        if self.is_open:
            self._shut_since_s = now_s
            self.is_open = False
        self._closed[reason] = Closed(now_s, detail)
        if reason in _TRIABLE:
            self._trial_pause_s = FIRST_TRIAL_S
            self._trial_at_s = now_s + FIRST_TRIAL_S
        return True

    def open(self, reason: Shut, now_s: float) -> bool:
        """Take back a reason; True when the gate is open now and was not."""
        if self._closed.pop(reason, None) is None or self._closed:
            return False
        self._shut_s += now_s - self._shut_since_s
        self.is_open = True
        return True

    def fair_s(self, now_s: float) -> float:
        """Give a clock that stands still while the gate is shut."""
        return (now_s if self.is_open else self._shut_since_s) - self._shut_s

    # Trials

    @property
    def allows_trials(self) -> bool:
        """Whether nothing but trials can show that sending may go on; true also while the gate is open."""
        return self._closed.keys() <= _TRIABLE

    def trial_in_s(self, now_s: float) -> float:
        """Give the seconds until a trial may start; infinite when none may."""
        if self.on_trial or not self.allows_trials:
            return float("inf")
        return max(self._trial_at_s - now_s, 0.0)

    def try_soon(self, now_s: float) -> None:
        """Let the next trial start at once: there is a new key."""
        self._trial_at_s = now_s
        self._trial_pause_s = FIRST_TRIAL_S

    def begin_trial(self) -> None:
        """Note that the one request starts."""
        self.on_trial = True

    def end_trial(self, now_s: float, *, got_through: bool) -> bool:
        """Note what became of it; True when the gate is open now."""
        self.on_trial = False
        if got_through:
            opened = [self.open(reason, now_s) for reason in _TRIABLE]
            return any(opened)
        self._trial_pause_s = min(self._trial_pause_s * 2.0, LONGEST_TRIAL_PAUSE_S)
        self._trial_at_s = now_s + self._trial_pause_s
        return False
