"""Take personal data and secrets out of texts that other systems wrote, before anybody keeps them."""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "[redacted]"
LONGEST_EXCERPT: Final = 500  # characters

# Matches begin where a word does, so that the time is linear in the length of the text.
# Also as URLs have it.
EMAIL: Final = re.compile(r"(?<![^\s\"'<>,;:=])[^\s\"'<>,;:=]+(?:@|%40)[^\s\"'<>,;:=]+")
# A mark in a word, as in "can't", neither begins nor ends a value; one that is not closed hides the rest.
_QUOTED = re.compile(
    r"(?<!\w)[bru]{0,2}(?:'(?:[^']|'(?=\w))*+(?:'|\Z)|\"(?:[^\"]|\"(?=\w))*+(?:\"|\Z)"
    r"|“[^”]*+(?:”|\Z)|`[^`]*+(?:`|\Z))"
)
_MARK = re.compile(r"\\*['\"]")
_WORD = re.compile(r"\w(?:[\w.+-]*\w)?")
_ID_LIKE = re.compile(r"\d.{5}|\b\d{5}\b")


def redact(text: str) -> str:
    """Keep the words of a message, not the values in it: addresses, quoted texts, anything like an id."""
    if "\\'" in text or '\\"' in text:
        text = _without_nested(text)
    for pattern in (EMAIL, _QUOTED):
        text = pattern.sub(REDACTED, text)
    text = _WORD.sub(_redact_word, text)
    if len(text) > LONGEST_EXCERPT:
        text = text[:LONGEST_EXCERPT] + "…"
    return text


def _without_nested(text: str) -> str:
    """Take out everything from the first quotation mark to the last: which belong together cannot be told."""
    marks = list(_MARK.finditer(text))
    return text[: marks[0].start()] + REDACTED + text[marks[-1].end() :]


def _redact_word(word: re.Match[str]) -> str:
    return REDACTED if _ID_LIKE.search(word[0]) else word[0]
