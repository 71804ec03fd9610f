"""Take personal data and secrets out of texts that other systems wrote, before anybody keeps them."""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "[redacted]"
LONGEST_EXCERPT: Final = 500  # characters

_EMAIL = re.compile(r"[^\s\"'<>,;:=]+@[^\s\"'<>,;:=]+")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|“[^”]*”|`[^`]*`")
_ID_LIKE = re.compile(r"\b[\w.+-]*\d[\w.+-]{5,}\b|\b\d{5,}\b")


def redact(text: str) -> str:
    """Keep the words of a message, not the values in it: addresses, quoted texts, anything like an id."""
    for pattern in (_EMAIL, _QUOTED, _ID_LIKE):
        text = pattern.sub(REDACTED, text)
    if len(text) > LONGEST_EXCERPT:
        text = text[:LONGEST_EXCERPT] + "…"
    return text
