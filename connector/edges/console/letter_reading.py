"""Reads dead letters for the console, within bounds that the worker does not feel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from connector.delivery.letter import Letter, Place, Selection, State
from connector.edges.clocks import monotonic_clock, wall_clock
from connector.edges.dead_letters.reader import DeadLetterReader, Found, Scanned
from connector.settings import Settings

MOST_RECORDS: Final = 20_000
AT_ONCE: Final = 50  # records between two turns for others: 2 ms or so
LONGEST_S: Final = 15.0  # that one read takes
FRESH_S: Final = 5.0  # that a read is kept for the next page
LONGEST_TEXT: Final = 500  # characters of a message or name that are kept
LONGEST_KEY: Final = 200  # bytes


class Row(NamedTuple):
    """What a list shows of a letter; timestamp in milliseconds since the epoch."""

    timestamp: int
    place: Place
    code: str
    mapping: str
    destination: str
    redrives: int
    state: State
    message: str
    key: bytes | None


class Read(NamedTuple):
    """What was found in one read.

    rows         the newest first
    at           epoch seconds
    looked_at    records
    in_all       records on the topic
    passed_over  records that are no letters
    others       letters of other destinations
    is_late      whether time was over before all was read
    """

    rows: tuple[Row, ...]
    at: float
    looked_at: int
    in_all: int
    passed_over: int = 0
    others: int = 0
    is_late: bool = False

    @property
    def is_all(self) -> bool:
        """Whether no letter was left out."""
        return not self.is_late and self.in_all <= MOST_RECORDS


class ReadsLetters(Protocol):
    """Where letters come from. Both raise OperationalError."""

    async def letters(self, user: str = "") -> Read:
        """Give the newest letters, of one person or of all."""
        ...

    async def letter(self, place: Place) -> Found | None:
        """Give one letter; None when there is none at that place."""
        ...


class KafkaLetters:
    """Reads them from the dead-letter topic, one read at a time.

    destination  id of the destination whose letters are wanted; None for those of all
    """

    def __init__(self, settings: Settings, destination: Callable[[], str | None]) -> None:
        self._settings, self._destination = settings, destination
        self._reading = asyncio.Lock()
        self._kept: tuple[str, float, Read] | None = None

    async def letters(self, user: str = "") -> Read:
        """Give the newest letters, of one person or of all; a read of a moment ago is as good."""
        async with self._reading:
            kept = self._kept
            if kept is not None and kept[0] == user and monotonic_clock() - kept[1] < FRESH_S:
                return kept[2]
            read = await self._read(user)
            self._kept = user, monotonic_clock(), read
            return read

    async def letter(self, place: Place) -> Found | None:
        """Give one letter."""
        async with self._reading, self._reader() as reader:
            return await reader.letter(place)

    def _reader(self) -> DeadLetterReader:
        return DeadLetterReader(self._settings, self._destination() or "", most_at_once=AT_ONCE)

    async def _read(self, user: str) -> Read:
        selection = Selection(user=user or None, destination=self._destination())
        scanned, is_late = Scanned(), False
        rows: list[Row] = []
        begun = wall_clock()
        async with self._reader() as reader:
            in_all = sum(bounds.end - bounds.begin for bounds in reader.bounds.values())
            try:
                async with asyncio.timeout(LONGEST_S):
                    async for letter, state in reader.scan(selection, scanned, newest=MOST_RECORDS):
                        rows.append(_row(letter, state))
            except TimeoutError:
                is_late = True
        rows.reverse()
        # By numbers, and in partitions they are in order: two milliseconds for 20,000.
        rows.sort(key=lambda row: row.timestamp, reverse=True)
        others = sum(scanned.others.values())
        return Read(tuple(rows), begun, scanned.read, in_all, scanned.passed_over, others, is_late)


def _row(letter: Letter, state: State) -> Row:
    return Row(
        letter.timestamp,
        letter.place,
        letter.code[:LONGEST_TEXT],
        letter.mapping[:LONGEST_TEXT],
        letter.destination[:LONGEST_TEXT],
        letter.redrives,
        state,
        letter.message[:LONGEST_TEXT],
        None if letter.key is None else letter.key[:LONGEST_KEY],
    )
