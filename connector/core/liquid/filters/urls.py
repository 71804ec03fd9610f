"""Filters for addresses."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from connector.core.javascript import UNDEFINED
from connector.core.liquid.errors import ScriptError
from connector.core.liquid.filters.kind import Filter
from connector.core.liquid.render import Render
from connector.core.liquid.units import joined
from connector.core.liquid.values import is_script_true, output_text, script_text
from connector.core.placeholders import WHITE_SPACE

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPES = re.compile("(?:%[0-9A-Fa-f]{2})+")
_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_COMPONENT_SAFE: Final = "-_.!~*'()"
_ADDRESS_SAFE: Final = _COMPONENT_SAFE + ";,/?:@&=+$#[]"

_SPACES = re.compile(f"[{WHITE_SPACE}]+")
_NOT_ASCII = re.compile("[^A-Za-z0-9]+")
_NOT_ASCII_OR_PRETTY = re.compile("[^A-Za-z0-9._~!$&'()+,;=@]+")
_PRETTY: Final = frozenset("._~!$&'()+,;=@")
_ACCENTS: Final = {
    **dict.fromkeys("àáâãäå", "a"), **dict.fromkeys("èéêë", "e"), **dict.fromkeys("ìíîï", "i"),
    **dict.fromkeys("òóôõöø", "o"), **dict.fromkeys("ùúûü", "u"), **dict.fromkeys("ýÿ", "y"),
    "æ": "ae", "ç": "c", "ð": "d", "ñ": "n", "ß": "ss", "œ": "oe", "þ": "th",
    "ẞ": "SS", "Œ": "OE", "Þ": "TH",
}  # fmt: skip
_ACCENT_TABLE: Final = str.maketrans(_ACCENTS)


def _percent_encoded(render: Render, value: Any, safe: str) -> str:
    text = output_text(value, render)
    render.use(9 * len(text))
    text = joined(text)
    if _SURROGATE.search(text):
        raise ScriptError("URI malformed")
    return quote_from_bytes(text.encode(), safe=safe)


def _url_encode(render: Render, value: Any, *_arguments: Any) -> str:
    return _percent_encoded(render, value, _COMPONENT_SAFE).replace("%20", "+")


def _cgi_escape(render: Render, value: Any, *_arguments: Any) -> str:
    return _percent_encoded(render, value, "-_.~").replace("%20", "+")


def _uri_escape(render: Render, value: Any, *_arguments: Any) -> str:
    return _percent_encoded(render, value, _ADDRESS_SAFE)


def _url_decode(render: Render, value: Any, *_arguments: Any) -> str:
    text = output_text(value, render)
    render.use(5 * len(text))
    if _BROKEN_ESCAPE.search(text):
        raise ScriptError("URI malformed")
    try:
        return _ESCAPES.sub(lambda match: unquote_to_bytes(match[0]).decode(), text).replace("+", " ")
    except UnicodeDecodeError:
        raise ScriptError("URI malformed") from None


def _slugify(
    render: Render, value: Any, mode: Any = UNDEFINED, cased: Any = UNDEFINED, *_arguments: Any
) -> str:
    """Keep letters and digits, with single hyphens for everything between them."""
    text = output_text(value, render)
    render.use(5 * len(text))
    match "default" if mode is UNDEFINED else script_text(mode, render):
        case "raw":
            text = _trimmed(_SPACES.sub("-", text))
        case "default":
            text = _trimmed(_hyphenated(text, _NOT_ASCII, frozenset()))
        case "pretty":
            text = _trimmed(_hyphenated(text, _NOT_ASCII_OR_PRETTY, _PRETTY))
        case "ascii":
            text = _trimmed(_NOT_ASCII.sub("-", text))
        case "latin":
            text = _trimmed(_hyphenated(text.translate(_ACCENT_TABLE), _NOT_ASCII, frozenset()))
    return text if is_script_true(cased) else text.lower()


def _trimmed(text: str) -> str:
    text = text.removeprefix("-")
    return text.removesuffix("-")


def _hyphenated(text: str, others: re.Pattern[str], kept: frozenset[str]) -> str:
    if text.isascii():
        return others.sub("-", text)
    marked = "".join([each if each in kept or _is_letter_or_digit(each) else "\0" for each in text])
    return re.sub("\0+", "-", marked)


@lru_cache(maxsize=4096)
def _is_letter_or_digit(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LM" or category == "Nd"


URL_FILTERS: Final[Mapping[str, Filter]] = {
    "cgi_escape": _cgi_escape,
    "slugify": _slugify,
    "uri_escape": _uri_escape,
    "url_decode": _url_decode,
    "url_encode": _url_encode,
}
