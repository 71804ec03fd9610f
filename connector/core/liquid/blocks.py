"""The tags that enclose something: conditions, captures, comments, raw text and blocks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from connector.core.liquid.errors import ScriptError
from connector.core.liquid.expressions import read_filtered_value
from connector.core.liquid.parser import Node, Nodes, Parser, Write, write_nodes
from connector.core.liquid.render import Evaluate, Render
from connector.core.liquid.scanner import quoted
from connector.core.liquid.tokens import Tag, Token
from connector.core.liquid.units import joined
from connector.core.liquid.values import is_true

_BLOCK_NAME = re.compile(r"\w+", re.ASCII)


@dataclass(slots=True)
class _Branch:
    holds: Callable[[Any], bool]
    condition: Evaluate
    nodes: list[Node] = field(default_factory=list)


def if_(token: Tag, parser: Parser) -> Write:
    """{% if %} … {% elsif %} … {% else %} … {% endif %}."""
    branches = [_Branch(is_true, read_filtered_value(token.scanner))]
    nodes = branches[0].nodes
    otherwise: list[Node] | None = None
    for inner in _inner_tokens(token, parser):
        match inner:
            case Tag(name="elsif"):
                if otherwise is not None:
                    raise ScriptError("unexpected elsif after else")
                branches.append(_Branch(is_true, read_filtered_value(inner.scanner)))
                nodes = branches[-1].nodes
            case Tag(name="else"):
                _refuse_arguments(inner)
                if otherwise is not None:
                    raise ScriptError("duplicated else")
                nodes = otherwise = []
            case Tag(name="endif"):
                _refuse_arguments(inner)
                break
            case _:
                nodes.append(parser.compile(inner))
    return _choice(branches, otherwise or [])


def unless(token: Tag, parser: Parser) -> Write:
    """{% unless %} … {% elsif %} … {% else %} … {% endunless %}; what follows a second else is ignored."""
    branches = [_Branch(_is_false, read_filtered_value(token.scanner))]
    nodes = branches[0].nodes
    otherwise: list[Node] = []
    has_else = False
    for inner in _inner_tokens(token, parser):
        match inner:
            case Tag(name="elsif"):
                nodes = []
                if not has_else:
                    branches.append(_Branch(is_true, read_filtered_value(inner.scanner), nodes))
            case Tag(name="else"):
                nodes = [] if has_else else otherwise
                has_else = True
            case Tag(name="endunless"):
                break
            case _:
                nodes.append(parser.compile(inner))
    return _choice(branches, otherwise)


def _is_false(value: Any) -> bool:
    return not is_true(value)


def _inner_tokens(token: Tag, parser: Parser) -> Any:
    while (inner := parser.take()) is not None:
        yield inner
    raise ScriptError(token.not_closed())


def _refuse_arguments(token: Tag) -> None:
    if token.arguments():
        raise ScriptError(f"unexpected {quoted(token.arguments())}")


def _choice(branches: list[_Branch], otherwise: list[Node]) -> Write:
    choices = tuple((each.holds, each.condition, tuple(each.nodes)) for each in branches)
    others = tuple(otherwise)

    def write(render: Render) -> None:
        for holds, condition, nodes in choices:
            if holds(condition(render)):
                write_nodes(nodes, render)
                return
        write_nodes(others, render)

    return write


def _enclosed(token: Tag, parser: Parser, end: str) -> Nodes:
    nodes: list[Node] = []
    for inner in _inner_tokens(token, parser):
        if isinstance(inner, Tag) and inner.name == end:
            break
        nodes.append(parser.compile(inner))
    return tuple(nodes)


def _skipped(token: Tag, parser: Parser, end: str) -> list[Token]:
    tokens: list[Token] = []
    for inner in _inner_tokens(token, parser):
        if isinstance(inner, Tag) and inner.name == end:
            break
        tokens.append(inner)
    return tokens


def capture(token: Tag, parser: Parser) -> Write:
    """{% capture name %} … {% endcapture %} sets a variable to what is rendered inside."""
    scanner = token.scanner
    name: str | None = scanner.name()
    if not name:
        name = scanner.quoted_text()
    if name is None:
        raise scanner.error("invalid capture name")
    nodes = _enclosed(token, parser, "endcapture")

    def write(render: Render) -> None:
        outside, render.out = render.out, []
        write_nodes(nodes, render)
        render.variables[name] = joined("".join(render.out))
        render.out = outside

    return write


def comment(token: Tag, parser: Parser) -> Write:
    """{% comment %} … {% endcomment %} is nothing; it need not make sense inside."""
    _skipped(token, parser, "endcomment")
    return lambda _render: None


def raw(token: Tag, parser: Parser) -> Write:
    """{% raw %} … {% endraw %} puts out what is written inside, untrimmed."""
    text = "".join([inner.raw() for inner in _skipped(token, parser, "endraw")])
    return lambda render: render.write(text)


def block(token: Tag, parser: Parser) -> Write:
    """{% block name %} … {% endblock %} renders what is inside: there are no layouts to put it into."""
    name = _BLOCK_NAME.search(token.arguments())
    nodes = _enclosed(token, parser, "endblock")
    if name and name[0] in _INHERITED_NAMES:
        return lambda _render: None

    def write(render: Render) -> None:
        render.blocks += 1
        write_nodes(nodes, render)
        render.blocks -= 1

    return write


_INHERITED_NAMES: Final = frozenset(("constructor", "toString", "toLocaleString", "valueOf"))
"""Names that the reference finds on every object and takes for a block to show instead."""
