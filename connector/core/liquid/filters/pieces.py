"""Filters that cut a text or a list: split, slice, truncate."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from connector.core.javascript import UNDEFINED
from connector.core.liquid.budget import ITEM, REFERENCE_LIMIT, Budget
from connector.core.liquid.filters.kind import Filter
from connector.core.liquid.render import Render
from connector.core.liquid.units import joined, spread, unit_count
from connector.core.liquid.values import (
    is_nil,
    less,
    number_of,
    number_or_zero,
    output_text,
    plain,
    primitive,
    script_text,
)
from connector.core.placeholders import WHITE_SPACE

_SPACES = re.compile(f"[{WHITE_SPACE}]+")


def _split(render: Render, value: Any, separator: Any = UNDEFINED, *_arguments: Any) -> list[str]:
    """Cut at a separator, or into units; empty texts at the end are dropped."""
    text, cut = output_text(value, render), output_text(separator, render)
    pieces = text.count(cut) + 1
    render.use(len(text) + ITEM * pieces)
    parts = text.split(cut) if cut else list(spread(text))
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _slice(
    render: Render, value: Any, begin: Any = UNDEFINED, length: Any = UNDEFINED, *_arguments: Any
) -> Any:
    """Give a part of a list or text; a begin that is text makes an end that is text, as in JavaScript."""
    value = plain(value)
    if is_nil(value):
        return []
    items = value if isinstance(value, list) else _units_of(output_text(value, render), render)
    length = 1 if length is UNDEFINED else length
    if less(begin, 0, render):
        begin = _sum(len(items), begin, render)
    if less(begin, 0, render) or less(length, 0, render):
        return items[:0]
    if number_of(length, render) > REFERENCE_LIMIT:
        render.use(REFERENCE_LIMIT)
    first = _index(number_of(begin, render), len(items))
    last = _index(number_of(_sum(begin, length, render), render), len(items))
    if isinstance(items, str):
        return joined(items[first:last])
    render.use(ITEM * max(last - first, 0))
    return items[first:last]


def _units_of(text: str, budget: Budget) -> str:
    if not text.isascii():
        budget.use(4 * len(text))
    return spread(text)


def _sum(left: Any, right: Any, budget: Budget) -> Any:
    left, right = primitive(left, budget), primitive(right, budget)
    if isinstance(left, str) or isinstance(right, str):
        return script_text(left, budget) + script_text(right, budget)
    return number_of(left, budget) + number_of(right, budget)


def _index(number: float, length: int) -> int:
    """Turn a number into a place in a list or text: negative ones count from the end, NaN is 0."""
    if math.isnan(number):
        return 0
    whole = int(max(min(number, length), -length))
    return whole if whole >= 0 else length + whole


def _truncate(
    render: Render, value: Any, length: Any = UNDEFINED, ending: Any = UNDEFINED, *_arguments: Any
) -> Any:
    """Cut a text to a length, its ending included; a short enough value stays what it is."""
    text = output_text(value, render)
    length = 50 if length is UNDEFINED else length
    mark = "..." if ending is UNDEFINED else output_text(ending, render)
    render.use(len(text) + len(mark))
    units = _units_of(text, render)
    if less(length, len(units), render) is False:
        return value
    kept = number_or_zero(length, render) - unit_count(mark)
    return joined(units[: _index(max(kept, 0.0), len(units))]) + mark


def _truncatewords(
    render: Render, value: Any, words: Any = UNDEFINED, ending: Any = UNDEFINED, *_arguments: Any
) -> str:
    """Give the first words, joined by single spaces, and the ending if there are that many."""
    text = output_text(value, render)
    words = 15 if words is UNDEFINED else words
    mark = "..." if ending is UNDEFINED else output_text(ending, render)
    render.use(5 * len(text) + len(mark))
    if less(0, words, render) is False:
        words = 1
    count = number_of(words, render)
    parts = _SPACES.split(text)
    result = " ".join(parts[: _index(count, len(parts))])
    return result + mark if len(parts) >= count else result


PIECE_FILTERS: Final[Mapping[str, Filter]] = {
    "slice": _slice,
    "split": _split,
    "truncate": _truncate,
    "truncatewords": _truncatewords,
}
