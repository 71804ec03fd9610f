"""Counts letters by what they have in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from connector.delivery.letter import Letter

GroupBy: TypeAlias = Literal["code", "mapping", "day", "user"]


@dataclass(slots=True)
class Group:
    """Letters with the same code, mapping, day (UTC) or user; times in milliseconds since the epoch."""

    name: str
    count: int
    oldest: int
    newest: int


class LetterGroups:
    """Takes letters one after the other."""

    def __init__(self, by: GroupBy) -> None:
        self._by = by
        self._groups: dict[str, Group] = {}

    def add(self, letter: Letter) -> None:
        """Count a letter."""
        name, at = self._name(letter), letter.timestamp
        group = self._groups.get(name)
        if group is None:
            self._groups[name] = Group(name, 1, at, at)
            return
        group.count += 1
        group.oldest, group.newest = min(group.oldest, at), max(group.newest, at)

    @property
    def groups(self) -> list[Group]:
        """The groups, the largest first; days in their order."""
        if self._by == "day":
            return sorted(self._groups.values(), key=lambda group: group.name)
        return sorted(self._groups.values(), key=lambda group: (-group.count, group.name))

    def _name(self, letter: Letter) -> str:
        match self._by:
            case "code":
                return letter.code
            case "mapping":
                return letter.mapping
            case "user":
                return letter.user
            case "day":
                return day_of(letter.timestamp)


def day_of(timestamp: int) -> str:
    """Give the day (UTC) of milliseconds since the epoch; the empty text where there is none."""
    try:
        return datetime.fromtimestamp(timestamp / 1000, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):  # anybody may have written that time
        return ""
