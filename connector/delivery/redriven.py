"""Which letters of one partition were redriven: the control value `redriven/<topic>/<partition>`.

    {"offsets": "0-199,205,210-211", "newest": 1795507200120}

`newest` is the time of the youngest of these letters, in milliseconds. A letter at such an offset that is
younger was not there then: the topic was deleted and made anew, and nothing of the value holds for it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any, Final

from connector.delivery.offsets import Run

PREFIX: Final = "redriven/"

_RUN = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")


def control_key(topic: str, partition: int) -> str:
    """Give the key of the control record that tells of a partition."""
    return f"{PREFIX}{topic}/{partition}"


class Redriven:
    """A set of offsets that never shrinks but at its beginning."""

    __slots__ = ("_firsts", "_runs", "newest")

    def __init__(self, runs: Iterable[Run] = (), newest: int = 0) -> None:
        self._runs = _joined(runs)
        self._firsts = [run.first for run in self._runs]
        self.newest = newest

    def __bool__(self) -> bool:
        return bool(self._runs)

    @property
    def runs(self) -> tuple[Run, ...]:
        """The offsets, ascending, as runs with a gap between each two."""
        return tuple(self._runs)

    def holds(self, offset: int) -> bool:
        """Tell whether an offset is one of them."""
        index = bisect_right(self._firsts, offset) - 1
        return index >= 0 and offset <= self._runs[index].last

    def contradicts(self, offset: int, timestamp: int) -> bool:
        """Tell whether a letter shows that this set is about an earlier topic of the same name."""
        return timestamp > self.newest and self.holds(offset)

    def with_more(self, offsets: Iterable[int], newest: int) -> Redriven:
        """Give the set with more offsets."""
        more = [Run(offset, offset) for offset in offsets]
        return Redriven([*self._runs, *more], max(newest, self.newest))

    def from_offset(self, start: int) -> Redriven:
        """Give the set without the offsets below a start: retention or `purge` deleted their letters."""
        kept = [Run(max(run.first, start), run.last) for run in self._runs if run.last >= start]
        return Redriven(kept, self.newest)

    def as_value(self) -> dict[str, Any]:
        """Give the value for the control topic."""
        texts = (str(a) if a == b else f"{a}-{b}" for a, b in self._runs)
        return {"offsets": ",".join(texts), "newest": self.newest}


def read_redriven(value: Any) -> Redriven:
    """Read a value of the control topic; what is no such value says that nothing was redriven."""
    match value:
        case {"offsets": str(text), "newest": int(newest)} if text:
            matches = [_RUN.fullmatch(part) for part in text.split(",")]
            runs = [Run(int(match[1]), int(match[2] or match[1])) for match in matches if match]
            if len(runs) == len(matches) and all(run.first <= run.last for run in runs):
                return Redriven(runs, newest)
    return Redriven()


def all_redriven(control: Mapping[str, Any], topic: str, partitions: Iterable[int]) -> dict[int, Redriven]:
    """Give what was redriven of each partition, from the values of the control topic."""
    return {number: read_redriven(control.get(control_key(topic, number))) for number in partitions}


def _joined(runs: Iterable[Run]) -> list[Run]:
    joined: list[Run] = []
    for run in sorted(runs):
        if joined and run.first <= joined[-1].last + 1:
            joined[-1] = Run(joined[-1].first, max(joined[-1].last, run.last))
        else:
            joined.append(run)
    return joined
