"""Values inside a template, and the JavaScript rules by which liquidjs converts and compares them.

They are JSON values as in an event, UNDEFINED, and the few Drops below, which literals such as `nil` and
`empty` stand for. Everything that walks into a list pays for it, so that no conversion is free of charge.
"""

from __future__ import annotations

import re
from math import isnan, nan
from typing import Any, Final

from connector.core.javascript import FUNCTION, UNDEFINED, member, number_text, text_of
from connector.core.liquid.budget import ITEM, Budget
from connector.core.liquid.units import spread, unit_count
from connector.core.placeholders import WHITE_SPACE


class Drop:
    """An object of the template language itself.

    `value` is what `valueOf` gives, `members` what its methods answer when read like properties.
    """

    __slots__ = ("comparable", "members", "name", "value")

    def __init__(self, name: str, value: Any, *, comparable: bool = True, **members: Any) -> None:
        self.name, self.value, self.comparable = name, value, comparable
        self.members = {**_DROP_MEMBERS, "valueOf": value, **members}

    def __repr__(self) -> str:
        return self.name


_ORDER: Final = dict.fromkeys(("gt", "geq", "lt", "leq"), False)
_DROP_MEMBERS: Final[dict[str, Any]] = {
    "toString": "[object Object]",
    "toLocaleString": "[object Object]",
    **dict.fromkeys(("hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable"), False),
}

NIL: Final = Drop("nil", None, equals=True, **_ORDER)
EMPTY: Final = Drop("empty", "", equals=False, **_ORDER)
BLANK: Final = Drop("blank", "", equals=True, **_ORDER)
BLOCK: Final = Drop("block", "[object Object]", comparable=False, super="")
"""What `{% block %}` calls `block` inside itself."""

LITERALS: Final[dict[str, Any]] = {
    "true": True, "false": False, "nil": NIL, "null": NIL, "empty": EMPTY, "blank": BLANK,
}  # fmt: skip

_NUMERAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_RADIX_NUMERAL = re.compile(r"0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")


def plain(value: Any) -> Any:
    """Give a drop's value; other values are their own."""
    return value.value if type(value) is Drop else value


def is_nil(value: Any) -> bool:
    """Tell whether a value, not a drop, is null or undefined."""
    return value is None or value is UNDEFINED


def is_number(value: Any) -> bool:
    """Tell whether a value is a number; booleans are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_true(value: Any) -> bool:
    """Tell whether a condition holds: all but nil and false, so 0 and "" do."""
    value = plain(value)
    return not (value is False or value is None or value is UNDEFINED)


def is_script_true(value: Any) -> bool:
    """Tell what JavaScript itself takes for true, as filters ask for some of their arguments."""
    if is_number(value):
        return not (value == 0 or value != value)  # noqa: PLR0124  only NaN differs from itself
    return isinstance(value, (dict, list, Drop)) or bool(value)


def plain_number_text(number: float) -> str:
    """Print a number as JavaScript does; a shortcut for those Python prints alike."""
    if isinstance(number, float):
        text = repr(number)
        if "e" not in text and "n" not in text and number != 0:
            return text.removesuffix(".0")
    return number_text(number)


def output_text(value: Any, budget: Budget) -> str:
    """Turn a value into what is put out: nothing for nil, lists without separators."""
    value = plain(value)
    match value:
        case str():
            return value
        case list():
            budget.use(ITEM * len(value))
            return "".join([output_text(item, budget) for item in value])
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return plain_number_text(value)
        case _:
            return "" if value is UNDEFINED else text_of(value)


def script_text(value: Any, budget: Budget) -> str:
    """Turn a value into text as `String(value)` does: "null", "undefined", lists joined by commas."""
    match value:
        case str():
            return value
        case list():
            budget.use(ITEM * len(value))
            return ",".join(["" if is_nil(item) else script_text(item, budget) for item in value])
        case Drop():
            return "[object Object]"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return plain_number_text(value)
        case _:
            return text_of(value)


def primitive(value: Any, budget: Budget) -> Any:
    """Give what an operator works with: a drop's value, the text of lists and objects, else the value."""
    value = plain(value)
    return script_text(value, budget) if isinstance(value, (list, dict)) else value


