"""What follows one attempt: settle, try again later, or give up.

Waits have full jitter: uniform between 0 and min(cap, base * 2^(attempt - 1)), never less than what
Encharge asked for. A request that keeps failing is given up when it is older than the window; being
throttled or unauthorized is nobody's fault: it never gives up, and the window begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from connector.delivery.codes import RETRY_WINDOW
from connector.delivery.outcome import Delivered, Outcome, Rejected, Throttled, Transient, Unauthorized


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long and how often."""

    window_s: float = 4 * 3600.0
    base_s: float = 1.0
    cap_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Settle:
    """Nothing more to do."""


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Try the same request again after so many seconds."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Write a dead letter with this code."""

    code: str


Step: TypeAlias = Settle | RetryIn | GiveUp


def next_step(policy: RetryPolicy, outcome: Outcome, *, attempt: int, age_s: float, roll: float) -> Step:
    """Decide what follows attempt number `attempt` (from 1).

    age_s  since the first attempt of this request, or the last that was throttled or unauthorized; times
           in which nothing could be sent do not count (Gate.fair_s)
    roll   in [0, 1), the jitter
    """
    match outcome:
        case Delivered():
            return Settle()
        case Rejected():
            return GiveUp(outcome.code)
        case Transient() if age_s >= policy.window_s:
            return GiveUp(RETRY_WINDOW)
        case Transient(retry_after_s=asked_s) | Throttled(retry_after_s=asked_s):
            return RetryIn(max(asked_s or 0.0, backoff_s(policy, attempt, roll)))
        case Unauthorized():
            return RetryIn(backoff_s(policy, attempt, roll))


def backoff_s(policy: RetryPolicy, attempt: int, roll: float) -> float:
    """Draw the wait after an attempt."""
    # The exponent is bounded: 2.0 ** 1024 overflows under a patient policy.
    return roll * min(policy.cap_s, policy.base_s * 2.0 ** min(attempt - 1, 32))
