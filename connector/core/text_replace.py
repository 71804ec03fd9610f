"""Replace plain text in a text with JavaScript's case folding and replacement marks.

`$$` is a dollar sign, `$&` the match, `` $` `` what comes before and `$'` what comes after it.
"""

from __future__ import annotations

import re

_MARK = re.compile(r"\$([$&`'])")


def replace_text(text: str, pattern: str, replacement: str, *, ignore_case: bool, everywhere: bool) -> str:
    """Replace the first or all occurrences of a non-empty pattern."""
    if ignore_case:
        searched, wanted = _folded(text), _folded(pattern)
    else:
        searched, wanted = text, pattern
    parts: list[str] = []
    end = 0
    while (start := searched.find(wanted, end)) >= 0:
        parts += (text[end:start], _expand(replacement, text, start, start + len(pattern)))
        end = start + len(pattern)
        if not everywhere:
            break
    return "".join((*parts, text[end:]))


def _expand(replacement: str, text: str, start: int, end: int) -> str:
    if "$" not in replacement:
        return replacement
    values = {"$": "$", "&": text[start:end], "`": text[:start], "'": text[end:]}
    return _MARK.sub(lambda mark: values[mark[1]], replacement)


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else "".join(map(_fold, text))


def _fold(character: str) -> str:
    # Simple case folding of regular expressions without the unicode flag: by upper case, one unit for
    # one, and never from beyond ASCII into ASCII. Characters above U+FFFF are two units with no case.
    if character > "\uffff":
        return character
    upper = character.upper()
    if len(upper) != 1 or (character > "\x7f" and upper <= "\x7f"):
        return character
    return upper