def number_of(value: Any, budget: Budget) -> float:
    """Turn any value into a number as `Number(value)` does; NaN where it is none."""
    value = primitive(value, budget)
    match value:
        case None:
            return 0.0
        case str():
            budget.use(len(value))
            return _number_of_text(value)
        case bool() | int() | float():
            try:
                return float(value)
            except OverflowError:  # an integer of more than 308 digits
                return float("inf") if value > 0 else float("-inf")
        case _:
            return nan


def _number_of_text(text: str) -> float:
    text = text.strip(WHITE_SPACE)
    if not text:
        return 0.0
    if _NUMERAL.fullmatch(text):
        return float(text)
    if _RADIX_NUMERAL.fullmatch(text):
        try:
            return float(int(text, 0))
        except OverflowError:
            return float("inf")
    return {"Infinity": float("inf"), "+Infinity": float("inf"), "-Infinity": float("-inf")}.get(text, nan)


def number_or_zero(value: Any, budget: Budget) -> float:
    """Turn a value into a number for arithmetic, where what is no number counts as 0, and -0 too."""
    number = number_of(value, budget)
    return 0.0 if isnan(number) else number or 0.0


def equals(left: Any, right: Any, budget: Budget) -> bool:
    """Compare as `==` does: strictly, lists by their elements, objects by identity, drops by their rule."""
    if type(left) is Drop and left.comparable:
        return _drop_equals(left, right)
    if type(right) is Drop and right.comparable:
        return _drop_equals(right, left)
    if isinstance(left, list):
        if not isinstance(right, list) or len(left) != len(right):
            return False
        budget.use(ITEM * len(left))
        return all(equals(mine, other, budget) for mine, other in zip(left, right, strict=True))
    if isinstance(left, str):
        return isinstance(right, str) and left == right
    if is_number(left):
        return is_number(right) and number_of(left, budget) == number_of(right, budget)
    return left is right


def _drop_equals(drop: Drop, other: Any) -> bool:
    if drop is NIL:
        return is_nil(plain(other))
    if drop is BLANK:
        if other is False or is_nil(plain(other)):
            return True
        if isinstance(other, str):
            return not other.strip(WHITE_SPACE)
    return isinstance(other, (str, list, dict)) and not other


def less(left: Any, right: Any, budget: Budget) -> bool | None:
    """Tell whether left < right; None where they have no order (NaN)."""
    left, right = primitive(left, budget), primitive(right, budget)
    if isinstance(left, str) and isinstance(right, str):
        return spread(left) < spread(right)
    mine, other = number_of(left, budget), number_of(right, budget)
    return None if isnan(mine) or isnan(other) else mine < other


def read_property(value: Any, key: Any, budget: Budget) -> Any:
    """Give a property of a value: own ones only, and `size`, `first` and `last` where they are none."""
    if type(value) is Drop:
        return value.members.get(script_text(plain(key), budget), UNDEFINED)
    if is_nil(value):
        return value
    key = plain(key)
    if isinstance(value, list) and is_number(key):
        return element(value, key)
    found = own_property(value, key if isinstance(key, str) else script_text(key, budget))
    if found is not UNDEFINED:
        return found
    match key:
        case "size":
            return _size_of(value, budget)
        case "first":
            return element(value, 0) if isinstance(value, list) else UNDEFINED
        case "last":
            return element(value, -1) if isinstance(value, list) else UNDEFINED
        case _:
            return UNDEFINED


def own_property(value: Any, name: str) -> Any:
    """Give what an object, list or text has under a name, without what it inherits."""
    match value:
        case dict():
            found = value.get(name, UNDEFINED)
        case list() | str():
            found = member(value, name)
        case _:
            return UNDEFINED
    return UNDEFINED if found is FUNCTION else found


def element(items: list[Any], index: float) -> Any:
    """Give an element of a list; negative indexes count from its end."""
    if index < 0:
        index += len(items)
    return items[int(index)] if 0 <= index < len(items) and index == int(index) else UNDEFINED


def length_of(text: str, budget: Budget) -> int:
    """Give the length of a text in UTF-16 units, which have to be counted beyond ASCII."""
    if not text.isascii():
        budget.use(len(text))
    return unit_count(text)


def _size_of(value: Any, budget: Budget) -> Any:
    match value:
        case str():
            return length_of(value, budget)
        case list() | dict():
            return len(value)
        case _:
            return UNDEFINED
