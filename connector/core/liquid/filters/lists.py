"""Filters for lists; a single value counts as a list of itself, nil as an empty one."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import Any, Final

from connector.core.javascript import UNDEFINED
from connector.core.liquid.budget import ITEM
from connector.core.liquid.errors import ScriptError
from connector.core.liquid.filters.kind import Filter
from connector.core.liquid.operands import read_variable
from connector.core.liquid.render import Render
from connector.core.liquid.scanner import Scanner
from connector.core.liquid.units import spread
from connector.core.liquid.values import (
    element,
    equals,
    is_nil,
    is_number,
    is_script_true,
    is_true,
    length_of,
    number_of,
    output_text,
    own_property,
    plain,
    read_property,
    script_text,
)


def _paid_list(render: Render, value: Any) -> list[Any]:
    value = plain(value)
    if is_nil(value):
        return []
    items = value if isinstance(value, list) else [value]
    render.use(ITEM * len(items))
    return items


def _join(render: Render, value: Any, separator: Any = UNDEFINED, *_arguments: Any) -> str:
    separator = plain(separator)
    between = " " if is_nil(separator) else output_text(separator, render)
    items = _paid_list(render, value)
    render.use(len(between) * len(items))
    texts = ["" if is_nil(item) else script_text(item, render) for item in items]
    render.use(sum(map(len, texts)))
    return between.join(texts)


def _first(render: Render, value: Any, *_arguments: Any) -> Any:
    return _nth(render, plain(value), 0)


def _last(render: Render, value: Any, *_arguments: Any) -> Any:
    return _nth(render, plain(value), -1)


def _nth(render: Render, value: Any, index: int) -> Any:
    match value:
        case list():
            return element(value, index)
        case str():
            units = spread(value[:1] if index == 0 else value[-1:])
            return units[index] if units else ""
        case dict() if is_number(length := own_property(value, "length")):
            place = index if index == 0 else length + index
            return own_property(value, script_text(place, render))
        case _:
            return ""


def _size(render: Render, value: Any, *_arguments: Any) -> Any:
    """Give the length of a text or list, or the member `length` of an object; else 0."""
    match value:
        case str():
            return length_of(value, render)
        case list():
            return len(value)
        case dict():
            length = own_property(value, "length")
            return length if is_script_true(length) else 0
        case _:
            return 0


def _sum(render: Render, value: Any, name: Any = UNDEFINED, *_arguments: Any) -> float:
    """Add up numbers, or a property of each element; what is no number counts as 0."""
    keys = output_text(name, render).split(".") if is_script_true(name) else []
    total = 0.0
    for item in _paid_list(render, value):
        found = item
        for key in keys:
            render.use(ITEM)
            found = read_property(found, key, render)
        number = number_of(found, render)
        total += 0 if isnan(number) else number
    return total


def _compact(render: Render, value: Any, *_arguments: Any) -> list[Any]:
    return [item for item in _paid_list(render, value) if not is_nil(plain(item))]


def _push(render: Render, value: Any, item: Any = UNDEFINED, *_arguments: Any) -> list[Any]:
    return [*_paid_list(render, value), item]


def _unshift(render: Render, value: Any, item: Any = UNDEFINED, *_arguments: Any) -> list[Any]:
    return [item, *_paid_list(render, value)]


def _pop(render: Render, value: Any, *_arguments: Any) -> list[Any]:
    return _paid_list(render, value)[:-1]


def _shift(render: Render, value: Any, *_arguments: Any) -> list[Any]:
    return _paid_list(render, value)[1:]


def _where(
    render: Render, value: Any, name: Any = UNDEFINED, expected: Any = UNDEFINED, *_arguments: Any
) -> list[Any]:
    """Keep the elements whose property is as expected, or true; the property may be a path."""
    path = output_text(name, render)
    render.use(ITEM * len(path))
    variable = read_variable(Scanner(spread(path)))
    kept = []
    for item in _paid_list(render, value):
        found = UNDEFINED if variable is None else render.inside(item, variable.evaluate)
        if is_true(found) if expected is UNDEFINED else equals(found, expected, render):
            kept.append(item)
    return kept


def _sample(_render: Render, value: Any, *_arguments: Any) -> Any:
    """Refuse to choose at random, for an event gives the same payload whenever it is resolved.

    Where there is no choice, the only element is given.
    """
    value = plain(value)
    if is_nil(value):
        return []
    if isinstance(value, list) and len(value) <= 1 and not _arguments:
        return value[0] if value else UNDEFINED
    raise ScriptError('filter "sample" is not supported: its result is random')


LIST_FILTERS: Final[Mapping[str, Filter]] = {
    "compact": _compact,
    "first": _first,
    "join": _join,
    "last": _last,
    "pop": _pop,
    "push": _push,
    "sample": _sample,
    "shift": _shift,
    "size": _size,
    "sum": _sum,
    "unshift": _unshift,
    "where": _where,
}
