"""A place in a template that moves on: reads names, texts and numbers, and complains with its position.

Positions are UTF-16 units from the start of the whole template, also inside a tag, whose scanner just
ends earlier. What the scanner takes for blank, a word or a quote is liquidjs's table of characters.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from connector.core.json_text import json_text
from connector.core.liquid.errors import ScriptError, located
from connector.core.liquid.units import joined
from connector.core.liquid.values import LITERALS
from connector.errors import FieldsError

BLANK: Final = (
    "\t\n\v\f\r \u00a0\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_QUOTES: Final = "'\""
_CURLY_QUOTES: Final = "\u201c\u201d"
_ASCII_WORD: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-?")
_DIGITS: Final = frozenset("0123456789")
_OCTAL: Final = frozenset("01234567")
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_LONGEST_SNAPSHOT: Final = 32


def is_word(character: str) -> bool:
    """Tell whether a character may be part of a name: most beyond ASCII may, and `-` and `?`."""
    if character < "\x80":
        return character in _ASCII_WORD
    return character not in BLANK and character not in _CURLY_QUOTES


class Scanner:
    """Reads `source` from `at` up to `end`."""

    __slots__ = ("at", "end", "levels", "source")

    def __init__(self, source: str, at: int = 0, end: int | None = None) -> None:
        self.source = source
        self.at = at
        self.end = len(source) if end is None else end
        self.levels = 0
        """How deep in brackets and ranges the scanner is."""

    def error(self, message: str, begin: int | None = None) -> FieldsError:
        """Make the error of a wrong character, here or at `begin`."""
        return located("TokenizationError", message, self.source, self.at if begin is None else begin)

    def snapshot(self, begin: int | None = None) -> str:
        """Quote the rest of the text for an error's message."""
        rest = self.source[self.at if begin is None else begin : self.end]
        return quoted(rest if len(rest) <= _LONGEST_SNAPSHOT else rest[: _LONGEST_SNAPSHOT - 3] + "...")

    def at_end(self) -> bool:
        """Tell whether everything is taken."""
        return self.at >= self.end

    def peek(self, ahead: int = 0) -> str:
        """Give the next character without taking it; "" at the end."""
        place = self.at + ahead
        return self.source[place] if place < self.end else ""

    def take(self) -> str:
        """Take the next character, which may be one behind the end, as in the reference."""
        character = self.source[self.at : self.at + 1]
        self.at += 1
        return character

    def skip_blank(self) -> None:
        """Take blanks, if there are any."""
        source, at, end = self.source, self.at, self.end
        while at < end and source[at] in BLANK:
            at += 1
        self.at = at

    def follows(self, text: str) -> bool:
        """Tell whether `text` is next."""
        return self.source.startswith(text, self.at)

    def passed(self, text: str) -> bool:
        """Tell whether `text` was just taken."""
        return self.source.startswith(text, self.at - len(text)) if self.at >= len(text) else False

    def take_to(self, text: str) -> bool:
        """Take everything up to and with `text`, at least one character; all there is without it."""
        while self.at < self.end:
            self.at += 1
            if self.passed(text):
                return True
        return False

    def name(self) -> str:
        """Take a name; "" where there is none."""
        self.skip_blank()
        begin = self.at
        while self.at < self.end and is_word(self.source[self.at]):
            self.at += 1
        return joined(self.source[begin : self.at])

    def quoted_text(self) -> str | None:
        """Take a text in quotes; a missing end quote is the end of the template's part."""
        self.skip_blank()
        begin = self.at
        quote = self.peek()
        if not quote or quote not in _QUOTES:
            return None
        self.at += 1
        escaped = False
        while self.at < self.end:
            character = self.source[self.at]
            self.at += 1
            if character == quote and not escaped:
                break
            escaped = character == "\\" and not escaped
        return joined(_unescaped(self.source[begin : self.at]))

    def number(self) -> float | None:
        """Take a number: 3, -3, 3.5 or 3. with the dot."""
        self.skip_blank()
        length = 1 if self.peek() and self.peek() in "+-" else 0
        digits = dots = 0
        while character := self.peek(length):
            if character in _DIGITS:
                digits += 1
            elif character == "." and self.peek(length + 1) != ".":
                if dots or not digits:
                    return None
                dots += 1
            else:
                break
            length += 1
        following = self.peek(length)
        if not digits or (following and is_word(following)):
            return None
        begin = self.at
        self.at += length
        return _plain_number(float(self.source[begin : self.at]))

    def literal(self) -> tuple[bool, Any]:
        """Take true, false, nil, null, empty or blank: whether one was there, and its value."""
        self.skip_blank()
        for word, value in LITERALS.items():
            if self.follows_word(word):
                self.at += len(word)
                return True, value
        return False, None

    def follows_word(self, word: str) -> bool:
        """Tell whether a word follows that ends there."""
        end = self.at + len(word)
        if not self.follows(word) or end > self.end:
            return False
        return end == self.end or not is_word(self.source[end])


def quoted(text: str) -> str:
    """Quote a text as JavaScript's JSON does."""
    text = joined(text)
    try:
        return orjson.dumps(text).decode()
    except TypeError:  # half of a character
        return str(json_text(text))


def _plain_number(number: float) -> float:
    # Integers are integers, for they index lists; but minus zero is known to floats only.
    is_small_integer = number.is_integer() and abs(number) < 2**53 and number != 0
    return int(number) if is_small_integer else number


def _unescaped(text: str) -> str:
    """Give what a quoted text stands for; its first and last character are the quotes, or taken for them."""
    if "\\" not in text:
        return text[1:-1]
    parts: list[str] = []
    at = 1
    while at < len(text) - 1:
        character = text[at]
        at += 1
        if character != "\\":
            parts.append(character)
            continue
        escape = text[at]
        if escape in _ESCAPES:
            parts.append(_ESCAPES[escape])
            at += 1
        elif escape == "u":
            at, code = _code(text, at + 1, 4, _HEX, 16)
            parts.append(chr(code))
        elif escape in _OCTAL:
            at, code = _code(text, at, 3, _OCTAL, 8)
            parts.append(chr(code))
        else:
            parts.append(escape)
            at += 1
    return "".join(parts)


def _code(text: str, at: int, most: int, digits: frozenset[str], base: int) -> tuple[int, int]:
    end = at
    while end < at + most and text[end : end + 1] in digits:
        end += 1
    if end == len(text) and end < at + most and base == 16:
        # The reference looks behind the end of a text without its end quote, and falls.
        raise ScriptError("Cannot read properties of undefined (reading 'charCodeAt')")
    return end, int(text[at:end], base) if end > at else 0
