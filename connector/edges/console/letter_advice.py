"""What to do about each code, as docs/codes.md has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ADVICE: Final[Mapping[str, str]] = {
    "unreadable_empty": "nothing; find out who writes tombstones to an event topic",
    "unreadable_too_large": "raise the limit, or mend the producer",
    "unreadable_not_json": "mend the producer",
    "unreadable_not_an_object": "mend the producer",
    "unreadable_no_identity": "mend the producer, or set CONNECTOR_UNIDENTIFIED=deliver",
    "invalid_trigger": "mend the trigger",
    "invalid_fields": "encharge-connector explain names it; mend the mapping",
    "invalid_payload": "the message names every field; mend the mapping or the producer",
    "invalid_action": "mend the mapping or the producer",
    "invalid_event": "mend the producer",
    "invalid_encoding": "mend the producer",
    "rejected": "headers encharge.http_status and encharge.response hold its words",
    "retry_window": "look at Encharge's status; redrive when it works",
    "internal": "report it; the record is safe",
}
