"""Writes JSON values as YAML that a person reads and edits.

Short objects and lists stand on one line, longer ones over several; a text stands bare where nobody could
take it for something else, and in quotes otherwise. No text is ever broken over lines. What is written is
read back as exactly the same JSON value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

WIDTH: Final = 110
"""Columns that a line with an object or a list takes at most; a long text makes a longer line."""

_LONGEST_SIMPLE_KEY: Final = 1000  # YAML ends a key that stands before its colon at 1024 characters
_BARE: Final = re.compile(r"[A-Za-z$][A-Za-z0-9_$.]*(?:[ /-][A-Za-z0-9_$.]+)*")
_NO_TEXT: Final = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))


def scalar(value: Any) -> str:
    """Write a text, a number, a boolean or null on one line."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case _:
            return _text(str(value))


def quoted(text: str) -> str:
    """Write a text in quotes, in the kind that leaves it as it is where there is one."""
    if text.isprintable() and not ("'" in text and '"' not in text and "\\" not in text):
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(character) for character in text) + '"'


def lines(value: Any, *, blocks: int = 0, width: int = WIDTH) -> Iterator[str]:
    """Write a value as lines without indentation; the outermost `blocks` levels are never put on one line."""
    if _fits(value, blocks, width):
        yield _flow(value)
    else:
        yield from _block(value, max(blocks - 1, 0), width)


def item_lines(item: Iterable[str]) -> Iterator[str]:
    """Make the lines of a value those of an item of a list."""
    for number, line in enumerate(item):
        yield f"  {line}" if number else f"- {line}"


def indented(written: Iterable[str], columns: int) -> Iterator[str]:
    """Move lines to the right; empty ones stay empty."""
    for line in written:
        yield " " * columns + line if line else line


def _fits(value: Any, blocks: int, width: int) -> bool:
    if not isinstance(value, (dict, list)) or not value:
        return True
    return not blocks and len(_flow(value)) <= width


def _block(value: dict[str, Any] | list[Any], blocks: int, width: int) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from item_lines(lines(item, blocks=blocks, width=width - 2))
        return
    for key, item in value.items():
        name = _text(key)
        if len(name) > _LONGEST_SIMPLE_KEY:
            yield f"? {name}"
            name = ""
        if _fits(item, blocks, width - len(name) - 2):
            yield f"{name}: {_flow(item)}"
        else:
            yield f"{name}:"
            yield from indented(_block(item, max(blocks - 1, 0), width - 2), 2)


def _flow(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{_text(key)}: {_flow(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case _:
            return scalar(value)


def _text(text: str) -> str:
    if len(text) <= WIDTH and _BARE.fullmatch(text) and text.lower() not in _NO_TEXT:
        return text
    return quoted(text)


def _escaped(character: str) -> str:
    code = ord(character)
    if character in '"\\':
        return f"\\{character}"
    if character == "\n":
        return "\\n"
    if character.isprintable():
        return character
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
