"""Whether conditions on one value can hold together. What is called impossible is so for every event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import permutations
from math import inf, isnan, nextafter
from typing import Final, TypeAlias

from connector.core.javascript import UNDEFINED
from connector.core.triggers.conditions import Condition, compile_condition, text_to_number
from connector.errors import TriggerError

Term: TypeAlias = tuple[Condition, ...]
"""Conditions that must all hold."""

ORDERS: Final = ("<", "<=", ">", ">=")
_ON_NUMBERS: Final = (*ORDERS, "number_equals", "number_not_equals")

# Evaluated as they are by the engine; the rest of a text's possibilities is reasoned about.
_NO_TEXTS: Final[tuple[object, ...]] = (UNDEFINED, None, True, False, {}, [])


def clashing(term: Term) -> Term:
    """Give the conditions on one value that exclude each other; none where all may hold together."""
    by_value: dict[tuple[str, str], list[Condition]] = defaultdict(list)
    for condition in term:
        by_value[condition.subject, condition.path].append(condition)
    for conditions in by_value.values():
        if not _possible(conditions):
            return tuple(dict.fromkeys(conditions))
    return ()


def holds(condition: Condition, event: dict[str, object]) -> bool:
    """Ask the engine; a condition that cannot be evaluated does not hold."""
    try:
        return compile_condition(condition)(event)
    except TriggerError:
        return False


def impossible(condition: Condition) -> bool:
    """Tell that a condition holds for no event at all."""
    return not _possible([condition])


def _possible(conditions: list[Condition]) -> bool:
    return any(
        _all_hold(conditions, value) for value in (*_NO_TEXTS, *_numbers(conditions))
    ) or _text_possible(conditions)


def _all_hold(conditions: Iterable[Condition], value: object) -> bool:
    # What a condition says of a value does not depend on where in the event the value is.
    event: dict[str, object] = {} if value is UNDEFINED else {"name": value}
    return all(holds(replace(each, subject="name", path=""), event) for each in conditions)


def _numbers(conditions: Iterable[Condition]) -> Iterator[float]:
    """Give a number of each kind that the conditions tell apart: at their bounds and beside them."""
    yield 0
    for bound in {bound for each in conditions if not isnan(bound := _bound(each))}:
        yield from (bound, nextafter(bound, inf), nextafter(bound, -inf))


def _bound(condition: Condition) -> float:
    match condition:
        case Condition(operator=operator, expected=expected) if operator in _ON_NUMBERS:
            return text_to_number(expected) if isinstance(expected, str) else float(expected or 0)
        case _:
            return float("nan")


def _text_possible(conditions: list[Condition]) -> bool:
    equal = [each for each in conditions if each.operator == "="]
    if equal:  # then there is one text to try
        return _all_hold(conditions, str(_text(equal[0])))
    if any(each.operator not in _TEXT_OPERATORS for each in conditions):
        return False
    if any(each.operator.startswith("not_") and _text(each) == "" for each in conditions):
        return False
    return not any(_exclude(first, second) for first, second in permutations(conditions, 2))


_TEXT_OPERATORS: Final = frozenset(
    "!= exists contains not_contains starts_with not_starts_with ends_with not_ends_with".split()
)


def _exclude(first: Condition, second: Condition) -> bool:
    """Tell that no text meets both; pairs that are not named here may well go together."""
    one, other = _text(first), _text(second)
    match first.operator, second.operator:
        case "contains" | "starts_with" | "ends_with", "not_contains":
            return other in one
        case "starts_with", "not_starts_with":
            return one.startswith(other)
        case "ends_with", "not_ends_with":
            return one.endswith(other)
        case "starts_with", "starts_with":
            return not (one.startswith(other) or other.startswith(one))
        case "ends_with", "ends_with":
            return not (one.endswith(other) or other.endswith(one))
        case _:
            return False


def _text(condition: Condition) -> str:
    match condition.expected:
        case bool() as truth:
            return "true" if truth else "false"
        case None:
            return ""
        case expected:
            return str(expected)
