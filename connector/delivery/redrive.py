"""Redriving: what a letter would come to today, and the record that is made of it.

The record is the original key and value. Its headers say what it is for, so that nothing is sent a second
time that was delivered when the letter was written.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from connector.core import Destination
from connector.core.event import Event
from connector.core.plan import Planned
from connector.delivery.dead_letter import (
    ONLY_ACTION,
    ONLY_DESTINATION,
    ONLY_EVENT,
    ONLY_MAPPING,
    REDRIVEN_FROM,
    REDRIVES_HEADER,
    Only,
    kept_headers,
)
from connector.delivery.letter import Letter
from connector.errors import UnreadableRecord


class Prospect(StrEnum):
    """What becomes of a letter that is redriven now."""

    SENT = "sent"  # there would be a request; what Encharge says to it nobody knows
    FORWARDED = "forwarded"  # the ingest stage would take it
    FAILS = "fails"  # there would be another dead letter, without a request
    UNREADABLE = "unreadable"  # as before
    NO_MATCH = "no_match"  # the mapping does not match the event any more
    NO_MAPPING = "no_mapping"  # no enabled mapping has that name
    OTHER_ACTION = "other_action"  # the mapping of that name does something else now

    @property
    def is_good(self) -> bool:
        """Whether redriving it makes sense."""
        return self in (Prospect.SENT, Prospect.FORWARDED)


class Outlook(NamedTuple):
    """A prospect, and what stands behind it: why it fails, or what would be sent."""

    prospect: Prospect
    why: str = ""
    planned: tuple[Planned, ...] = ()


def outlook_of(letter: Letter, destination: Destination, *, largest: int) -> Outlook:
    """Tell what the deliver stage would do with a letter of its own by the destination of today."""
    only = only_for(letter)
    if letter.mapping:
        mappings = [mapping for mapping in destination.mappings if mapping.name == letter.mapping]
        if not mappings:
            return Outlook(Prospect.NO_MAPPING, "no enabled mapping has that name any more")
        if not any(only.takes(mapping.name, mapping.action.key) for mapping in mappings):
            action = mappings[0].action.key
            return Outlook(Prospect.OTHER_ACTION, f"the mapping does {action} now, not {letter.action}")
    try:
        events = letter.events(largest=largest)
    except UnreadableRecord as error:
        return Outlook(Prospect.UNREADABLE, error.message)
    planned = tuple(each for event in events for each in _planned(destination, event, only))
    errors = [each.error for each in planned if each.error is not None]
    if not planned:
        return Outlook(Prospect.NO_MATCH, "the trigger does not match the event any more")
    if len(errors) == len(planned):
        return Outlook(Prospect.FAILS, f"{errors[0].code}: {errors[0].message}", planned)
    return Outlook(Prospect.SENT, planned=planned)


def only_for(letter: Letter) -> Only:
    """Tell what the record made of a letter is for."""
    if letter.is_of_ingest:
        return Only()
    return Only(letter.destination, letter.mapping or None, letter.action or None, letter.event)


def redriven_headers(letter: Letter, topic: str) -> list[tuple[str, bytes]]:
    """Give the headers of the record made of a letter; `topic` is the one of the dead letters."""
    only = only_for(letter)
    facts: dict[str, object] = {
        REDRIVES_HEADER: letter.redrives + 1,
        REDRIVEN_FROM: f"{topic}/{letter.place.partition}/{letter.place.offset}",
        ONLY_DESTINATION: only.destination,
        ONLY_MAPPING: only.mapping,
        ONLY_ACTION: only.action,
        ONLY_EVENT: only.event,
    }
    headers = kept_headers(letter.headers)
    headers += [(name, str(fact).encode()) for name, fact in facts.items() if fact is not None]
    return headers


def _planned(destination: Destination, event: Event, only: Only) -> tuple[Planned, ...]:
    planned = destination.plan_event(event)
    return tuple(each for each in planned if only.takes(each.mapping_name, each.action))
