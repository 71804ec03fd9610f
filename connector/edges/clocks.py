"""Chance and time, for the ports that ask for them."""

from __future__ import annotations

import random
import time

wall_clock = time.time
monotonic_clock = time.monotonic


class SystemDice:
    """Implements the port Dice."""

    def roll(self) -> float:
        """Draw from [0, 1)."""
        return random.random()  # noqa: S311  jitter
