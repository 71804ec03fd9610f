"""Filters for HTML and XML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from connector.core.liquid.filters.kind import Filter
from connector.core.liquid.render import Render
from connector.core.liquid.values import output_text

_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}
_ESCAPE_TABLE: Final = str.maketrans(_ESCAPES)
_CHARACTERS: Final = {escape: character for character, escape in _ESCAPES.items()}
_ESCAPED = re.compile("&(?:amp|lt|gt|#34|#39);")

_ELEMENTS: Final = (("<script", "</script>"), ("<style", "</style>"), ("<!--", "-->"), ("<", ">"))
"""What is stripped, tried in this order; the last is any tag."""


def _escape(render: Render, value: Any, *_arguments: Any) -> str:
    text = output_text(value, render)
    render.use(8 * len(text))
    return text.translate(_ESCAPE_TABLE)


def _unescape(render: Render, value: Any) -> str:
    text = output_text(value, render)
    render.use(8 * len(text))
    return _ESCAPED.sub(lambda match: _CHARACTERS[match[0]], text)


def _escape_once(render: Render, value: Any, *_arguments: Any) -> str:
    return _escape(render, _unescape(render, value))


def _strip_html(render: Render, value: Any, *_arguments: Any) -> str:
    """Take tags, comments, scripts and styles away; what is not closed stays."""
    text = output_text(value, render)
    render.use(8 * len(text))
    parts: list[str] = []
    elements = list(_ELEMENTS)
    at = 0
    while (begin := text.find("<", at)) >= 0:
        parts.append(text[at:begin])
        at = begin
        for opening, closing in tuple(elements):
            if not text.startswith(opening, begin):
                continue
            end = text.find(closing, begin + len(opening))
            if end >= 0:
                at = end + len(closing)
                break
            elements.remove((opening, closing))  # nor will it be found further on
        if at == begin:
            break
    return "".join((*parts, text[at:]))


MARKUP_FILTERS: Final[Mapping[str, Filter]] = {
    "escape": _escape,
    "escape_once": _escape_once,
    "strip_html": _strip_html,
    "xml_escape": _escape,
}
