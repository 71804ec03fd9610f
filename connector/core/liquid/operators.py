"""The operators of conditions, and how tightly they bind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from connector.core.liquid.budget import ITEM, Budget
from connector.core.liquid.scanner import Scanner, is_word
from connector.core.liquid.values import Drop, equals, is_true, less, plain, script_text

Apply: TypeAlias = Callable[[Any, Any, Budget], bool]


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator: applied to two operands, or to the right one alone."""

    apply: Apply
    precedence: int
    is_unary: bool = False


def _ordered(compare: Callable[[Any, Any, Budget], bool]) -> Apply:
    """Make a comparison that is false whenever a literal like nil or empty is on one of its sides."""

    def apply(left: Any, right: Any, budget: Budget) -> bool:
        if any(type(side) is Drop and side.comparable for side in (left, right)):
            return False
        return compare(left, right, budget)

    return apply


def _contains(left: Any, right: Any, budget: Budget) -> bool:
    left = plain(left)
    match left:
        case list():
            budget.use(ITEM * len(left))
            return any(equals(item, right, budget) for item in left)
        case str():
            budget.use(len(left))
            return script_text(plain(right), budget) in left
        case _:
            return False


_OPERATORS: Final[dict[str, Operator]] = {
    # Longer ones first: they are looked for in this order.
    "==": Operator(equals, 2),
    "!=": Operator(lambda left, right, budget: not equals(left, right, budget), 2),
    ">=": Operator(_ordered(lambda left, right, budget: less(left, right, budget) is False), 2),
    "<=": Operator(_ordered(lambda left, right, budget: less(right, left, budget) is False), 2),
    ">": Operator(_ordered(lambda left, right, budget: less(right, left, budget) is True), 2),
    "<": Operator(_ordered(lambda left, right, budget: less(left, right, budget) is True), 2),
    "contains": Operator(_contains, 2),
    "not": Operator(lambda _left, right, _budget: not is_true(right), 1, is_unary=True),
    "and": Operator(lambda left, right, _budget: is_true(left) and is_true(right), 0),
    "or": Operator(lambda left, right, _budget: is_true(left) or is_true(right), 0),
}


def read_operator(scanner: Scanner) -> Operator | None:
    """Read an operator, if one is next."""
    scanner.skip_blank()
    for sign, operator in _OPERATORS.items():
        if is_word(sign[0]):
            found = scanner.follows_word(sign)
        else:
            found = scanner.follows(sign) and scanner.at + len(sign) <= scanner.end
        if found:
            scanner.at += len(sign)
            return operator
    return None
