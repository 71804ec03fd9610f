"""Look up "$.a.b[0]" in an event, exactly as the reference's mapping kit walks its values.

Source: segmentio/action-destinations, packages/core/src/get.ts
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from connector.core.javascript import is_falsy, member, missing_member

Getter: TypeAlias = Callable[[Any], Any]

# A bracket separates only beside a digit or a quote: "[abc]" and "[-1]" are part of the key.
_SEPARATOR = re.compile(r"""\[(?=["'0-9])|\.|(?<=["'0-9])\]+""")
_QUOTES = str.maketrans("", "", "'\"")


def parse_path(text: str) -> tuple[str, ...]:
    """Split a path into keys; no keys mean the whole value. There is no escape for dots or quotes."""
    return tuple(piece.translate(_QUOTES) for piece in _SEPARATOR.split(text) if piece)


def without_root(text: str) -> str:
    """Delete the first "$." anywhere in the text, as @path and @arrayPath do and templates do not."""
    return text.replace("$.", "", 1)


def compile_path(text: str) -> Getter:
    """Make the lookup of a path, already without its "$."."""
    return compile_keys(parse_path(text))


def compile_keys(keys: Iterable[str]) -> Getter:
    """Make the lookup of a sequence of keys.

    The walk stops at the first falsy value and gives that value: "" for `$.traits.email` where traits
    is "". Keys of texts, lists and numbers are looked up too (length, digits, built-in members).
    """
    steps = tuple((key, missing_member(key)) for key in keys)
    match steps:
        case ():
            return lambda root: root
        case ((key, missing),):
            return lambda root: root.get(key, missing) if type(root) is dict else _step(root, key)
        case _:
            return _walker(steps)


def _walker(steps: tuple[tuple[str, Any], ...]) -> Getter:
    def get(root: Any) -> Any:
        value = root
        for key, missing in steps:
            # Exact type: the hot path meets only what orjson makes, and `type(x) is` is the cheapest test.
            value = value.get(key, missing) if type(value) is dict else _step(value, key)
        return value

    return get


def _step(value: Any, key: str) -> Any:
    return value if is_falsy(value) else member(value, key)
