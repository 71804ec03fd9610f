"""Cut a text into what V8's date parser sees: numbers, words it knows or not, signs, and blanks."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final, NamedTuple

from connector.core.placeholders import WHITE_SPACE

_SIGNIFICANT_DIGITS: Final = 9

_TOKEN = re.compile(
    rf"(?P<number>[0-9]+)|(?P<symbol>[:\-+.)])|(?P<blank>[{WHITE_SPACE}])"
    rf"|(?P<word>[^\x00-@{WHITE_SPACE}]+)|(?P<other>.)",
    re.DOTALL,
)


class Kind(Enum):
    """What a token is."""

    NUMBER = auto()
    SYMBOL = auto()
    BLANK = auto()
    MONTH = auto()
    HALF_DAY = auto()
    ZONE = auto()
    TIME_MARK = auto()
    UNKNOWN_WORD = auto()
    OTHER = auto()
    END = auto()


class Token(NamedTuple):
    """A token; `value` is a number, a month, hours to add, or hours ahead of UTC."""

    kind: Kind
    text: str
    value: int = 0

    def is_symbol(self, *symbols: str) -> bool:
        """Tell whether this is one of some punctuation marks."""
        return self.kind is Kind.SYMBOL and self.text in symbols

    def is_number_of(self, digits: int) -> bool:
        """Tell whether this is a number written with so many digits."""
        return self.kind is Kind.NUMBER and len(self.text) == digits

    def is_z(self) -> bool:
        """Tell whether this is the letter Z."""
        return self.kind is Kind.ZONE and len(self.text) == 1


END: Final = Token(Kind.END, "")

_MONTHS: Final = {
    name: number
    for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)
}
_WORDS: Final = {
    "am": (Kind.HALF_DAY, 0),
    "pm": (Kind.HALF_DAY, 12),
    "t": (Kind.TIME_MARK, 0),
    **dict.fromkeys(("ut", "utc", "z", "gmt"), (Kind.ZONE, 0)),
    "cdt": (Kind.ZONE, -5),
    "cst": (Kind.ZONE, -6),
    "edt": (Kind.ZONE, -4),
    "est": (Kind.ZONE, -5),
    "mdt": (Kind.ZONE, -6),
    "mst": (Kind.ZONE, -7),
    "pdt": (Kind.ZONE, -7),
    "pst": (Kind.ZONE, -8),
}


def date_tokens(text: str) -> list[Token]:
    """Cut a text; what is in parentheses, also unclosed ones, is one token without meaning."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if text[at] == "(":
            at = _behind_parentheses(text, at)
            tokens.append(Token(Kind.OTHER, "("))
            continue
        match = _TOKEN.match(text, at)
        assert match is not None
        at = match.end()
        tokens.append(_token(match))
    return tokens


def _behind_parentheses(text: str, at: int) -> int:
    open_ones = 0
    while at < len(text):
        open_ones += (text[at] == "(") - (text[at] == ")")
        at += 1
        if not open_ones:
            break
    return at


def _token(match: re.Match[str]) -> Token:
    text = match[0]
    match match.lastgroup:
        case "number":
            digits = text.lstrip("0")[:_SIGNIFICANT_DIGITS]
            return Token(Kind.NUMBER, text, int(digits) if digits else 0)
        case "symbol":
            return Token(Kind.SYMBOL, text)
        case "blank":
            return Token(Kind.BLANK, text)
        case "word":
            return _word(text)
        case _:
            return Token(Kind.OTHER, text)


def _word(text: str) -> Token:
    # Only ASCII letters are folded: the Kelvin sign is no k.
    word = text.lower() if text.isascii() else text
    if word[:3] in _MONTHS:
        return Token(Kind.MONTH, text, _MONTHS[word[:3]])
    kind, value = _WORDS.get(word, (Kind.UNKNOWN_WORD, 0))
    return Token(kind, text, value)
