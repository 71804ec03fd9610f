"""How many requests may be under way at once, and how fast they may start.

Two controls, because two things can be too much for Encharge:

    window   requests under way. Slow start doubles it with every round of answers until the first sign of
             overload; then it shrinks by half the share of marked answers (as DCTCP, RFC 8257, does) and
             grows by one a round. A mark is a 503 with Retry-After, a timeout, or an answer that took
             far longer than usual. Up to NOISE of marks are taken for chance
    pace     requests a second. Unlimited until more than REFUSED_SHARE of a second's answers say 429, and
             at least REFUSED_LEAST; then a little more than the most that was accepted in a second of late,
             and GROWTH more with every second in which at most STRAY_SHARE say it. When most answers say
             429 with a time, nothing starts until it is over

Over both stands the ceiling, the operator's budget of requests a second. The budget is the account's:
each worker takes the share of it that it has of the partitions.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

NOISE: Final = 0.05
GROWTH: Final = 0.05
GAIN: Final = 0.25  # of the moving average of marked shares
FIRST_WINDOW: Final = 32.0
SLOW_FACTOR: Final = 4.0  # an answer is slow beyond so many times the usual
SLOW_FLOOR_S: Final = 1.0  # and beyond this: below, our own work weighs more than Encharge's
USUAL_GAIN: Final = 0.01
ROUND_S: Final = 1.0  # of the pace
ROUNDS: Final = 10  # that the pace remembers: one slow second does not make it slow
REFUSED_SHARE: Final = 0.1  # fewer are not worth a slower pace: each of them waits by itself
REFUSED_LEAST: Final = 5  # one of three in a quiet second says nothing of the next thousand
STRAY_SHARE: Final = 0.03  # these do not keep the pace from growing, or it would stay slow for good
HEADROOM: Final = 1.05  # over what was accepted, or the pace would never find out that more is allowed
HOLD_SHARE: Final = 0.5  # of answers that say 429 with a time: then the time is meant for all
HOLD_LEAST: Final = 5  # answers in a round before that is believed
BURST_S: Final = 0.05  # of saved-up starts: none comes early by more
FORGET_S: Final = 60.0  # without a 429 the pace is unlimited again


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterPolicy:
    """What the operator allows.

    most_in_flight  requests under way at once
    ceiling_per_s   requests a second for the whole account, None for no ceiling
    """

    most_in_flight: int
    ceiling_per_s: float | None = None


class Limiter:
    """The state of both controls; told when requests start and what came of them."""

    def __init__(self, policy: LimiterPolicy, now_s: float) -> None:
        self._policy = policy
        self._window = _Window(policy.most_in_flight)
        self._pace = _Pace(now_s)
        self._share = 1.0
        self.in_flight = 0
        self._bucket_s = now_s  # the earliest start of the next request, if all were evenly spread

    @property
    def window(self) -> int:
        """Requests that may be under way at once."""
        return int(self._window.size)

    @property
    def per_s(self) -> float | None:
        """Requests that may start a second, None for any number."""
        pace_per_s, ours_per_s = self._pace.per_s, self.ceiling_per_s
        if ours_per_s is None:
            return pace_per_s
        return ours_per_s if pace_per_s is None else min(pace_per_s, ours_per_s)

    @property
    def ceiling_per_s(self) -> float | None:
        """Our share of the account's ceiling, None for no ceiling."""
        ceiling_per_s = self._policy.ceiling_per_s
        return None if ceiling_per_s is None else ceiling_per_s * self._share

    def share(self, of_partitions: float) -> None:
        """Take this share, in [0, 1], of the account's ceiling."""
        self._share = of_partitions

    def wait_s(self, now_s: float) -> float:
        """Give the seconds until another request may start; infinite while the window is full."""
        if self.in_flight >= self.window:
            return float("inf")
        return max(self._pace.held_until_s - now_s, self._bucket_s - BURST_S - now_s, 0.0)

    def start(self, now_s: float) -> None:
        """Note that a request starts."""
        self.in_flight += 1
        per_s = self.per_s
        if per_s is not None:
            interval_s = 1.0 / max(per_s, 1e-9)
            self._bucket_s = max(self._bucket_s, now_s) + interval_s

    def cancel(self) -> None:
        """Note that a request ended without telling anything of Encharge."""
        self.in_flight -= 1

    def delivered(self, latency_s: float, now_s: float) -> None:
        """Note an answer that took so long and was none of the others."""
        self.in_flight -= 1
        self._window.answered(marked=self._window.is_slow(latency_s))
        self._pace.answered(now_s, throttled=False)

    def overloaded(self, now_s: float) -> None:
        """Note a timeout or a 503 with Retry-After."""
        self.in_flight -= 1
        self._window.answered(marked=True)
        self._pace.answered(now_s, throttled=False)

    def throttled(self, retry_after_s: float | None, now_s: float) -> None:
        """Note a 429, with the time it asks for if any."""
        self.in_flight -= 1
        self._window.answered(marked=False)
        self._pace.answered(now_s, throttled=True, retry_after_s=retry_after_s)

    def restart(self) -> None:
        """Begin with slow start again, after a time in which nothing could be sent."""
        self._window = _Window(self._policy.most_in_flight)


