"""The state of one rendering: variables, counters, what has been put out, and what it has cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from connector.core.javascript import UNDEFINED
from connector.core.liquid.budget import Budget
from connector.core.liquid.values import (
    BLOCK,
    Drop,
    is_number,
    own_property,
    read_property,
    script_text,
)

Evaluate: TypeAlias = Callable[["Render"], Any]
"""A compiled value: gives what it is in one rendering."""

NO_VARIABLES: Final[dict[str, Any]] = {}


class Render(Budget):
    """One rendering of a template with an event; the event itself is never changed."""

    __slots__ = ("blocks", "counters", "cycles", "event", "out", "source", "stopped", "variables")

    def __init__(self, event: Any, source: str) -> None:
        self.spent = 0
        self.event = event
        self.source = source
        self.variables: dict[str, Any] = {}
        """What assign and capture have set."""
        self.counters: dict[str, float] = NO_VARIABLES
        """What increment and decrement have set; they lie over the event, below the variables."""
        self.cycles: dict[tuple[str, int], int] = {}
        self.blocks = 0
        """How many block tags are open."""
        self.out: list[str] = []
        self.stopped = False
        """A break or continue was met: with no loop around, it ends everything that follows."""

    def write(self, text: str) -> None:
        """Put a text out."""
        self.use(len(text))
        self.out.append(text)

    def lookup(self, key: Any) -> Any:
        """Give a variable: of a block, of the template, of a counter or of the event, in this order."""
        # An undefined value of a variable hides the event's member of that name, as in the reference.
        name = key if isinstance(key, str) else script_text(key, self)
        if self.blocks and name == "block":
            return BLOCK
        if name in self.variables:
            return self.variables[name]
        if name in self.counters:
            return self.counters[name]
        event = self.event
        if type(event) is dict:
            if name in event:
                return read_property(event, key, self)
        elif _has(event, name):
            return read_property(event, key, self)
        return read_property(NO_VARIABLES, key, self)  # of which one is known: its size is 0

    def inside(self, item: Any, evaluate: Evaluate) -> Any:
        """Evaluate with a value in the place of the event, without any variables."""
        other = Render(item, self.source)
        other.spent = self.spent
        value = evaluate(other)
        self.spent = other.spent
        return value

    def count(self, name: str, step: int) -> float:
        """Count a counter one up or down, and give it: before counting up, after counting down."""
        found = self.counters.get(name, own_property(self.event, name))
        before: float = found if is_number(found) else 0
        after = before + step
        self.counters = {**self.counters, name: after}
        return before if step > 0 else after


def _has(event: Any, name: str) -> bool:
    if type(event) is Drop:
        return name in event.members
    return own_property(event, name) is not UNDEFINED
