"""What may be meant by a trigger that cannot be read."""

from __future__ import annotations

import re
from typing import Final

from connector.core.triggers.parser import NOTHING_FOUND

_TEXT: Final = re.compile(r"\"[^\"]*\"|'[^']*'")
_CALL: Final = re.compile(r"([A-Za-z_]\w*)\s*\(")
_SEARCH: Final = re.compile(r"\b(?:contains|match)\s*\([^()]*\)")
_NO_FUNCTIONS: Final = ("and", "or", "not", "contains", "match")

# Looked for in this order, outside of quoted texts.
_HINTS: Final = (
    (re.compile("[\u2018\u2019\u201c\u201d\u201e]"), 'quotes are straight ones: "text"'),
    (re.compile(r"&&|\|\|"), "connectives are the words and, or"),
    (re.compile("\r"), "lines end with a line feed only, without a carriage return"),
    (re.compile(r"!=[^\s,\])]"), "`!=` needs a space behind it"),
    (re.compile(r"!\s"), "`!` stands directly before contains or match, and only there"),
    (re.compile(r"[A-Za-z0-9_-][<>]"), "`<` and `>` need a space before them"),
    (re.compile(r"[A-Za-z0-9_-]\[\d"), r"an element of a list is written \0: properties.items.\0.sku"),
    (re.compile(r"contains\s*\(\s*type\b|match\s*\(\s*type\b"), "contains and match cannot look at type"),
    (re.compile(r"\bexists\s*\("), "there is no exists(): write properties.x != null"),
)


def hint(trigger: str, message: str) -> str:
    """Tell what to write instead, as far as that can be guessed; `message` is why it cannot be read."""
    if not trigger.strip():
        return 'say which events are meant, e.g. type = "track"'
    plain = _TEXT.sub(lambda text: f'"{"_" * (len(text[0]) - 2)}"', trigger)
    for pattern, told in _HINTS:
        if pattern.search(plain):
            return told
    for name in _CALL.findall(plain):
        if name not in _NO_FUNCTIONS:
            return f"there is no {name}(): the functions are contains and match"
    if plain.count('"') % 2 or plain.count("'") % 2:
        return "a quote is missing"
    if re.search(r"\"_*\"\w", plain):
        return "a closing quote needs a space behind it"
    if _deepest(_SEARCH.sub("", plain)) > 1:
        return "a group ends at its first `)`, so groups cannot be put into each other"
    if plain.count("(") != plain.count(")"):
        return "a parenthesis is missing"
    return next((told for text, told in _BY_MESSAGE if text in message), "")


_BY_MESSAGE: Final = (
    (NOTHING_FOUND, "only type, event, name, userId, properties.…, traits.… and context.… can be compared"),
    ("token is missing", 'a comparison has a subject, an operator and a value: type = "track"'),
    ("argument", 'a function has a name and a value: contains(event, "order")'),
    (
        "invalid character",
        "outside of texts there are words, numbers, operators, commas and parentheses only",
    ),
)


def _deepest(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest
