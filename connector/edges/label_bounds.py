"""Keeps the number of series small while names come and go with the configuration.

    name of a mapping in force   a series of its own
    any other name               FORMER, one series for all of them together
    code, action                 as it is when it is of the closed set, else OTHER

rate() and increase() take a jump of a counter for that many events at once. So what a name counted under
its own label does not move to FORMER when the name goes: FORMER counts only what happened since. A name
that comes back begins at what it counts from then on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

FORMER: Final = "former"
OTHER: Final = "other"
LONGEST_LABEL: Final = 200  # characters; a name may have any number

Key = tuple[str, str]  # name of a mapping, and a value of a closed set


class Seen(NamedTuple):
    """One count as of the last look, and how much of it is not shown under the name."""

    total: int
    hidden: int


@dataclass(frozen=True, slots=True)
class Folded:
    """What is shown, and what the next look needs to know."""

    shown: Mapping[Key, int] = field(default_factory=dict)
    seen: Mapping[Key, Seen] = field(default_factory=dict)
    former: Mapping[str, int] = field(default_factory=dict)


def fold(counts: Mapping[Key, int], in_force: Collection[str], before: Folded) -> Folded:
    """Show at most the names in force and FORMER; the empty name, of no mapping, is always in force."""
    names = {label_text(name) for name in in_force} | {""}
    names.discard(FORMER)  # a mapping of that name is counted with the former ones
    seen: dict[Key, Seen] = {}
    shown: Counter[Key] = Counter()
    former: Counter[str] = Counter(before.former)
    for key, count in _labelled(counts).items():
        name, value = key
        total, hidden = before.seen.get(key, (0, 0))
        if name in names:
            seen[key] = Seen(count, hidden)
            shown[key] = count - hidden
        else:
            seen[key] = Seen(count, count)
            former[value] += count - total
    shown.update({(FORMER, value): count for value, count in former.items()})
    return Folded({key: count for key, count in shown.items() if count}, seen, former)


def _labelled(counts: Mapping[Key, int]) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for (name, value), count in counts.items():
        found[label_text(name), value] += count
    return found


def closed(value: str, known: Collection[str]) -> str:
    """Give a value of a closed set, OTHER for what is not of it."""
    return value if value in known else OTHER


def label_text(name: str) -> str:
    """Give a name as a label: not endless, and something that UTF-8 can write."""
    return name[:LONGEST_LABEL].encode("utf-8", "replace").decode()
