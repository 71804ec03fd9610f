"""Take personal data and secrets out of texts that other systems wrote, before anybody keeps them."""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "[redacted]"
LONGEST_EXCERPT: Final = 500  # characters

# Matches begin where a word does, so that the time is linear in the length of the text.
# Also as URLs have it.
EMAIL: Final = re.compile(r"(?<![^\s\"'<>,;:=])[^\s\"'<>,;:=]+(?:@|%40)[^\s\"'<>,;:=]+")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|“[^”]*”|`[^`]*`")
_WORD = re.compile(r"\w(?:[\w.+-]*\w)?")
_ID_LIKE = re.compile(r"\d.{5}|\b\d{5}\b")


def redact(text: str) -> str:
    """Keep the words of a message, not the values in it: addresses, quoted texts, anything like an id."""
    for pattern in (EMAIL, _QUOTED):
        text = pattern.sub(REDACTED, text)
    text = _WORD.sub(_redact_word, text)
    if len(text) > LONGEST_EXCERPT:
        text = text[:LONGEST_EXCERPT] + "…"
    return text


def _redact_word(word: re.Match[str]) -> str:
    return REDACTED if _ID_LIKE.search(word[0]) else word[0]
