"""What is kept of a record that is given up: its original bytes, and why.

Header names are Kafka Connect's where it has one, so that its tools and habits work; ours begin with
`encharge.`. The JSON Schema is schemas/dead_letter.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeAlias

from connector.delivery.record import Record

CONNECT_PREFIX: Final = "__connect.errors."
OWN_PREFIX: Final = "encharge."

SOURCE_HEADER: Final = "encharge.source"
"""Where a forwarded record came from: topic/partition/offset/timestamp in milliseconds."""

REDRIVES_HEADER: Final = f"{OWN_PREFIX}redrives"
REDRIVEN_FROM: Final = f"{OWN_PREFIX}redriven_from"
"""The dead letter a record is made of: topic/partition/offset. Every redriven record has it."""

# What a redriven record is for. What is not named is not restricted.
ONLY_DESTINATION: Final = f"{OWN_PREFIX}only_destination"
ONLY_MAPPING: Final = f"{OWN_PREFIX}only_mapping"
ONLY_ACTION: Final = f"{OWN_PREFIX}only_action"
ONLY_EVENT: Final = f"{OWN_PREFIX}only_event"

_KEPT: Final = (SOURCE_HEADER,)

Headers: TypeAlias = Sequence[tuple[str, bytes]]


class Reason(NamedTuple):
    """Why a record was given up.

    code              stable, one of a closed set, documented in docs/codes.md
    message           what is wrong; never a person's data
    kind              class of the error, in the reference's words where it has one
    first_attempt_at  wall-clock epoch seconds
    response          what Encharge said, redacted
    """

    code: str
    message: str
    kind: str = ""
    mapping: str = ""
    action: str = ""
    attempts: int = 0
    first_attempt_at: float | None = None
    http_status: int | None = None
    response: str = ""


class DeadLetter(NamedTuple):
    """A record for the dead-letter topic."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    code: str


class Only(NamedTuple):
    """What a redriven record is for; None where it is for all."""

    destination: str | None = None
    mapping: str | None = None
    action: str | None = None
    event: int | None = None

    def takes(self, mapping: str, action: str) -> bool:
        """Tell whether it is for this mapping."""
        return self.mapping in (None, mapping) and self.action in (None, action)


def only_of(headers: Headers) -> Only | None:
    """Read what a redriven record is for; None for a record that was not redriven."""
    for name, _ in headers:
        if name == REDRIVEN_FROM:
            return _read_only(headers)
    return None


def make_dead_letter(
    origin: Record, reason: Reason, *, destination: str, config_version: str, event: int | None = None
) -> DeadLetter:
    """Build the dead letter of one record, or of one of its requests.

    event  number of the event in its record, from 0, for a letter about one request
    """
    mapping, action = reason.mapping, reason.action
    if not action and (only := only_of(origin.headers)):  # all of it failed, and it was for one mapping
        mapping, action, event = only.mapping or "", only.action or "", only.event
    facts: dict[str, object] = {
        f"{CONNECT_PREFIX}topic": origin.topic,
        f"{CONNECT_PREFIX}partition": origin.partition,
        f"{CONNECT_PREFIX}offset": origin.offset,
        f"{CONNECT_PREFIX}exception.class.name": reason.kind,
        f"{CONNECT_PREFIX}exception.message": reason.message,
        f"{OWN_PREFIX}code": reason.code,
        f"{OWN_PREFIX}mapping": mapping,
        f"{OWN_PREFIX}action": action,
        f"{OWN_PREFIX}event": event,
        f"{OWN_PREFIX}attempts": reason.attempts,
        f"{OWN_PREFIX}first_attempt_at": _iso_time(reason.first_attempt_at),
        f"{OWN_PREFIX}http_status": reason.http_status,
        f"{OWN_PREFIX}response": reason.response,
        f"{OWN_PREFIX}destination": destination,
        f"{OWN_PREFIX}config_version": config_version,
        REDRIVES_HEADER: redrives_of(origin.headers),
    }
    headers = kept_headers(origin.headers)
    # A text may quote half an emoji, which UTF-8 cannot carry.
    headers += [
        (name, str(value).encode(errors="replace"))
        for name, value in facts.items()
        if value not in (None, "")
    ]
    return DeadLetter(origin.key, origin.value, headers, reason.code)


def kept_headers(headers: Headers) -> list[tuple[str, bytes]]:
    """Give the headers that a record keeps on its way: those of others, and where it came from."""
    return [(name, value) for name, value in headers if name in _KEPT or not _is_ours(name)]


def redrives_of(headers: Headers) -> int:
    """Tell how often a record has come back from the dead letters."""
    for name, value in headers:
        if name == REDRIVES_HEADER:
            return number_in(value) or 0
    return 0


def number_in(value: bytes | None) -> int | None:
    """Read a header that holds a number, None for anything else."""
    # Anybody can write such a header: Kafka allows null, and int() refuses thousands of digits.
    return int(value) if value and value.isdigit() and len(value) < 20 else None


def text_in(value: bytes | None) -> str:
    """Read a header that holds text; the empty text where Kafka has null."""
    return (value or b"").decode("utf-8", "replace")


def _read_only(headers: Headers) -> Only:
    found = dict(headers)
    destination, mapping, action = (
        None if found.get(name) is None else text_in(found[name])
        for name in (ONLY_DESTINATION, ONLY_MAPPING, ONLY_ACTION)
    )
    return Only(destination, mapping, action, number_in(found.get(ONLY_EVENT)))


def _is_ours(name: str) -> bool:
    return name.startswith((CONNECT_PREFIX, OWN_PREFIX))


def _iso_time(epoch_s: float | None) -> str:
    if epoch_s is None:
        return ""
    text = datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
