"""Which requests go wrong and how: pure decisions, told the time and the throw of the dice.

The order is fixed: stall, outage, 401 for everybody, what Encharge itself refuses, failing people and
matches, limits, and last the rates. So chance only strikes requests that would be accepted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from itertools import accumulate

from connector.simulator.config import SimulatorConfig
from connector.simulator.encharge import Call, Demand, Refusal
from connector.simulator.latency import parse_latency

WINDOWS = ("outage_s", "stall_s", "unauthorized_s")


@dataclass(frozen=True, slots=True)
class Accept:
    """Act on the request; with `reply_lost` nobody is told."""

    demand: Demand
    reply_lost: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer a status and do nothing; `fault` is the setting it comes from, "" for Encharge's own refusal."""

    status: int
    code: str
    message: str
    fault: str = ""
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Vanish:
    """Reset the connection after a while and do nothing."""

    fault: str
    after_s: float = 0.0


Verdict = Accept | Refuse | Vanish


class Faults:
    """The faults of one configuration and what is left of them."""

    def __init__(self, config: SimulatorConfig, now_s: float) -> None:
        self._ends_s = dict.fromkeys(WINDOWS, 0.0)
        self._allowance = self._counted_at_s = 0.0
        self.configure(config, changed=[*WINDOWS, "fail_matching", "max_requests_per_second"], now_s=now_s)

    def configure(self, config: SimulatorConfig, *, changed: Collection[str], now_s: float) -> None:
        """Take a configuration; only windows and counters among the settings `changed` start again."""
        self._config = config
        self._latency = parse_latency(config.latency)
        self._rates = tuple(config.rates())
        self._thresholds = tuple(accumulate(config.rates().values()))
        for window in WINDOWS:
            if window in changed:
                self._ends_s[window] = now_s + getattr(config, window)
        if "fail_matching" in changed:
            self._matched = [0] * len(config.fail_matching)
        if "max_requests_per_second" in changed:
            self._allowance, self._counted_at_s = self._burst, now_s

    def left_s(self, window: str, now_s: float) -> float:
        """Give how long a window stays open."""
        return max(0.0, self._ends_s[window] - now_s)

    def delay_s(self, roll: float) -> float:
        """Give how long this answer takes."""
        return self._latency(roll) if self._latency else 0.0

    def judge(
        self, call: Call, demand: Demand | Refusal, *, in_flight: int, now_s: float, roll: float
    ) -> Verdict:
        """Decide about one request; `in_flight` counts it too, `roll` is in [0, 1)."""
        if self.left_s("outage_s", now_s):
            return _refuse(503, "outage_s")
        if self.left_s("unauthorized_s", now_s):
            return _refuse(401, "unauthorized_s")
        if isinstance(demand, Refusal):
            return Refuse(demand.status, demand.code, demand.message)
        return (
            self._chosen_people(demand)
            or self._chosen_requests(call)
            or self._limits(in_flight, now_s)
            or self._chance(demand, roll)
        )

    def _chosen_people(self, demand: Demand) -> Verdict | None:
        failing = self._config.fail_people
        if not failing:
            return None
        status = next((failing[one] for one in demand.ids.values() if one in failing), None)
        return None if status is None else _refuse(status, "fail_people")

    def _chosen_requests(self, call: Call) -> Verdict | None:
        for index, rule in enumerate(self._config.fail_matching):
            if (
                (not rule.path or rule.path == call.path)
                and (not rule.method or rule.method == call.method)
                and rule.contains.encode() in (call.body or call.query.encode())
                and (not rule.times or self._matched[index] < rule.times)
            ):
                self._matched[index] += 1
                return _refuse(rule.status, "fail_matching", rule.retry_after)
        return None

    def _limits(self, in_flight: int, now_s: float) -> Verdict | None:
        if 0 < self._config.max_concurrent < in_flight:
            return _refuse(429, "max_concurrent", self._config.retry_after)
        if self._config.max_requests_per_second and not self._allowed(now_s):
            return _refuse(429, "max_requests_per_second", self._config.retry_after)
        return None

    @property
    def _burst(self) -> float:
        return max(1.0, self._config.max_requests_per_second)  # what a second's silence saves up

    def _allowed(self, now_s: float) -> bool:
        earned = (now_s - self._counted_at_s) * self._config.max_requests_per_second
        self._allowance, self._counted_at_s = min(self._burst, self._allowance + earned), now_s
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _chance(self, demand: Demand, roll: float) -> Verdict:
        place = bisect_right(self._thresholds, roll)
        if place == len(self._rates):
            return Accept(demand)
        match self._rates[place]:
            case "rate_lost_reply":
                return Accept(demand, reply_lost=True)
            case "rate_hang":
                return Vanish("rate_hang", self._config.hang_s)
            case "rate_reset":
                return Vanish("rate_reset")
            case "rate_429":
                return _refuse(429, "rate_429", self._config.retry_after)
            case rate:
                return _refuse(int(rate.removeprefix("rate_")), rate)


def _refuse(status: int, fault: str, retry_after: str = "") -> Refuse:
    return Refuse(status, "simulated", f"This answer is the simulator's {fault}.", fault, retry_after)
