"""Filters that calculate: with doubles, and what is no number counts as 0."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from connector.core.liquid.filters.kind import Filter
from connector.core.liquid.render import Render
from connector.core.liquid.values import number_of, number_or_zero

_EPSILON: Final = 2.0**-52

# V8's power is one bit off here; two places of `round` would show it.
_INEXACT_POWERS: Final = {-4.0: 0.00009999999999999999, -5.0: 0.000009999999999999999}


def _on_numbers(calculate: Callable[..., float]) -> Filter:
    """Make a filter that works on numbers; a missing argument is NaN, as in JavaScript."""

    def apply(render: Render, value: Any, *arguments: Any) -> float:
        return calculate(*[number_or_zero(each, render) for each in (value, *arguments)])

    return apply


def _divided(dividend: float, divisor: float) -> float:
    if divisor:
        return dividend / divisor
    if not dividend or math.isnan(dividend) or math.isnan(divisor):
        return math.nan
    return math.copysign(math.inf, dividend) * math.copysign(1.0, divisor)


def _rounded_down(number: float) -> float:
    return float(math.floor(number)) if math.isfinite(number) else number


def _rounded_up(number: float) -> float:
    return float(math.ceil(number)) if math.isfinite(number) else number


def half_up(number: float) -> float:
    """Round to an integer, halves towards positive infinity, as `Math.round` does."""
    down = _rounded_down(number)
    return down + 1 if number - down >= 0.5 else down


def _remainder(number: float, divisor: float) -> float:
    if not divisor or not math.isfinite(number) or math.isnan(divisor):
        return math.nan
    return math.fmod(number, divisor)


def _divided_by(dividend: float, divisor: float = math.nan, in_integers: float = 0.0, *_more: float) -> float:
    quotient = _divided(dividend, divisor)
    return _rounded_down(quotient) if in_integers else quotient


def _modulo(number: float, divisor: float = math.nan, *_more: float) -> float:
    return _remainder(_remainder(number, divisor) + divisor, divisor)


def _power_of_ten(exponent: float) -> float:
    try:
        return _INEXACT_POWERS.get(exponent) or 10.0**exponent
    except OverflowError:
        return math.inf


def _round(number: float, places: float = 0.0, *_more: float) -> float:
    factor = _power_of_ten(places)
    return _divided(half_up(number * factor * (1 + _EPSILON)), factor)


def _to_integer(render: Render, value: Any, *_arguments: Any) -> float:
    """Turn into a number, whole or not."""
    return number_of(value, render)


def _at_least(*numbers: float) -> float:
    return max(numbers)


def _at_most(*numbers: float) -> float:
    return min(numbers)


ARITHMETIC_FILTERS: Final[Mapping[str, Filter]] = {
    "abs": _on_numbers(lambda number, *_more: abs(number)),
    "at_least": _on_numbers(_at_least),
    "at_most": _on_numbers(_at_most),
    "ceil": _on_numbers(lambda number, *_more: _rounded_up(number)),
    "divided_by": _on_numbers(_divided_by),
    "floor": _on_numbers(lambda number, *_more: _rounded_down(number)),
    "minus": _on_numbers(lambda left, right=math.nan, *_more: left - right),
    "modulo": _on_numbers(_modulo),
    "plus": _on_numbers(lambda left, right=math.nan, *_more: left + right),
    "round": _on_numbers(_round),
    "times": _on_numbers(lambda left, right=math.nan, *_more: left * right),
    "to_integer": _to_integer,
}
