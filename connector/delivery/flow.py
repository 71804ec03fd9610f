"""Whether the next request may start, from everything that has a say in it: gate, breaker, limiter, guard.

One flow belongs to one destination in one worker and outlives assignments: what was learned of Encharge
stays true when partitions move.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import structlog

from connector.delivery.breaker import Breaker
from connector.delivery.codes import UNREADABLE_PREFIX
from connector.delivery.flood_guard import FloodGuard, FloodPolicy
from connector.delivery.gate import Gate, Shut
from connector.delivery.limiter import Limiter, LimiterPolicy
from connector.delivery.outcome import (
    NEVER_THE_EVENT,
    Delivered,
    Outcome,
    Rejected,
    Throttled,
    Transient,
    Unauthorized,
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPolicy:
    """What the operator allows."""

    limiter: LimiterPolicy
    flood: FloodPolicy


class Flow:
    """Told of every start and every outcome."""

    def __init__(self, policy: FlowPolicy, now_s: float) -> None:
        self.gate = Gate(now_s)
        self.limiter = Limiter(policy.limiter, now_s)
        self.breaker = Breaker(now_s)
        self.flood = FloodGuard(policy.flood)

    def wait_s(self, now_s: float) -> float:
        """Give the seconds until another request may start; infinite when something has to happen before."""
        if self.gate.is_open:
            return self.limiter.wait_s(now_s)
        return self.gate.trial_in_s(now_s)

    @property
    def room(self) -> int:
        """How many requests may start at once, as far as their number goes."""
        return max(self.limiter.window - self.limiter.in_flight, 0) if self.gate.is_open else 1

    def start(self, now_s: float) -> bool:
        """Note that a request starts; True when it is a trial."""
        self.limiter.start(now_s)
        if self.gate.is_open:
            return False
        self.gate.begin_trial()
        return True

    def give_back(self, now_s: float, *, trial: bool) -> None:
        """Note that a request ended without telling anything of Encharge."""
        self.limiter.cancel()
        if trial:
            self.gate.end_trial(now_s, got_through=False)

    def ended(self, lane: Hashable, outcome: Outcome, *, latency_s: float, now_s: float, trial: bool) -> bool:
        """Note what a request came to; True when the gate opened, and everybody may go on."""
        match outcome:
            case Delivered() | Rejected():
                self.limiter.delivered(latency_s, now_s)
                self.breaker.got_through(lane, now_s)
                got_through = True
                if type(outcome) is Delivered:
                    self.flood.delivered()
            case Throttled(status=503):
                self.limiter.overloaded(now_s)
                got_through = False
            case Throttled():
                self.limiter.throttled(outcome.retry_after_s, now_s)
                self.breaker.got_through(lane, now_s)
                got_through = True
            case Transient():
                self._failed(lane, outcome, now_s)
                got_through = False
            case Unauthorized():
                self.limiter.cancel()
                got_through = False
                if self.gate.shut(Shut.CREDENTIALS, now_s, f"HTTP {outcome.status}"):
                    log.error(
                        "Encharge refuses the key, nothing is sent until it works", status=outcome.status
                    )
        if trial:
            return self._opened(self.gate.end_trial(now_s, got_through=got_through), now_s)
        if got_through and Shut.OUTAGE in self.gate.reasons:
            return self._opened(self.gate.open(Shut.OUTAGE, now_s), now_s)
        return False

    def _failed(self, lane: Hashable, outcome: Transient, now_s: float) -> None:
        if outcome.reason in ("timeout", "503"):
            self.limiter.overloaded(now_s)
        else:
            self.limiter.cancel()
        certain = outcome.reason in NEVER_THE_EVENT
        if self.breaker.failed(lane, now_s, certain=certain) and self.gate.shut(
            Shut.OUTAGE, now_s, outcome.reason
        ):
            log.error("Encharge is out, trying one request at a time", reason=outcome.reason)

    def buried(self, lane: Hashable, code: str, now_s: float) -> None:
        """Note a dead letter."""
        self.breaker.forget(lane)
        if code.startswith(UNREADABLE_PREFIX):
            return
        if self.flood.buried() and self.gate.shut(Shut.FLOOD, now_s, self.flood.describe()):
            log.error(
                "too many dead letters, nothing is sent until somebody resumes", found=self.flood.describe()
            )

    def resume(self, reason: Shut, now_s: float) -> bool:
        """Take back a reason that people or configurations give; True when the gate opened."""
        if reason is Shut.FLOOD:
            self.flood.reset()
        return self._opened(self.gate.open(reason, now_s), now_s)

    def _opened(self, opened: bool, now_s: float) -> bool:
        if opened:
            self.breaker.reset(now_s)
            self.limiter.restart()
            log.info("sending goes on")
        return opened
