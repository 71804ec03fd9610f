"""From the bytes of a record to events.

A record holds one Segment event, or an envelope of Segment's Tracking API: {"batch": [event, …]}, whose
`context`, `integrations` and `sentAt` belong to each of its events.

Source: Segment's HTTP Tracking API, "Batch": "context" and "integrations" of the batch are merged into
each message, what a message says itself wins.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from connector.core.javascript import number_text
from connector.core.json_text import ReadError, WriteError, read_json, write_json
from connector.errors import UnreadableRecord

Event: TypeAlias = dict[str, Any]

LARGEST_RECORD_BYTES: Final = 1024 * 1024
"""Default limit of one record; Segment itself refuses events over 32 KiB and batches over 500 KiB."""

LARGEST_SHARED_BYTES: Final = 16 * 1024 * 1024
"""Most that the common members of an envelope may come to once each of its events has them: a context of
500 KB and 10,000 events of 20 bytes fit into a record of 700 KB, and would be 5 GB."""

_COMMON: Final = ("context", "integrations", "sentAt")


def read_object(value: bytes | None, *, largest: int = LARGEST_RECORD_BYTES) -> dict[str, Any]:
    """Parse a record into the JSON object it must be.

    Raises: UnreadableRecord, its reason one of empty, too_large, not_json, not_an_object
    """
    if value is None:
        raise UnreadableRecord("empty", "the record has no value (a tombstone)")
    if len(value) > largest:
        raise UnreadableRecord("too_large", f"{len(value)} bytes, at most {largest} are taken")
    try:
        parsed = read_json(value)
    except ReadError:
        # The parser's message may quote the text, which may be anybody's data.
        raise UnreadableRecord("not_json", "the value is not JSON in UTF-8") from None
    if type(parsed) is not dict:
        raise UnreadableRecord("not_an_object", "the value is JSON but no object")
    return parsed


def events_of(record: dict[str, Any]) -> list[Event]:
    """Give the events of a parsed record: the very object itself, or those of the envelope it is.

    Raises: UnreadableRecord when an envelope holds something that is no object, or would grow beyond all
        measure with its common members in each of its events
    """
    batch = record.get("batch")
    if type(batch) is not list or "type" in record:
        return [record]
    _refuse_bomb(record, len(batch))
    return [_event_of_batch(record, item, index) for index, item in enumerate(batch)]


def _refuse_bomb(envelope: Event, count: int) -> None:
    common = {key: envelope[key] for key in _COMMON if key in envelope}
    try:
        shared_bytes = len(write_json(common)) * count if common else 0
    except WriteError as error:
        raise UnreadableRecord("not_json", str(error)) from None
    if shared_bytes > LARGEST_SHARED_BYTES:
        raise UnreadableRecord(
            "too_large",
            f"its {count} events share {shared_bytes} bytes in all, at most {LARGEST_SHARED_BYTES} are taken",
        )


def _event_of_batch(envelope: Event, item: Any, index: int) -> Event:
    if type(item) is not dict:
        raise UnreadableRecord("not_an_object", f"batch[{index}] is no object")
    event = dict(item)
    for key in ("context", "integrations"):
        common = envelope.get(key)
        if type(common) is dict and type(event.get(key, {})) is dict:
            event[key] = {**common, **event.get(key, {})}
    if "sentAt" not in event and "sentAt" in envelope:
        event["sentAt"] = envelope["sentAt"]
    return event


def person_key(event: Event) -> str | None:
    """Give the id that orders a person's events: userId, else anonymousId; None where there is neither."""
    for name in ("userId", "anonymousId"):
        key = _id_text(event.get(name))
        if key:
            return key
    return None


def message_key(event: Event) -> str | None:
    """Give the messageId, the key of last resort."""
    return _id_text(event.get("messageId"))


def previous_key(event: Event) -> str | None:
    """Give the id that an alias event gives up, as a person's key; None for other events."""
    return _id_text(event.get("previousId")) if event.get("type") == "alias" else None


def names_a_person(event: Event) -> bool:
    """Tell whether the event says whom it is about: an id, or an email where the presets look for one."""
    if person_key(event) is not None:
        return True
    context, properties = event.get("context"), event.get("properties")
    traits = context.get("traits") if type(context) is dict else None
    holders = (event, event.get("traits"), traits, properties)
    return any(type(holder) is dict and _id_text(holder.get("email")) for holder in holders)


def _id_text(value: Any) -> str | None:
    match value:
        case str():
            return value or None
        case bool():
            return None
        case int() | float():
            return number_text(value)
        case _:
            return None
