"""Values as they are shown."""

from __future__ import annotations

from typing import Any, Final

LEVELS_SHOWN: Final = 200  # JSON is written to 254 levels, and what is shown adds some around a value


def cut(value: Any, levels: int = LEVELS_SHOWN) -> Any:
    """Give a value without what is nested too deeply to be shown."""
    match value:
        case dict() | list() if levels == 0:
            return "…"
        case dict():
            return {key: cut(item, levels - 1) for key, item in value.items()}
        case list():
            return [cut(item, levels - 1) for item in value]
        case _:
            return value
