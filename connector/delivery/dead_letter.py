"""What is kept of a record that is given up: its original bytes, and why.

Header names are Kafka Connect's where it has one, so that its tools and habits work; ours begin with
`encharge.`. The JSON Schema is schemas/dead_letter.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from connector.delivery.record import Record

CONNECT_PREFIX: Final = "__connect.errors."
OWN_PREFIX: Final = "encharge."

SOURCE_HEADER: Final = "encharge.source"
"""Where a forwarded record came from: topic/partition/offset/timestamp in milliseconds."""

_KEPT: Final = (SOURCE_HEADER,)


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


def make_dead_letter(origin: Record, reason: Reason, *, destination: str, config_version: str) -> DeadLetter:
    """Build the dead letter of one record, or of one of its requests."""
    facts: dict[str, object] = {
        f"{CONNECT_PREFIX}topic": origin.topic,
        f"{CONNECT_PREFIX}partition": origin.partition,
        f"{CONNECT_PREFIX}offset": origin.offset,
        f"{CONNECT_PREFIX}exception.class.name": reason.kind,
        f"{CONNECT_PREFIX}exception.message": reason.message,
        f"{OWN_PREFIX}code": reason.code,
        f"{OWN_PREFIX}mapping": reason.mapping,
        f"{OWN_PREFIX}action": reason.action,
        f"{OWN_PREFIX}attempts": reason.attempts,
        f"{OWN_PREFIX}first_attempt_at": _iso_time(reason.first_attempt_at),
        f"{OWN_PREFIX}http_status": reason.http_status,
        f"{OWN_PREFIX}response": reason.response,
        f"{OWN_PREFIX}destination": destination,
        f"{OWN_PREFIX}config_version": config_version,
        f"{OWN_PREFIX}redrives": redrives_of(origin.headers),
    }
    headers = [(name, value) for name, value in origin.headers if name in _KEPT or not _is_ours(name)]
    # A text may quote half an emoji, which UTF-8 cannot carry.
    headers += [
        (name, str(value).encode(errors="replace"))
        for name, value in facts.items()
        if value not in (None, "")
    ]
    return DeadLetter(origin.key, origin.value, headers, reason.code)


def redrives_of(headers: Sequence[tuple[str, bytes]]) -> int:
    """Tell how often a record has come back from the dead letters."""
    for name, value in headers:
        if name == f"{OWN_PREFIX}redrives":
            # Anybody can write this header: Kafka allows null, and int() refuses thousands of digits.
            return int(value) if value and value.isdigit() and len(value) < 10 else 0
    return 0


def _is_ours(name: str) -> bool:
    return name.startswith((CONNECT_PREFIX, OWN_PREFIX))


def _iso_time(epoch_s: float | None) -> str:
    if epoch_s is None:
        return ""
    text = datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
