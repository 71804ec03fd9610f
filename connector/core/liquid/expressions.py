"""Values with operators and filters, read and compiled into functions of a rendering.

Operands and operators are put into postfix order and worked off on a stack exactly as liquidjs does, also
where that is no sensible expression: `{{ a b }}` is a, `{{ a == }}` compares undefined with a, all `and`
and `or` associate to the right, and nothing is short-circuited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from connector.core.javascript import UNDEFINED
from connector.core.liquid.filters import find_filter
from connector.core.liquid.filters.kind import Filter
from connector.core.liquid.operands import Operand, read_value
from connector.core.liquid.operators import Operator, read_operator
from connector.core.liquid.render import Evaluate, Render
from connector.core.liquid.scanner import Scanner
from connector.core.liquid.units import joined

_Step: TypeAlias = Operator | Evaluate
_Call: TypeAlias = tuple[Filter, tuple[Evaluate, ...]]


def read_filtered_value(scanner: Scanner) -> Evaluate:
    """Read an expression with its filters, up to the end of the scanner.

    Raises: FieldsError of kind TokenizationError
    """
    steps = _postfix(_read_expression(scanner))
    if not steps:
        raise scanner.error(f"invalid value expression: {scanner.snapshot()}")
    calls: list[_Call] = []
    while (named := _read_filter(scanner)) is not None:
        name, arguments = named
        function = find_filter(name)
        if function is not None:
            calls.append((function, arguments))
        elif arguments:  # an unknown filter does nothing, but its arguments are evaluated
            calls.append((_unchanged, arguments))
    return _filtered(_expression(steps), tuple(calls))


def _unchanged(_render: Render, value: Any, *_arguments: Any) -> Any:
    return value


def _read_expression(scanner: Scanner) -> list[_Step]:
    steps: list[_Step] = []
    while not scanner.at_end():
        operator = read_operator(scanner)
        if operator is not None:
            steps.append(operator)
            continue
        operand = read_value(scanner)
        if operand is None:
            break
        steps.append(operand.evaluate)
    return steps


def _postfix(steps: list[_Step]) -> tuple[_Step, ...]:
    postfix: list[_Step] = []
    waiting: list[Operator] = []
    for step in steps:
        if isinstance(step, Operator):
            while waiting and waiting[-1].precedence > step.precedence:
                postfix.append(waiting.pop())
            waiting.append(step)
        else:
            postfix.append(step)
    return (*postfix, *reversed(waiting))


def _expression(steps: tuple[_Step, ...]) -> Evaluate:
    first = steps[0]
    if len(steps) == 1 and not isinstance(first, Operator):
        return first

    def evaluate(render: Render) -> Any:
        stack: list[Any] = []
        for step in steps:
            if isinstance(step, Operator):
                right = stack.pop() if stack else UNDEFINED
                left = stack.pop() if stack and not step.is_unary else UNDEFINED
                stack.append(step.apply(left, right, render))
            else:
                stack.append(step(render))
        return stack[0]

    return evaluate


def _filtered(initial: Evaluate, calls: tuple[_Call, ...]) -> Evaluate:
    if not calls:
        return initial

    def evaluate(render: Render) -> Any:
        value = initial(render)
        for function, arguments in calls:
            value = function(render, value, *[argument(render) for argument in arguments])
        return value

    return evaluate


def _read_filter(scanner: Scanner) -> tuple[str, tuple[Evaluate, ...]] | None:
    scanner.skip_blank()
    if scanner.at_end():
        return None
    if scanner.take() != "|":
        raise scanner.error('expected "|" before filter')
    name = scanner.name()
    if not name:
        if not scanner.at_end():
            raise scanner.error("expected filter name")
        return None
    scanner.skip_blank()
    if scanner.peek() == ":":
        return name, _read_arguments(scanner)
    if not scanner.at_end() and scanner.peek() != "|":
        raise scanner.error('expected ":" after filter name')
    return name, ()


def _read_arguments(scanner: Scanner) -> tuple[Evaluate, ...]:
    arguments: list[Evaluate] = []
    while True:
        scanner.at += 1  # the colon or a comma
        argument = _read_argument(scanner)
        if argument is not None:
            arguments.append(argument)
        scanner.skip_blank()
        if scanner.peek() == ",":
            continue
        if not scanner.at_end() and scanner.peek() != "|":
            raise scanner.error(f"unexpected character {scanner.snapshot()}")
        return tuple(arguments)


def _read_argument(scanner: Scanner) -> Evaluate | None:
    key = read_value(scanner)
    if key is None:
        return None
    scanner.skip_blank()
    if scanner.peek() != ":":
        return key.evaluate
    scanner.at += 1
    value = read_value(scanner)
    return _named(joined(scanner.source[key.begin : key.end]), value)


def _named(name: str, value: Operand | None) -> Evaluate:
    """Compile `name: value`, which filters see as a list of two."""
    if value is None:
        return lambda _render: [name, UNDEFINED]
    evaluate: Callable[[Render], Any] = value.evaluate
    return lambda render: [name, evaluate(render)]
