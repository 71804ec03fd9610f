"""What a filter is, for type checkers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Filter: TypeAlias = Callable[..., Any]
"""A function (render: Render, value, *arguments) -> value; arguments it does not know are ignored."""
