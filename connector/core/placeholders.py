"""Fill {{path}} and {{{path}}} into a text, as @template does.

First all triple, then all double braces are replaced; what a triple brings in is rendered again by the
second pass. There is no escaping and there are no filters. A leading "$." is not deleted here.

Source: segmentio/action-destinations, packages/core/src/mapping-kit/placeholders.ts
"""

from __future__ import annotations

import re
from typing import Any

from connector.core.javascript import UNDEFINED, text_of
from connector.core.path import Getter, compile_path

_TRIPLE = re.compile(r"\{\{\{([^}]+)\}\}\}")
_DOUBLE = re.compile(r"\{\{([^}]+)\}\}")

# What String.prototype.trim removes; str.strip() knows other characters.
WHITE_SPACE = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)


def compile_template(template: str) -> Getter:
    """Make a function event -> text."""
    if _TRIPLE.search(template) is None:
        return _compile_pass(_DOUBLE, template)
    first = _compile_pass(_TRIPLE, template)
    return lambda event: _compile_pass(_DOUBLE, first(event))(event)


def _compile_pass(pattern: re.Pattern[str], template: str) -> Getter:
    pieces = pattern.split(template)  # text, path, text, path, …, text
    texts = pieces[::2]
    getters = [compile_path(path.strip(WHITE_SPACE)) for path in pieces[1::2]]
    if not getters:
        return lambda _event: template

    def render(event: Any) -> str:
        parts = [texts[0]]
        for getter, text in zip(getters, texts[1:], strict=True):
            value = getter(event)
            if value is not None and value is not UNDEFINED:
                parts.append(text_of(value))
            parts.append(text)
        return "".join(parts)

    return render
