"""Compile a template once, render it with every event.

Source: segmentio/action-destinations, packages/core/src/mapping-kit/liquid-directive.ts;
    harttle/liquidjs 10.27
"""

from __future__ import annotations

from typing import Any, Final

from connector.core.liquid.errors import ScriptError, too_deep
from connector.core.liquid.parser import Nodes, Parser, write_nodes
from connector.core.liquid.render import Render
from connector.core.liquid.tags import compile_tag
from connector.core.liquid.tokens import read_tokens
from connector.core.liquid.units import joined, spread, unit_count
from connector.core.path import Getter
from connector.errors import FieldsError

LONGEST_TEMPLATE: Final = 1000
"""UTF-16 units of a template."""


def compile_liquid(template: str) -> Getter:
    """Make a function event -> text.

    The function raises FieldsError, mostly of kind RenderError, where a filter refuses its value, or more
    is asked for than `budget.LIMIT` allows. It never changes the event and never raises anything else.

    Raises: FieldsError when the template is too long, or wrong; its kind is the reference's error class
    """
    if unit_count(template) > LONGEST_TEMPLATE:
        raise FieldsError(f"liquid template values are limited to {LONGEST_TEMPLATE} characters")
    source = spread(template)
    nodes = _nodes_of(source)

    def render(event: Any) -> str:
        rendering = Render(event, source)
        try:
            write_nodes(nodes, rendering)
        except RecursionError:
            raise FieldsError("the event is nested too deeply") from None
        return joined("".join(rendering.out))

    return render


def _nodes_of(source: str) -> Nodes:
    try:
        return Parser(read_tokens(source), compile_tag).all()
    except ScriptError as error:  # between outputs and tags, where the reference adds no position
        raise FieldsError(error.message, kind="TypeError") from None
    except RecursionError:
        raise too_deep() from None
