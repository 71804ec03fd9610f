"""What one rendering may cost, counted instead of timed: the core reads no clock.

One unit is about one character read or written. The reference allows 1e8 units of memory and 500 ms; we
allow less of both (docs/liquid.md), with the reference's message.
"""

from __future__ import annotations

from typing import Final

from connector.core.liquid.errors import ScriptError

LIMIT: Final = 1_000_000
"""Units of one rendering: at most 4 MB of text; the slowest filter takes some 80 ns a unit."""

REFERENCE_LIMIT: Final = 100_000_000
"""Units in the reference, where something is asked for that would not cost us anything."""

ITEM: Final = 20
"""Units of one element of a list: 40 to 60 bytes, up to 2 µs."""


class Budget:
    """Counts what has been used; every operation pays before it works."""

    __slots__ = ("spent",)

    def __init__(self) -> None:
        self.spent: float = 0

    def use(self, units: float) -> None:
        """Pay.

        Raises: ScriptError when nothing is left
        """
        if units > 0:
            self.spent += units
            if self.spent > LIMIT:
                raise ScriptError("memory alloc limit exceeded")
