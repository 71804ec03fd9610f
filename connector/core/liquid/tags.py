"""The tags a template may use, each a function (token, parser) that compiles it, and those it may not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from connector.core.liquid.blocks import block, capture, comment, if_, raw, unless
from connector.core.liquid.errors import ScriptError
from connector.core.liquid.expressions import read_filtered_value
from connector.core.liquid.operands import Operand, read_value
from connector.core.liquid.parser import Parser, TagCompiler, Write, compile_output, write_nodes
from connector.core.liquid.render import Render
from connector.core.liquid.tokens import Tag, read_lines
from connector.core.liquid.values import is_script_true, output_text, plain_number_text, script_text
from connector.core.placeholders import WHITE_SPACE

_LINE_WITHOUT_MARK = re.compile(rf"\n[{WHITE_SPACE}]*[^#{WHITE_SPACE}]")


def compile_tag(token: Tag, parser: Parser) -> Write:
    """Compile a tag by its name."""
    if token.name in DISABLED_TAGS:
        raise ScriptError(f'tag "{token.name}" is disabled')
    compiler = TAGS.get(token.name)
    if compiler is None:
        raise ScriptError(f'tag "{token.name}" not found')
    return compiler(token, parser)


def _assign(token: Tag, _parser: Parser) -> Write:
    """{% assign name = value %} sets a variable."""
    scanner = token.scanner
    name = scanner.name()
    if not name:
        raise scanner.error("expected variable name")
    scanner.skip_blank()
    if scanner.peek() != "=":
        raise scanner.error('expected "="')
    scanner.at += 1
    value = read_filtered_value(scanner)

    def write(render: Render) -> None:
        render.variables[name] = value(render)

    return write


def _echo(token: Tag, _parser: Parser) -> Write:
    """{% echo value %} is {{ value }}; without a value it is nothing."""
    token.scanner.skip_blank()
    return _nothing if token.scanner.at_end() else compile_output(token)


def _nothing(_render: Render) -> None:
    pass


def _increment(token: Tag, _parser: Parser) -> Write:
    """{% increment name %} puts a number out and counts it up; the event's own number is the first."""
    return _counter(token, 1)


def _decrement(token: Tag, _parser: Parser) -> Write:
    """{% decrement name %} counts a number down and puts it out."""
    return _counter(token, -1)


def _counter(token: Tag, step: int) -> Write:
    name = token.scanner.name()
    return lambda render: render.write(plain_number_text(render.count(name, step)))


def _cycle(token: Tag, _parser: Parser) -> Write:
    """{% cycle "group": a, b %} puts out a the first time and b the second.

    Groups are told apart by name and number of values only, and 0, "" and false are left out.
    """
    scanner = token.scanner
    group: Operand | None = None
    values = []
    first = read_value(scanner)
    scanner.skip_blank()
    if first is not None:
        if scanner.peek() == ":":
            group = first
            scanner.at += 1
        else:
            values.append(first.evaluate)
    while not scanner.at_end():
        value = read_value(scanner)
        if value is not None:
            values.append(value.evaluate)
        scanner.take_to(",")
    if not values:
        raise scanner.error(f'empty candidates: "{token.raw()}"')

    def write(render: Render) -> None:
        name = "undefined" if group is None else script_text(group.evaluate(render), render)
        key = (name, len(values))
        turn = render.cycles.get(key, 0)
        render.cycles[key] = (turn + 1) % len(values)
        value = values[turn](render)
        if is_script_true(value):
            render.write(output_text(value, render))

    return write


def _stop(_token: Tag, _parser: Parser) -> Write:
    """{% break %} and {% continue %}: there is no loop, so they end the template."""

    def write(render: Render) -> None:
        render.stopped = True

    return write


def _liquid(token: Tag, parser: Parser) -> Write:
    """{% liquid … %} holds a tag a line."""
    nodes = parser.lines(read_lines(token.scanner))
    return lambda render: write_nodes(nodes, render)


def _inline_comment(token: Tag, _parser: Parser) -> Write:
    """{% # … %} is nothing; each of its lines begins with a #."""
    if _LINE_WITHOUT_MARK.search(token.arguments()):
        raise ScriptError("every line of an inline comment must start with a '#' character")
    return _nothing


TAGS: Final[Mapping[str, TagCompiler]] = {
    "#": _inline_comment,
    "assign": _assign,
    "block": block,
    "break": _stop,
    "capture": capture,
    "comment": comment,
    "continue": _stop,
    "cycle": _cycle,
    "decrement": _decrement,
    "echo": _echo,
    "if": if_,
    "increment": _increment,
    "liquid": _liquid,
    "raw": raw,
    "unless": unless,
}

DISABLED_TAGS: Final = frozenset(("case", "for", "include", "layout", "render", "tablerow"))
"""Tags that liquidjs knows and the reference refuses."""
