"""Where two JSON values differ, path by path.

Objects are compared member by member and lists entry by entry, whatever the order of the keys. Numbers are
compared by value (1 is 1.0), but no number is a boolean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from connector.core.javascript import UNDEFINED
from connector.core.json_text import write_json

Path: TypeAlias = tuple[str | int, ...]

_PLAIN_KEY: Final = re.compile(r"[^\W\d][\w-]*")


@dataclass(frozen=True, slots=True)
class Change:
    """One place where the values differ; UNDEFINED where only the other one has something there."""

    path: Path
    old: Any
    new: Any


def json_diff(old: Any, new: Any, path: Path = ()) -> Iterator[Change]:
    """Give the changes from one value to another: old members in their order, then added ones."""
    match old, new:
        case dict(), dict():
            for key in (*old, *(key for key in new if key not in old)):
                yield from json_diff(old.get(key, UNDEFINED), new.get(key, UNDEFINED), (*path, key))
        case list(), list():
            for index in range(max(len(old), len(new))):
                yield from json_diff(_entry(old, index), _entry(new, index), (*path, index))
        case _:
            if not _is_same_scalar(old, new):
                yield Change(path, old, new)


def path_text(path: Path) -> str:
    """Write a path as people do: properties.products[0].sku, and properties["a.b"] where a key needs it."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{value_text(step)}]"
    return text


def value_text(value: Any) -> str:
    """Write a value as JSON on one line."""
    return write_json(value).decode()


def _entry(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else UNDEFINED


def _is_same_scalar(old: Any, new: Any) -> bool:
    if isinstance(old, (dict, list)) or isinstance(new, (dict, list)):
        return False
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    return bool(old == new)
