"""The filters a template may use, and those it may not.

A filter is a function (render, value, *arguments). Arguments come as they are evaluated, drops included; an
argument that is missing is UNDEFINED, which also selects a default. What a filter is not made for it
converts by JavaScript's rules instead of complaining. Every filter pays for its work before it begins.

Source: harttle/liquidjs 10.27, src/filters
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn

from connector.core.liquid.errors import ScriptError
from connector.core.liquid.filters.arithmetic import ARITHMETIC_FILTERS
from connector.core.liquid.filters.dates import DATE_FILTERS
from connector.core.liquid.filters.digests import DIGEST_FILTERS
from connector.core.liquid.filters.kind import Filter
from connector.core.liquid.filters.lists import LIST_FILTERS
from connector.core.liquid.filters.markup import MARKUP_FILTERS
from connector.core.liquid.filters.pieces import PIECE_FILTERS
from connector.core.liquid.filters.texts import TEXT_FILTERS
from connector.core.liquid.filters.urls import URL_FILTERS
from connector.core.liquid.filters.whole import WHOLE_FILTERS
from connector.core.liquid.render import Render

DISABLED_FILTERS: Final = tuple(
    "array_to_sentence_string concat find find_exp find_index find_index_exp group_by group_by_exp has "
    "has_exp map newline_to_br reject reject_exp reverse sort sort_natural type uniq where_exp".split()
)
"""Filters that the reference refuses when they are met, whatever they are applied to."""


def _disabled(name: str) -> Filter:
    def refuse(_render: Render, _value: Any, *_arguments: Any) -> NoReturn:
        raise ScriptError(f'filter "{name}" is disabled')

    return refuse


FILTERS: Final[Mapping[str, Filter]] = {
    **ARITHMETIC_FILTERS,
    **DATE_FILTERS,
    **DIGEST_FILTERS,
    **LIST_FILTERS,
    **MARKUP_FILTERS,
    **PIECE_FILTERS,
    **TEXT_FILTERS,
    **URL_FILTERS,
    **WHOLE_FILTERS,
    **{name: _disabled(name) for name in DISABLED_FILTERS},
}


def find_filter(name: str) -> Filter | None:
    """Give the filter of a name; None for an unknown one, which does nothing."""
    return FILTERS.get(name)
