"""Write a value as JSON, as `JSON.stringify(value, …, space)` does, and pay for every part of it."""

from __future__ import annotations

from typing import Any, Final

from connector.core.javascript import FUNCTION, UNDEFINED, Undefined, object_keys
from connector.core.liquid.budget import ITEM, Budget
from connector.core.liquid.scanner import quoted
from connector.core.liquid.units import joined, spread
from connector.core.liquid.values import Drop, is_number, number_of, plain_number_text

_WIDEST_INDENT: Final = 10


def json_output(value: Any, space: Any, budget: Budget) -> str | Undefined:
    """Write JSON, indented by a number of spaces or by a text; UNDEFINED for what JSON has no word for."""
    if value is UNDEFINED or value is FUNCTION:
        return UNDEFINED
    parts: list[str] = []
    _write(parts, value, "\n", _indent_of(space, budget), budget)
    return joined("".join(parts))


def _indent_of(space: Any, budget: Budget) -> str | None:
    """Give the indent of a level; None for all on one line. 0.5 gives lines without indent, as in V8."""
    if isinstance(space, str):
        return spread(space)[:_WIDEST_INDENT] or None
    width = number_of(space, budget) if is_number(space) else 0.0
    return " " * int(min(width, _WIDEST_INDENT)) if width > 0 else None


def _write(parts: list[str], value: Any, line: str, indent: str | None, budget: Budget) -> None:
    budget.use(ITEM)
    match value:
        case str():
            budget.use(len(value))
            parts.append(quoted(value))
        case None:
            parts.append("null")
        case bool():
            parts.append("true" if value else "false")
        case int() | float():
            text = plain_number_text(value)
            parts.append("null" if text.lstrip("-") in ("NaN", "Infinity") else text)
        case list():
            _write_members(parts, [("", item) for item in value], "[]", line, indent, budget)
        case dict():
            members = [(key, value[key]) for key in object_keys(value)]
            members = [pair for pair in members if pair[1] is not UNDEFINED and pair[1] is not FUNCTION]
            _write_members(parts, members, "{}", line, indent, budget)
        case Drop():
            parts.append("{}")
        case _:
            parts.append("null")


def _write_members(
    parts: list[str],
    members: list[tuple[str, Any]],
    braces: str,
    line: str,
    indent: str | None,
    budget: Budget,
) -> None:
    budget.use(ITEM * len(members))
    if not members:
        parts.append(braces)
        return
    inner_line, colon = ("", ":") if indent is None else (line + indent, ": ")
    budget.use(len(inner_line) * len(members))
    separator = braces[0]
    for key, item in members:
        parts.append(separator + inner_line)
        if braces == "{}":
            budget.use(len(key))
            parts.append(quoted(key) + colon)
        _write(parts, item, inner_line, indent, budget)
        separator = ","
    parts.append(braces[1] if indent is None else line + braces[1])
