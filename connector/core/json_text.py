"""JSON in and out as JavaScript reads and writes it, at orjson's speed for all ordinary texts.

orjson refuses lone surrogates (a browser cuts an emoji in half), which `JSON.parse` and
`JSON.stringify` take. Only such texts go through the standard library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, NoReturn

import orjson

from connector.core.javascript import (
    FUNCTION,
    UNDEFINED,
    Undefined,
    number_text,
    object_keys,
    text_of,
)

_SURROGATE = re.compile("[\ud800-\udfff]")

ReadError = ValueError
"""What `read_json` raises; orjson's and the standard library's errors are both of this kind."""


DEEPEST_WRITTEN = 254
"""Levels of nesting that orjson writes; deeper values are refused by either way of writing."""


class WriteError(ValueError):
    """A value that cannot be written as JSON: nested too deeply."""


def read_json(text: bytes | str) -> Any:
    """Parse strict JSON: no NaN, no trailing comma, no byte order mark.

    Raises: ReadError for anything else, and for nesting beyond about 1,000 levels
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        # Only a \ud800…\udfff escape can be lawful where orjson says no.
        marker = b"\\u" if isinstance(text, bytes) else "\\u"
        if marker not in text:  # type: ignore[operator]
            raise
    try:
        return json.loads(text.decode() if isinstance(text, bytes) else text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ReadError("nested too deeply") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ReadError(f"{name} is no JSON value")


def write_json(value: Any) -> bytes:
    """Write compact JSON; UNDEFINED and functions vanish from objects and are null inside lists.

    Raises: WriteError when nested too deeply
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        pass  # a special value, a lone surrogate, an integer beyond 64 bits, or too many levels
    cleaned = _without_special(value, DEEPEST_WRITTEN)
    return json.dumps(cleaned, separators=(",", ":"), allow_nan=False).encode()


def _without_special(value: Any, levels: int) -> Any:
    if levels < 0:
        raise WriteError("nested too deeply")
    match value:
        case dict():
            return {
                key: _without_special(item, levels - 1)
                for key, item in value.items()
                if item is not UNDEFINED and item is not FUNCTION
            }
        case list():
            return [_without_special(item, levels - 1) for item in value]
        case float() if not isfinite(value):
            return None
        case _:
            return None if value is UNDEFINED or value is FUNCTION else value


def json_text(value: Any) -> str | Undefined:
    """Write a value as `JSON.stringify` does, to be used as a text inside a payload.

    Integer-like keys come first in ascending order, numbers print as in JavaScript, characters beyond
    ASCII stay as they are but for lone surrogates. Undefined and functions give UNDEFINED.
    """
    if value is UNDEFINED or value is FUNCTION:
        return UNDEFINED
    return "".join(_json_pieces(value))


def _json_pieces(value: Any) -> Iterator[str]:
    match value:
        case dict():
            separator = "{"
            for key in object_keys(value):
                item = value[key]
                if item is not UNDEFINED and item is not FUNCTION:
                    yield f"{separator}{_quoted(key)}:"
                    yield from _json_pieces(item)
                    separator = ","
            yield "{}" if separator == "{" else "}"
        case list():
            separator = "["
            for item in value:
                yield separator
                yield from _json_pieces(item)
                separator = ","
            yield "[]" if separator == "[" else "]"
        case str():
            yield _quoted(value)
        case bool() | None:
            yield "null" if value is None else text_of(value)
        case int() | float():
            text = number_text(value)
            yield "null" if text in ("NaN", "Infinity", "-Infinity") else text
        case _:
            yield "null"


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", quoted)
