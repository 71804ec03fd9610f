"""Triggers: condition texts such as `type = "track" and properties.total >= 100`, compiled to predicates.

The language is Segment's FQL as the reference destination reads it, surprises included.
"""

from __future__ import annotations

from typing import Any

from connector.core.triggers.conditions import Group, compile_node, possible_values
from connector.core.triggers.lexer import tokenize
from connector.core.triggers.parser import parse
from connector.errors import TriggerError

__all__ = ["Trigger", "TriggerError", "compile_trigger"]


class Trigger:
    """A compiled trigger: called with an event it tells whether the event matches."""

    __slots__ = ("events", "holds", "root", "text", "types")

    def __init__(self, text: str, root: Group) -> None:
        self.text = text
        self.root = root
        """The tree of conditions, for explanations."""
        self.holds = compile_node(root)
        self.types = possible_values(root, "type")
        """The event types that can match, None when any may."""
        self.events = possible_values(root, "event")
        """The names of events (`event`) that can match, None when any may."""

    def __call__(self, event: Any) -> bool:
        """Tell whether the event matches.

        Raises: TriggerError where the reference throws while evaluating (an empty group)
        """
        return self.holds(event)

    def __repr__(self) -> str:
        return f"Trigger({self.text!r})"


def compile_trigger(text: str) -> Trigger:
    """Compile the text of a trigger.

    Raises: TriggerError where the reference fails to parse; such a trigger never matches there
    """
    if not isinstance(text, str) or not text:
        raise TriggerError("the trigger is empty")
    return Trigger(text, parse(tokenize(text)))
