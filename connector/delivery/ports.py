"""The doors through which delivery touches the world. Edges implement them, fakes do in tests."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from connector.core import Request
from connector.delivery.dead_letter import DeadLetter
from connector.delivery.outcome import Answer


class Sender(Protocol):
    """Makes exactly one attempt; trouble on the wire is an answer, not an error."""

    def send(self, request: Request) -> Awaitable[Answer]:
        """Send the request once; the awaitable gives what came back."""
        ...


class DeadLetterSink(Protocol):
    """Keeps dead letters durably."""

    async def put(self, letter: DeadLetter) -> None:
        """Return once the letter is written to the quorum.

        Raises: OperationalError when it could not be written; nothing may be settled then
        """
        ...


class Account(Protocol):
    """Tells whether Encharge knows our key."""

    async def key_works(self) -> bool:
        """Try the key; False also when nobody answers."""
        ...


class Dice(Protocol):
    """Chance, for jitter."""

    def roll(self) -> float:
        """Draw from [0, 1)."""
        ...
