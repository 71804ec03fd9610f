"""How differences are shown: `- properties.total: 5` and `+ properties.total: 6`, or as JSON.

A path inside the body of a request stands as it is; what is beside the body stands in parentheses: (method).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

from connector.core.explain_json import cut
from connector.core.javascript import UNDEFINED
from connector.core.json_diff import Change, Path, path_text, value_text
from connector.core.planned_diff import Difference


def difference_lines(difference: Difference, word: str) -> Iterator[str]:
    """Tell one mapping's difference; `word` says what became of its request."""
    note = f" ({difference.note})" if difference.note else ""
    yield f"{difference.mapping}: {word}{note}"
    for change in difference.changes:
        yield from change_lines(change, _place(change.path))


def change_lines(change: Change, place: str) -> Iterator[str]:
    """Tell one change: a line for what was there, and one for what is there now."""
    if change.old is not UNDEFINED:
        yield f"  - {place}: {value_text(change.old)}"
    if change.new is not UNDEFINED:
        yield f"  + {place}: {value_text(change.new)}"


def changes_as_json(changes: Iterable[Change], old: str, new: str) -> list[dict[str, Any]]:
    """Give changes as JSON; `old` and `new` name the two sides, and a side without a value is left out."""
    return [
        {"path": path_text(change.path)} | _side(old, change.old) | _side(new, change.new)
        for change in changes
    ]


def print_coloured(line: str, *, indent: int) -> None:
    """Print a line, what is gone in red and what is new in green."""
    colour = {"-": "red", "+": "green"}.get(line.lstrip()[:1])
    click.secho(" " * indent + line, fg=colour)


def _place(path: Path) -> str:
    return path_text(path[1:]) if path[0] == "body" and len(path) > 1 else f"({path_text(path)})"


def _side(name: str, value: Any) -> dict[str, Any]:
    return {} if value is UNDEFINED else {name: cut(value)}
