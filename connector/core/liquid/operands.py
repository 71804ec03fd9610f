"""Single values: literals, texts, numbers, ranges, and variables with their properties."""

from __future__ import annotations

from math import ceil
from typing import Any, Final, NamedTuple

from connector.core.liquid.budget import ITEM
from connector.core.liquid.errors import ScriptError, too_deep
from connector.core.liquid.render import Evaluate, Render
from connector.core.liquid.scanner import Scanner
from connector.core.liquid.values import number_of, read_property

DEEPEST_VALUE: Final = 50
"""Levels of brackets and ranges inside each other; the reference ends at its stack's depth."""

_LARGEST_STEP: Final = 2**53
"""From here on adding 1 to a double changes nothing."""


class Operand(NamedTuple):
    """A value, and its place in the source."""

    begin: int
    end: int
    evaluate: Evaluate
    is_constant: bool = False
    constant: Any = None


def read_value(scanner: Scanner) -> Operand | None:
    """Read one value; None where there is none."""
    scanner.skip_blank()
    begin = scanner.at
    operand = _read_simple(scanner)
    properties = _read_properties(scanner, is_begin=operand is None)
    if not properties:
        return operand
    access = _variable(properties) if operand is None else _property_of(operand, properties)
    return Operand(begin, scanner.at, access)


def read_variable(scanner: Scanner) -> Operand | None:
    """Read a variable with its properties, and nothing else."""
    scanner.skip_blank()
    begin = scanner.at
    properties = _read_properties(scanner, is_begin=True)
    return Operand(begin, scanner.at, _variable(properties)) if properties else None


def _read_simple(scanner: Scanner) -> Operand | None:
    begin = scanner.at
    is_literal, literal = scanner.literal()
    if is_literal:
        return _constant(begin, scanner.at, literal)
    text = scanner.quoted_text()
    if text is not None:
        return _constant(begin, scanner.at, text)
    if scanner.peek() == "(":
        return _read_range(scanner)
    number = scanner.number()
    return None if number is None else _constant(begin, scanner.at, number)


def _constant(begin: int, end: int, value: Any) -> Operand:
    return Operand(begin, end, lambda _render: value, is_constant=True, constant=value)


def _read_properties(scanner: Scanner, *, is_begin: bool) -> list[Operand]:
    properties: list[Operand] = []
    while True:
        begin = scanner.at
        if scanner.peek() == "[":
            scanner.at += 1
            _descend(scanner)
            inner = read_value(scanner)
            scanner.levels -= 1
            if not scanner.take_to("]"):
                raise scanner.error("[ not closed")
            properties.append(inner or _constant(begin, begin, ""))
            continue
        name = scanner.name() if is_begin and not properties else ""
        if not name and scanner.peek() == "." and scanner.peek(1) != ".":
            scanner.at += 1
            name = scanner.name()
        if not name:
            return properties
        properties.append(_constant(begin, scanner.at, name))


def _descend(scanner: Scanner) -> None:
    scanner.levels += 1
    if scanner.levels > DEEPEST_VALUE:
        raise too_deep()


def _read_range(scanner: Scanner) -> Operand:
    begin = scanner.at
    scanner.at += 1
    _descend(scanner)
    low = _required_value(scanner)
    scanner.skip_blank()
    if not (scanner.take() == "." and scanner.take() == "."):
        raise scanner.error("invalid range syntax")
    high = _required_value(scanner)
    scanner.skip_blank()
    if scanner.take() != ")":
        raise scanner.error("invalid range syntax")
    scanner.levels -= 1
    return Operand(begin, scanner.at, _range(low.evaluate, high.evaluate))


def _required_value(scanner: Scanner) -> Operand:
    value = read_value(scanner)
    if value is None:
        raise scanner.error(f"unexpected token {scanner.snapshot()}, value expected")
    return value


def _range(low: Evaluate, high: Evaluate) -> Evaluate:
    def evaluate(render: Render) -> list[float]:
        first, last = number_of(low(render), render), number_of(high(render), render)
        render.use(ITEM * (last - first + 1))
        if not first < last + 1:  # also where one is no number
            return []
        if max(abs(first), abs(last)) >= _LARGEST_STEP:
            raise ScriptError("memory alloc limit exceeded")
        if first.is_integer():
            return list(range(int(first), ceil(last + 1)))
        steps = []
        while first < last + 1:
            steps.append(first)
            first += 1
        return steps

    return evaluate


def _variable(properties: list[Operand]) -> Evaluate:
    if not all(each.is_constant for each in properties):
        return _dynamic_variable(properties)
    first, *others = [each.constant for each in properties]
    if not others:
        return lambda render: render.lookup(first)
    keys = tuple(others)

    def evaluate(render: Render) -> Any:
        value = render.lookup(first)
        for key in keys:
            value = read_property(value, key, render)
        return value

    return evaluate


def _dynamic_variable(properties: list[Operand]) -> Evaluate:
    def evaluate(render: Render) -> Any:
        first, *keys = [each.evaluate(render) for each in properties]
        value = render.lookup(first)
        for key in keys:
            value = read_property(value, key, render)
        return value

    return evaluate


def _property_of(operand: Operand, properties: list[Operand]) -> Evaluate:
    def evaluate(render: Render) -> Any:
        keys = [each.evaluate(render) for each in properties]
        value = operand.evaluate(render)
        for key in keys:
            value = read_property(value, key, render)
        return value

    return evaluate
