"""The doors through which delivery touches the world. Edges implement them, fakes do in tests."""

from __future__ import annotations

from typing import Protocol

from connector.core import Request
from connector.delivery.dead_letter import DeadLetter
from connector.delivery.outcome import Answer


class Sender(Protocol):
    """Makes exactly one attempt; trouble on the wire is an answer, not an error."""

    async def send(self, request: Request) -> Answer:
        """Send the request once and give what came back."""
        ...


class DeadLetterSink(Protocol):
    """Keeps dead letters durably."""

    async def put(self, letter: DeadLetter) -> None:
        """Return once the letter is written to the quorum.

        Raises: OperationalError when it could not be written; nothing may be settled then
        """
        ...


class Dice(Protocol):
    """Chance, for jitter."""

    def roll(self) -> float:
        """Draw from [0, 1)."""
        ...
