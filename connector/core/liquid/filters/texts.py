"""Filters that change a text: case, ends, white space, and what is put before or behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from connector.core.javascript import UNDEFINED
from connector.core.liquid.errors import ScriptError
from connector.core.liquid.filters.kind import Filter
from connector.core.liquid.render import Render
from connector.core.liquid.units import spread
from connector.core.liquid.values import is_script_true, output_text
from connector.core.placeholders import WHITE_SPACE

_SPACES = re.compile(f"[{WHITE_SPACE}]+")
_WORDS = re.compile(f"[^{WHITE_SPACE}]+")
_NEWLINE = re.compile("\r?\n")
_CJK: Final = "\u4e00-\u9fff\uf900-\ufaff\u3400-\u4dbf\u3040-\u309f\u30a0-\u30ff\uac00-\ud7af"
_CJK_CHARACTERS = re.compile(f"[{_CJK}]")
_OTHER_WORDS = re.compile(f"[^{_CJK}{WHITE_SPACE}]+")


def _paid_text(render: Render, value: Any) -> str:
    text = output_text(value, render)
    render.use(len(text))
    return text


def _dearly_paid_text(render: Render, value: Any) -> str:
    """Turn a value into a text for work that takes more room, or more time, than the text itself."""
    text = output_text(value, render)
    render.use(len(text) if text.isascii() else 4 * len(text))
    return text


def _append(render: Render, value: Any, *arguments: Any) -> str:
    text, addition = _two_texts("append", render, value, arguments)
    return text + addition


def _prepend(render: Render, value: Any, *arguments: Any) -> str:
    text, addition = _two_texts("prepend", render, value, arguments)
    return addition + text


def _two_texts(name: str, render: Render, value: Any, arguments: tuple[Any, ...]) -> tuple[str, str]:
    if len(arguments) != 1:
        raise ScriptError(f"{name} expect 2 arguments")
    return _paid_text(render, value), _paid_text(render, arguments[0])


def _downcase(render: Render, value: Any, *_arguments: Any) -> str:
    return _dearly_paid_text(render, value).lower()


def _upcase(render: Render, value: Any, *_arguments: Any) -> str:
    return _dearly_paid_text(render, value).upper()


def _capitalize(render: Render, value: Any, *_arguments: Any) -> str:
    text = _dearly_paid_text(render, value)
    # A first character above U+FFFF is two units, which have no case.
    first = text[:1] if text[:1] > "\uffff" else text[:1].upper()
    return first + text[1:].lower()


def _strip(render: Render, value: Any, characters: Any = UNDEFINED, *_arguments: Any) -> str:
    return _stripped(render, value, characters, start=True, end=True)


def _lstrip(render: Render, value: Any, characters: Any = UNDEFINED, *_arguments: Any) -> str:
    return _stripped(render, value, characters, start=True, end=False)


def _rstrip(render: Render, value: Any, characters: Any = UNDEFINED, *_arguments: Any) -> str:
    return _stripped(render, value, characters, start=False, end=True)


def _stripped(render: Render, value: Any, characters: Any, *, start: bool, end: bool) -> str:
    text = _paid_text(render, value)
    stripped = WHITE_SPACE
    if is_script_true(characters):
        # Characters above U+FFFF are never found: they are compared with single units.
        stripped = "".join([each for each in _paid_text(render, characters) if each <= "\uffff"])
    if start:
        text = text.lstrip(stripped)
    return text.rstrip(stripped) if end else text


def _strip_newlines(render: Render, value: Any, *_arguments: Any) -> str:
    text = _paid_text(render, value)
    render.use(4 * len(text))
    return _NEWLINE.sub("", text)


def _normalize_whitespace(render: Render, value: Any, *_arguments: Any) -> str:
    text = _paid_text(render, value)
    render.use(4 * len(text))
    return _SPACES.sub(" ", text)


def _number_of_words(render: Render, value: Any, mode: Any = UNDEFINED, *_arguments: Any) -> int:
    """Count words; in the modes "cjk" and "auto" each Chinese, Japanese or Korean character is one."""
    text = _paid_text(render, value)
    render.use(len(text))
    if mode == "cjk" or (mode == "auto" and _CJK_CHARACTERS.search(text)):
        return _count(_CJK_CHARACTERS, text) + _count(_OTHER_WORDS, text)
    return _count(_WORDS, text)


def _count(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))


def _remove(render: Render, value: Any, part: Any = UNDEFINED, *_arguments: Any) -> str:
    text, wanted = _paid_text(render, value), _paid_text(render, part)
    return text.replace(wanted, "") if wanted else text


def _remove_first(render: Render, value: Any, part: Any = UNDEFINED, *_arguments: Any) -> str:
    return _paid_text(render, value).replace(_paid_text(render, part), "", 1)


def _remove_last(render: Render, value: Any, part: Any = UNDEFINED, *_arguments: Any) -> str:
    return _replace_last(render, value, part)


def _replace(
    render: Render, value: Any, part: Any = UNDEFINED, other: Any = UNDEFINED, *_arguments: Any
) -> str:
    text, wanted = _paid_text(render, value), _paid_text(render, part)
    replacement = _paid_text(render, other)
    if wanted:
        render.use(text.count(wanted) * len(replacement))
        return text.replace(wanted, replacement)
    render.use(len(text) * (4 + len(replacement)))
    return replacement.join(spread(text))  # between the units, not around them


def _replace_first(
    render: Render, value: Any, part: Any = UNDEFINED, other: Any = UNDEFINED, *_arguments: Any
) -> str:
    text, wanted = _paid_text(render, value), _paid_text(render, part)
    return text.replace(wanted, _paid_text(render, other), 1)


def _replace_last(
    render: Render, value: Any, part: Any = UNDEFINED, other: Any = UNDEFINED, *_arguments: Any
) -> str:
    text, wanted = _paid_text(render, value), _paid_text(render, part)
    replacement = _paid_text(render, other)
    begin = text.rfind(wanted)
    return text if begin < 0 else text[:begin] + replacement + text[begin + len(wanted) :]


TEXT_FILTERS: Final[Mapping[str, Filter]] = {
    "append": _append,
    "capitalize": _capitalize,
    "downcase": _downcase,
    "lstrip": _lstrip,
    "normalize_whitespace": _normalize_whitespace,
    "number_of_words": _number_of_words,
    "prepend": _prepend,
    "remove": _remove,
    "remove_first": _remove_first,
    "remove_last": _remove_last,
    "replace": _replace,
    "replace_first": _replace_first,
    "replace_last": _replace_last,
    "rstrip": _rstrip,
    "strip": _strip,
    "strip_newlines": _strip_newlines,
    "upcase": _upcase,
}
