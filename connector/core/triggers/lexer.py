"""Cut the text of a trigger into tokens, with the reference lexer's exact rules.

Words, operators and closing quotes are recognised by what follows them, which explains most of the
surprises described in docs/triggers.md: `total>5` fails while `total=5` works, `!="x"` fails, a text
directly followed by a letter opens the next text.

Source: segmentio/fql-ts, src/lexer.ts
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from connector.errors import TriggerError


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    OPERATOR = "operator"
    CONNECTIVE = "connective"  # and, or
    TEXT = "text"
    NUMBER = "number"
    NULL = "null"
    DOT = "."
    COMMA = ","
    LEFT_BRACKET = "["
    RIGHT_BRACKET = "]"
    LEFT_PARENTHESIS = "("
    RIGHT_PARENTHESIS = ")"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `text` is as written, quotes included, but for the escapes of words."""

    kind: Kind
    text: str
    at: int  # index of its first character in the trigger


_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGITS: Final = frozenset("0123456789")
_WORD_START: Final = _LETTERS | {"_", "\\"}
_WORD: Final = _WORD_START | _DIGITS | {"-"}
_WHITE: Final = frozenset(" \t\n")  # a carriage return is an error
_TERMINATORS: Final = _WHITE | frozenset(",])") | {""}  # "" is the end
_AFTER_WORD: Final = _TERMINATORS | frozenset(".(=!")
_PUNCTUATION: Final = {
    kind.value: kind
    for kind in (
        Kind.DOT,
        Kind.COMMA,
        Kind.LEFT_BRACKET,
        Kind.RIGHT_BRACKET,
        Kind.LEFT_PARENTHESIS,
        Kind.RIGHT_PARENTHESIS,
    )
}
_KEYWORDS: Final = {
    "a": ("nd", Kind.CONNECTIVE),
    "o": ("r", Kind.CONNECTIVE),
    "n": ("ull", Kind.NULL),
}
_LONGEST: Final = 100_000  # characters of one word, text or number


def tokenize(trigger: str) -> list[Token]:
    """Give the tokens, the last one of kind END.

    Raises: TriggerError naming the character and its position
    """
    return list(_Lexer(trigger))


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def __iter__(self) -> Iterator[Token]:
        while True:
            start, character = self._at, self._next()
            if character == "":
                yield Token(Kind.END, "eos", start)
                return
            if character in _WHITE:
                continue
            kind, text = self._token(character)
            if len(text) > _LONGEST:
                raise self._error("unreasonably long token", start)
            yield Token(kind, text, start)

    def _token(self, character: str) -> tuple[Kind, str]:
        match character:
            case "=":
                return Kind.OPERATOR, "="
            case "!":
                return self._negation()
            case "<" | ">":
                return Kind.OPERATOR, character + ("=" if self._accept("=") else "")
            case '"' | "'":
                return self._quoted(character)
            case "+" | "-":
                return self._number(character)
            case _ if character in _DIGITS:
                return self._number(character)
            case _ if character in _WORD_START:
                rest, kind = _KEYWORDS.get(character, ("", Kind.WORD))
                if rest and self._accept(rest):
                    return kind, character + rest
                return Kind.WORD, self._word(character)
            case _ if character in _PUNCTUATION:
                return _PUNCTUATION[character], character
            case _:
                raise self._error(f'invalid character "{character}"', self._at - 1)

    def _negation(self) -> tuple[Kind, str]:
        following = self._peek()
        if following in _LETTERS or following == "(":
            return Kind.OPERATOR, "!"
        if self._accept("="):
            return Kind.OPERATOR, "!="
        raise self._error(f"expected '=' after '!', got '{self._peek()}'", self._at)

    def _quoted(self, quote: str) -> tuple[Kind, str]:
        end = self._text.find(quote, self._at)
        if end < 0:
            raise self._error("unterminated string", self._at - 1)
        text = self._text[self._at : end]
        self._at = end
        # Used up only where a terminator follows; otherwise this quote opens the next text.
        self._accept(quote)
        return Kind.TEXT, f"{quote}{text}{quote}"

    def _number(self, first: str) -> tuple[Kind, str]:
        text, has_point = first, False
        while (following := self._peek()) in _DIGITS or following == ".":
            text += self._next()
            if following == ".":
                if self._peek() in _TERMINATORS:
                    raise self._error("unexpected terminator after decimal point", self._at)
                if has_point:
                    raise self._error("multiple decimal points in one number", self._at - 1)
                has_point = True
        return Kind.NUMBER, text

    def _word(self, first: str) -> str:
        word, character = "", first
        while True:
            if character == "\\":
                character = self._next()
                if character == "":
                    raise self._error("expected character after escape character", self._at)
                if character > "\uffff":  # two UTF-16 units; the escape covers one
                    raise self._error("expected termination character after identifier", self._at)
            word += character
            if self._peek() not in _WORD:
                break
            character = self._next()
        if self._peek() not in _AFTER_WORD:
            raise self._error(
                f"expected termination character after identifier, got {self._peek()}", self._at
            )
        return word

    def _next(self) -> str:
        character = self._peek()
        self._at += len(character)
        return character

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _accept(self, wanted: str) -> bool:
        """Use up `wanted` if a terminator follows it.

        When the trigger ends in the middle of it, what was read is lost: `event = nul` compares with "n".
        """
        end = self._at + len(wanted)
        if self._text[self._at : end] == wanted and self._text[end : end + 1] in _TERMINATORS:
            self._at = end
            return True
        remaining = self._text[self._at :]
        if len(remaining) < len(wanted) and not any(c in _TERMINATORS for c in remaining):
            self._at = len(self._text)
        return False

    def _error(self, message: str, at: int) -> TriggerError:
        return TriggerError(f"{message} (character {at + 1})")