class _Window:
    """Requests under way: slow start, then additive increase and proportional decrease."""

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self.size = min(FIRST_WINDOW, self._most)
        self._threshold = self._most  # slow start ends here
        self._alpha = 0.0
        self._usual_s: float | None = None
        self._answers = self._marks = 0

    def is_slow(self, latency_s: float) -> bool:
        usual_s = self._usual_s
        if usual_s is None:
            self._usual_s = latency_s
            return False
        slow = latency_s > SLOW_FLOOR_S and latency_s > usual_s * SLOW_FACTOR
        # A slow answer moves the average less, or an overload would soon be the usual.
        self._usual_s = usual_s + (latency_s - usual_s) * (USUAL_GAIN / 10 if slow else USUAL_GAIN)
        return slow

    def answered(self, *, marked: bool) -> None:
        self._answers += 1
        if marked:
            self._marks += 1
        elif self.size < self._most:
            self.size = min(self._most, self.size + (1.0 if self.size < self._threshold else 1.0 / self.size))
        if self._answers >= self.size:
            self._end_round()

    def _end_round(self) -> None:
        share = self._marks / self._answers
        self._answers = self._marks = 0
        self._alpha += (share - self._alpha) * (GAIN if share < 0.5 else 1.0)
        if share > NOISE:
            self.size = max(1.0, self.size * (1.0 - self._alpha / 2.0))
            self._threshold = self.size


class _Pace:
    """Requests a second, learned from 429."""

    def __init__(self, now_s: float) -> None:
        self.per_s: float | None = None
        self.held_until_s = now_s
        self._round_s = self._throttled_s = now_s
        self._answers = self._refusals = 0
        self._told_s: list[float] = []
        self._accepted: deque[float] = deque(maxlen=ROUNDS)  # a second, in the last rounds

    def answered(self, now_s: float, *, throttled: bool, retry_after_s: float | None = None) -> None:
        self._answers += 1
        if throttled:
            self._refusals += 1
            self._throttled_s = now_s
            if retry_after_s is not None:
                self._told_s.append(retry_after_s)
            self._hold(now_s)
        if now_s - self._round_s >= ROUND_S:
            self._end_round(now_s)

    def _hold(self, now_s: float) -> None:
        many = self._answers >= HOLD_LEAST and len(self._told_s) >= HOLD_SHARE * self._answers
        if many and now_s >= self.held_until_s:
            self.held_until_s = now_s + min(self._told_s)

    def _end_round(self, now_s: float) -> None:
        took_s = now_s - self._round_s
        self._accepted.append((self._answers - self._refusals) / took_s)
        if self._refusals >= REFUSED_LEAST and self._refusals > REFUSED_SHARE * self._answers:
            # Never below one a second, so that the end of it is noticed.
            self.per_s = max(1.0, HEADROOM * max(self._accepted))
        elif self.per_s is not None and self._refusals <= STRAY_SHARE * self._answers:
            if now_s - self._throttled_s > FORGET_S:
                self.per_s = None
            else:
                self.per_s *= (1.0 + GROWTH) ** min(took_s, 10.0)
        self._round_s = now_s
        self._answers = self._refusals = 0
        self._told_s.clear()
