"""Decide what of a source record goes to the by-user topic, and under which key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from connector.core.event import (
    LARGEST_RECORD_BYTES,
    Event,
    events_of,
    message_key,
    names_a_person,
    person_key,
    read_object,
)
from connector.core.json_text import WriteError, write_json
from connector.errors import UnreadableRecord


class Routed(NamedTuple):
    """One event for the by-user topic."""

    key: bytes
    value: bytes


def route(
    value: bytes | None,
    *,
    unidentified: Literal["dead-letter", "deliver"] = "dead-letter",
    largest: int = LARGEST_RECORD_BYTES,
) -> list[Routed]:
    """Give the events of a source record, keyed by person.

    A record that is one event keeps its bytes untouched; the events of a batch are written anew.
    Key: userId, else anonymousId, else messageId.
    unidentified: what happens to an event that names nobody (no userId, anonymousId or email)

    Raises: UnreadableRecord when the record holds no event, or one that cannot be routed; nothing of
        a batch is forwarded then, so that its dead letter is the whole of it
    """
    record = read_object(value, largest=largest)
    routed = []
    for event in events_of(record):
        routed.append(_routed(event, record, value, unidentified))  # noqa: PERF401  most have one event
    return routed


def route_one_by_one(
    value: bytes | None,
    *,
    unidentified: Literal["dead-letter", "deliver"] = "dead-letter",
    largest: int = LARGEST_RECORD_BYTES,
) -> Iterator[Routed]:
    """Do the same bit by bit: an envelope may hold tens of thousands of events.

    Raises: UnreadableRecord, perhaps only after some events
    """
    record = read_object(value, largest=largest)
    for event in events_of(record):
        yield _routed(event, record, value, unidentified)


def _routed(event: Event, record: Event, value: bytes | None, unidentified: str) -> Routed:
    key = person_key(event) or message_key(event)
    if key is None or (unidentified == "dead-letter" and not names_a_person(event)):
        raise UnreadableRecord("no_identity", "no userId, no anonymousId and no email")
    try:
        body = value if event is record and value else write_json(event)
    except WriteError as error:
        raise UnreadableRecord("not_json", str(error)) from None
    return Routed(key.encode("utf-8", "surrogatepass"), body)
