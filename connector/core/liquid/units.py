"""Texts as JavaScript counts them: in UTF-16 units, of which an emoji has two.

Ordinary Python texts are used everywhere; where a rule counts or cuts, the text is spread so that each
unit is one character, and joined again afterwards. Texts below U+10000 are the same in both forms.
"""

from __future__ import annotations

import re

_BEYOND = re.compile("[\U00010000-\U0010ffff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def spread(text: str) -> str:
    """Write characters above U+FFFF as the two units they have in JavaScript."""
    if text.isascii() or _BEYOND.search(text) is None:
        return text
    return _BEYOND.sub(_units_of, text)


def _units_of(match: re.Match[str]) -> str:
    code = ord(match[0]) - 0x10000
    return chr(0xD800 + (code >> 10)) + chr(0xDC00 + (code & 0x3FF))


def unit_count(text: str) -> int:
    """Count the units of a text."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def joined(text: str) -> str:
    """Write pairs of units as the characters they stand for; a lone half stays."""
    return text if text.isascii() else _PAIR.sub(_character_of, text)


def _character_of(match: re.Match[str]) -> str:
    pair = match[0]
    return chr(0x10000 + ((ord(pair[0]) - 0xD800) << 10) + ord(pair[1]) - 0xDC00)


def utf8(text: str) -> bytes:
    """Encode as UTF-8; what has no encoding becomes U+FFFD, as when JavaScript encodes."""
    if text.isascii():
        return text.encode()
    return _SURROGATE.sub("\ufffd", joined(text)).encode()
