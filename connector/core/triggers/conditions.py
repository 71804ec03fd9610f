"""The conditions a trigger is made of, and how each is compiled into a predicate of the event.

Source: segmentio/action-destinations, packages/destination-subscriptions/src/validate.ts
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from connector.core.javascript import UNDEFINED, number_text
from connector.core.path import Getter, compile_keys
from connector.core.placeholders import WHITE_SPACE
from connector.errors import TriggerError

Predicate: TypeAlias = Callable[[Any], bool]
Scalar: TypeAlias = str | float | bool

_SEGMENTS = re.compile(r"[^\[.\]]+")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SYMBOLS: Final = {"number_equals": "=", "number_not_equals": "!="}
_RADIX: Final = {"0x": 16, "0o": 8, "0b": 2}


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison, e.g. `properties.total >= 100`.

    subject   type, event, name, userId, properties, traits or context
    path      what is looked up inside properties, traits and context
    operator  =, !=, <, <=, >, >=, contains, exists, is_true, number_equals, … ; any other is never true
    """

    subject: str
    operator: str
    expected: Scalar | None = None
    path: str = ""

    def __str__(self) -> str:
        """Write the condition for people: `properties.total >= 100`, `userId exists`."""
        dotted = f"{self.subject}.{self.path}" if self.path else self.subject
        symbol = _SYMBOLS.get(self.operator, self.operator.replace("_", " "))
        if self.expected is None:
            return f"{dotted} {symbol}"
        quoted = f'"{self.expected}"' if isinstance(self.expected, str) else _as_text(self.expected)
        return f"{dotted} {symbol} {quoted}"


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions that must all hold, or one of which must; None is a hole that raises when it is met."""

    connective: Literal["and", "or"]
    children: tuple[Node | None, ...]


Node: TypeAlias = Condition | Group


def compile_node(node: Node | None) -> Predicate:
    """Compile a tree of conditions; the predicate may raise TriggerError where the reference throws."""
    match node:
        case None:
            return _raising("an empty group has no condition to evaluate")
        case Condition():
            return compile_condition(node)
        case Group("and", children):
            return _all_of(tuple(map(compile_node, children)))
        case Group(_, children):
            return _any_of(tuple(map(compile_node, children)))


def _all_of(predicates: tuple[Predicate, ...]) -> Predicate:
    if len(predicates) == 1:
        return predicates[0]

    def holds(event: Any) -> bool:
        for predicate in predicates:  # noqa: SIM110  a loop is cheaper than all() over a generator
            if not predicate(event):
                return False
        return True

    return holds


def _any_of(predicates: tuple[Predicate, ...]) -> Predicate:
    def holds(event: Any) -> bool:
        for predicate in predicates:  # noqa: SIM110
            if predicate(event):
                return True
        return False

    return holds


def _raising(message: str) -> Predicate:
    def raise_error(_event: Any) -> bool:
        raise TriggerError(message)

    return raise_error


def compile_condition(condition: Condition) -> Predicate:
    """Compile one comparison."""
    get = _getter(condition)
    if get is None:
        return _raising(f"{condition.subject}: {condition.path!r} names nothing")
    test = _TESTS.get(condition.operator)
    if test is None:
        return lambda _event: False
    return test(get, condition.expected)


def actual_value(condition: Condition, event: Any) -> Any:
    """Give the value a condition looks at, UNDEFINED where there is none."""
    get = _getter(condition)
    return UNDEFINED if get is None else get(event)


def _getter(condition: Condition) -> Getter | None:
    if condition.subject not in ("properties", "traits", "context"):
        return compile_keys((condition.subject,))
    keys = _SEGMENTS.findall(condition.path)
    return compile_keys((condition.subject, *keys)) if keys else None


def possible_values(node: Node | None, subject: Literal["type", "event"]) -> frozenset[str] | None:
    """Tell which types, or names of events, can satisfy a tree.

    None where any may, or where evaluating may raise.
    """
    match node:
        case Condition(operator="=", expected=str(expected)) if node.subject == subject:
            return frozenset((expected,))
        case Group("and", children):
            if any(_may_raise(child) for child in children):
                return None
            known = [values for child in children if (values := possible_values(child, subject)) is not None]
            return frozenset.intersection(*known) if known else None
        case Group("or", children):
            found = [possible_values(child, subject) for child in children]
            if any(values is None for values in found):
                return None
            return frozenset().union(*(values for values in found if values is not None))
        case _:
            return None


def _may_raise(node: Node | None) -> bool:
    match node:
        case Condition():
            return _getter(node) is None
        case Group(_, children):
            return any(map(_may_raise, children))
        case _:
            return True


# Each test is a function (get, expected) -> predicate.


def _equals(get: Getter, expected: Any) -> Predicate:
    text = _as_text(expected)
    return lambda event: get(event) == text  # only a text equals a text


def _differs(get: Getter, expected: Any) -> Predicate:
    text = _as_text(expected)
    return lambda event: get(event) != text


def _on_numbers(compare: Callable[[float, float], bool]) -> Callable[[Getter, Any], Predicate]:
    def compiled(get: Getter, expected: Any) -> Predicate:
        number = _as_number(expected)

        def holds(event: Any) -> bool:
            actual = get(event)
            return type(actual) in (int, float) and compare(actual, number)

        return holds

    return compiled


def _on_texts(compare: Callable[[str, str], bool]) -> Callable[[Getter, Any], Predicate]:
    def compiled(get: Getter, expected: Any) -> Predicate:
        text = _as_text(expected)

        def holds(event: Any) -> bool:
            actual = get(event)
            return type(actual) is str and compare(actual, text)

        return holds

    return compiled


def _exists(get: Getter, _expected: Any) -> Predicate:
    def holds(event: Any) -> bool:
        actual = get(event)
        return actual is not None and actual is not UNDEFINED

    return holds


def _is_missing(get: Getter, _expected: Any) -> Predicate:
    def holds(event: Any) -> bool:
        actual = get(event)
        return actual is None or actual is UNDEFINED

    return holds


_TESTS: Final[dict[str, Callable[[Getter, Any], Predicate]]] = {
    "=": _equals,
    "!=": _differs,
    "number_equals": _on_numbers(lambda actual, number: actual == number),
    "number_not_equals": _on_numbers(lambda actual, number: actual != number),
    "<": _on_numbers(lambda actual, number: actual < number),
    "<=": _on_numbers(lambda actual, number: actual <= number),
    ">": _on_numbers(lambda actual, number: actual > number),
    ">=": _on_numbers(lambda actual, number: actual >= number),
    "contains": _on_texts(lambda actual, text: text in actual),
    "not_contains": _on_texts(lambda actual, text: text not in actual),
    "starts_with": _on_texts(str.startswith),
    "not_starts_with": _on_texts(lambda actual, text: not actual.startswith(text)),
    "ends_with": _on_texts(str.endswith),
    "not_ends_with": _on_texts(lambda actual, text: not actual.endswith(text)),
    "exists": _exists,
    "not_exists": _is_missing,
    "is_true": lambda get, _expected: lambda event: get(event) is True,
    "is_false": lambda get, _expected: lambda event: get(event) is False,
}


def _as_text(expected: Scalar | None) -> str:
    match expected:
        case str():
            return expected
        case bool():
            return "true" if expected else "false"
        case None:
            return "undefined"
        case _:
            return number_text(expected)


def _as_number(expected: Scalar | None) -> float:
    """Turn the expected value into a number as `Number(value)` does; NaN compares false with everything."""
    match expected:
        case bool() | int() | float():
            return float(expected)
        case str():
            return text_to_number(expected)
        case _:
            return float("nan")


def text_to_number(text: str) -> float:
    """Read a number as `Number(text)` does: blank text is 0, anything else that is no number is NaN."""
    stripped = text.strip(WHITE_SPACE)
    if stripped == "":
        return 0.0
    if _DECIMAL.fullmatch(stripped):
        return float(stripped)
    if stripped.lstrip("+-") == "Infinity" and len(stripped) <= len("+Infinity"):
        return float(stripped)
    radix = _RADIX.get(stripped[:2].lower())
    if radix is not None and "_" not in stripped and stripped[2:].isalnum():
        try:
            return float(int(stripped[2:], radix))
        except (ValueError, OverflowError):
            return float("nan")
    return float("nan")
