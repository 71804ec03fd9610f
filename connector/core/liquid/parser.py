"""Make a tree of what can be rendered out of tokens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeAlias

from connector.core.liquid.errors import ScriptError, located, too_deep
from connector.core.liquid.expressions import read_filtered_value
from connector.core.liquid.render import Render
from connector.core.liquid.tokens import Output, Tag, Text, Token
from connector.core.liquid.values import output_text

DEEPEST_BLOCK: Final = 100
"""Levels of tags inside each other; the reference ends at its stack's depth."""

Write: TypeAlias = Callable[[Render], None]
"""Renders something: writes its text, sets its variable."""


class Node(NamedTuple):
    """Something to render, and where in the template it begins."""

    begin: int
    write: Write


Nodes: TypeAlias = tuple[Node, ...]
TagCompiler: TypeAlias = Callable[[Tag, "Parser"], Write]


def write_nodes(nodes: Nodes, render: Render) -> None:
    """Render one node after the other, until a break or continue.

    Raises: FieldsError of kind RenderError, with the place of the node that failed
    """
    for begin, write in nodes:
        try:
            write(render)
        except ScriptError as error:
            raise located("RenderError", error.message, render.source, begin) from None
        if render.stopped:
            return


class Parser:
    """Takes tokens one by one; a tag's compiler takes those of its block."""

    def __init__(self, tokens: Iterable[Token], compile_tag: TagCompiler, *, level: int = 0) -> None:
        self._tokens = deque(tokens)
        self._compile_tag = compile_tag
        self._level = level

    def all(self) -> Nodes:
        """Compile all tokens.

        Raises: FieldsError of kind TokenizationError or ParseError
        """
        nodes: list[Node] = []
        while self._tokens:
            nodes.append(self.compile(self._tokens.popleft()))
        return tuple(nodes)

    def take(self) -> Token | None:
        """Take the next token; None behind the last."""
        return self._tokens.popleft() if self._tokens else None

    def lines(self, tokens: Iterable[Token]) -> Nodes:
        """Compile tokens of their own, as those of a liquid tag."""
        return Parser(tokens, self._compile_tag, level=self._level).all()

    def compile(self, token: Token) -> Node:
        """Compile one token, with the tokens of its block if it opens one."""
        self._level += 1
        if self._level > DEEPEST_BLOCK:
            raise too_deep()
        try:
            match token:
                case Tag():
                    write = self._compile_tag(token, self)
                case Output():
                    write = compile_output(token)
                case Text():
                    write = _constant(token.trimmed())
        except ScriptError as error:
            raise located("ParseError", error.message, token.source, token.begin) from None
        self._level -= 1
        return Node(token.begin, write)


def compile_output(token: Output | Tag) -> Write:
    """Compile an output, or what is left of a tag that puts a value out."""
    value = read_filtered_value(token.scanner)
    return lambda render: render.write(output_text(value(render), render))


def _constant(text: str) -> Write:
    return lambda render: render.write(text)
