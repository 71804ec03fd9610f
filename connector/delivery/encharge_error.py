"""What Encharge says in the body of an answer that is no success."""

from __future__ import annotations

from typing import Any, NamedTuple

from connector.core.json_text import ReadError, read_json
from connector.delivery.redaction import REDACTED, redact


class EnchargeError(NamedTuple):
    """`{"error": {"message", "errorCode", "traceId"}}`, as far as the body has it; the message redacted."""

    message: str = ""
    error_code: str = ""
    trace_id: str = ""

    def __str__(self) -> str:
        """Give one line for a header or a log."""
        parts = (
            self.message,
            self.error_code and f"errorCode={self.error_code}",
            self.trace_id and f"traceId={self.trace_id}",
        )
        return " ".join(" ".join(parts).split())


def parse_error(body: bytes, key: str = "") -> EnchargeError:
    """Read an answer's body; one that has another shape gives its beginning as the message.

    key  what the request showed of us; taken out wherever the answer has it
    """
    if key:
        body = body.replace(key.encode(), REDACTED.encode())
    try:
        parsed = read_json(body)
    except ReadError:
        return EnchargeError(redact(body[:2000].decode("utf-8", "replace")))
    error: Any = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    if isinstance(error, dict):
        return EnchargeError(
            redact(_text(error.get("message"))),
            _text(error.get("errorCode"))[:100],
            _text(error.get("traceId"))[:100],
        )
    return EnchargeError(redact(_text(error)))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
