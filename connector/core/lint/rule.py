"""What a rule is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from connector.core.lint.subjects import Subject

Severity: TypeAlias = Literal["error", "warning"]


class Found(NamedTuple):
    """One place that breaks a rule, as the rule itself tells it."""

    path: str  # "mappings[2].fields.email"
    message: str


Check: TypeAlias = Callable[[Subject], Iterable[Found]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong with a destination file.

    severity     error: it cannot do what is written there; warning: it may surprise
    silenceable  by a comment; not what keeps the file from being loaded
    """

    id: str
    severity: Severity
    title: str
    check: Check
    silenceable: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that breaks a rule.

    message  what will really happen
    line     of a comment, which has no path
    """

    rule: Rule
    path: str
    message: str
    line: int | None = None
