"""How long a scenario takes: as the promise says it, or as short as a test may be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    name: str

    def of(self, *, short, full):
        """Give the value for this scale."""
        return full if self is FULL else short


SHORT, FULL = Scale("short"), Scale("full")
