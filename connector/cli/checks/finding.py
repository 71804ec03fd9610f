"""One line of `encharge-connector check`."""

from __future__ import annotations

from typing import Literal, NamedTuple

Side = Literal["configuration", "kafka", "encharge", "machine"]


class Finding(NamedTuple):
    """One thing that was checked: whose side it is on, whether it is right, what was seen, what mends it.

    is_warning  it works, and should be better all the same; `ok` then
    """

    side: Side
    what: str
    ok: bool
    seen: str
    fix: str = ""
    is_warning: bool = False

    @property
    def told(self) -> str:
        """What was seen, and the fix where there is one."""
        return f"{self.seen}; {self.fix}" if self.fix else self.seen
