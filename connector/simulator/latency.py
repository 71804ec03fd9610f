"""How long an answer takes: a distribution, written as a short text."""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from statistics import NormalDist

FORMS = "none | fixed:MS | uniform:A,B | lognormal:MEDIAN,SIGMA (milliseconds; sigma has no unit)"

Latency = Callable[[float], float]  # a roll in [0, 1) -> seconds

_STANDARD_NORMAL = NormalDist()
_SMALLEST_ROLL = 2.0**-53  # the inverse of the normal distribution is infinite at 0


def parse_latency(text: str) -> Latency | None:
    """Give the distribution, None for no latency at all; ValueError says which forms there are.

    fixed:      d = MS
    uniform:    d = A + roll * (B - A)
    lognormal:  d = MEDIAN * exp(SIGMA * z), z the normal deviate that `roll` is the quantile of
    """
    kind, _, numbers = text.partition(":")
    try:
        values = [float(number) for number in numbers.split(",")] if numbers else []
    except ValueError as exc:
        raise ValueError(f"is not one of {FORMS}") from exc
    if not all(0 <= value < float("inf") for value in values):
        raise ValueError("needs numbers that are not negative")
    match kind, values:
        case "none", []:
            return None
        case "fixed", [delay_ms]:
            return lambda _roll: delay_ms / 1000
        case "uniform", [low_ms, high_ms] if low_ms <= high_ms:
            return lambda roll: (low_ms + roll * (high_ms - low_ms)) / 1000
        case "lognormal", [median_ms, sigma]:
            return lambda roll: (
                median_ms * exp(sigma * _STANDARD_NORMAL.inv_cdf(max(roll, _SMALLEST_ROLL))) / 1000
            )
    raise ValueError(f"is not one of {FORMS}")
