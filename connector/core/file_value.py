"""Which JSON values can stand in a file of ours, and be read from it again."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

DEEPEST: Final = 90
"""Levels of nesting of one value; files are read to 100 levels, and what is around it takes some of them."""


def why_unfit(value: Any, levels: int = DEEPEST) -> str:
    """Tell why a value cannot stand in a file; empty where it can."""
    match value:
        case dict() | list() if levels == 0:
            return "is nested too deeply"
        case dict():
            return next(filter(None, (why_unfit(item, levels - 1) for item in value.values())), "")
        case list():
            return next(filter(None, (why_unfit(item, levels - 1) for item in value)), "")
        case float() if not isfinite(value):
            return "holds a number that is no JSON"
        case _:
            return ""
