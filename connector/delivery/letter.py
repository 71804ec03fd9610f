"""A dead letter as it is read back: what its headers say, and which letters somebody asks for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from connector.core.event import Event, events_of, person_key, read_object
from connector.delivery.dead_letter import CONNECT_PREFIX, OWN_PREFIX, SOURCE_HEADER, number_in, text_in
from connector.delivery.record import Record
from connector.errors import UnreadableRecord

PROBE: Final = "probe"
"""Code of what `encharge-connector check` writes to see whether it can."""


class State(StrEnum):
    """What became of a letter."""

    WAITING = "waiting"
    REDRIVEN = "redriven"
    SUPPRESSED = "suppressed"  # its person was deleted since: it is never sent again


class Place(NamedTuple):
    """Where a letter stands on the dead-letter topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        """Render as `partition:offset`."""
        return f"{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One dead letter; texts that are not known are empty.

    timestamp       when it was written, milliseconds since the epoch
    happened        when its event came, as far as known, else the same; for what happened since to a person
    message, kind   what was wrong, and the class of that error
    event           number of the event in its record, from 0; None when the letter is about all of it
    destination     empty when the ingest stage gave up, who writes for all destinations
    redrives        how often it has come back
    topic, origin   topic, and place there, of the record that was given up
    headers         all of them, of others too
    """

    place: Place
    timestamp: int
    happened: int
    code: str
    message: str
    kind: str
    mapping: str
    action: str
    event: int | None
    attempts: int
    first_attempt_at: str
    http_status: int | None
    response: str
    destination: str
    config_version: str
    redrives: int
    topic: str
    origin: Place | None
    source: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def is_of_ingest(self) -> bool:
        """Whether the record never became a record of the by-user topic."""
        return not self.destination

    def events(self, *, largest: int) -> list[Event]:
        """Give the events that the letter is about.

        Raises: UnreadableRecord
        """
        events = events_of(read_object(self.value, largest=largest))
        if self.event is None:
            return events
        return events[self.event : self.event + 1]

    def names(self, user: str) -> bool:
        """Tell whether this is a letter of somebody: a userId or an anonymousId, or the key."""
        if self.key == user.encode("utf-8", "surrogatepass"):
            return True
        try:
            events = self.events(largest=len(self.value or b""))
        except UnreadableRecord:
            return False
        return any(user in (event.get("userId"), event.get("anonymousId")) for event in events)

    @property
    def user(self) -> str:
        """Id of the person, empty when it is about nobody or about several."""
        try:
            keys = {person_key(event) for event in self.events(largest=len(self.value or b""))}
        except UnreadableRecord:
            return ""
        return (keys.pop() or "") if len(keys) == 1 else ""


def read_letter(record: Record) -> Letter | None:
    """Read a record of the dead-letter topic; None when it is no letter of ours, or a probe.

    Never raises: headers may be anything that anybody wrote.
    """
    found = dict(record.headers)
    code = text_in(found.get(f"{OWN_PREFIX}code"))
    if not code or code == PROBE:
        return None

    def text(name: str) -> str:
        return text_in(found.get(name))

    def number(name: str) -> int | None:
        return number_in(found.get(name))

    partition = number(f"{CONNECT_PREFIX}partition")
    offset = number(f"{CONNECT_PREFIX}offset")
    source = text(SOURCE_HEADER)
    return Letter(
        place=Place(record.partition, record.offset),
        timestamp=record.timestamp,
        happened=_happened(source, record.timestamp),
        code=code,
        message=text(f"{CONNECT_PREFIX}exception.message"),
        kind=text(f"{CONNECT_PREFIX}exception.class.name"),
        mapping=text(f"{OWN_PREFIX}mapping"),
        action=text(f"{OWN_PREFIX}action"),
        event=number(f"{OWN_PREFIX}event"),
        attempts=number(f"{OWN_PREFIX}attempts") or 0,
        first_attempt_at=text(f"{OWN_PREFIX}first_attempt_at"),
        http_status=number(f"{OWN_PREFIX}http_status"),
        response=text(f"{OWN_PREFIX}response"),
        destination=text(f"{OWN_PREFIX}destination"),
        config_version=text(f"{OWN_PREFIX}config_version"),
        redrives=number(f"{OWN_PREFIX}redrives") or 0,
        topic=text(f"{CONNECT_PREFIX}topic"),
        origin=None if partition is None or offset is None else Place(partition, offset),
        source=source,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which letters somebody asks for; what is left empty restricts nothing.

    since, until  milliseconds since the epoch, the first included, the second not
    destination   its letters and those of the ingest stage; None for all
    """

    codes: frozenset[str] = frozenset()
    mappings: frozenset[str] = frozenset()
    user: str | None = None
    since: int | None = None
    until: int | None = None
    destination: str | None = None

    def is_for(self, letter: Letter) -> bool:
        """Tell whether a letter is one of the destination, or of the ingest stage."""
        return self.destination is None or letter.destination in ("", self.destination)

    def takes(self, letter: Letter) -> bool:
        """Tell whether a letter is asked for."""
        return (
            (not self.codes or letter.code in self.codes)
            and (not self.mappings or letter.mapping in self.mappings)
            and (self.since is None or letter.timestamp >= self.since)
            and (self.until is None or letter.timestamp < self.until)
            and self.is_for(letter)
            and (self.user is None or letter.names(self.user))
        )


def _happened(source: str, written: int) -> int:
    """Give the time of the source record, where the header tells it and it lies before the letter's."""
    text = source.rpartition("/")[2]
    at = number_in(text.encode()) if text.isascii() else None
    return written if at is None else min(at, written)
