"""The few JavaScript value rules that decide what the reference destination sends.

The reference runs on JavaScript values, and its results depend on them: which values are falsy,
how a number becomes text, what `length` of a text is, which names every value has. Events stay
plain Python values (dict, list, str, int, float, bool, None) as orjson makes them; two further
values stand for what JSON has no word for.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final


class Undefined:
    """The class of UNDEFINED. No enum: orjson would write one."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "UNDEFINED"


class Function:
    """The class of FUNCTION."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "FUNCTION"


UNDEFINED: Final = Undefined()
"""No such value: dropped from objects, null inside lists."""

FUNCTION: Final = Function()
"""A built-in member such as `trim` of a text: it exists, is truthy, and JSON leaves it out."""

LARGEST_EXACT_INTEGER: Final = 2**53

_OBJECT_MEMBERS: Final = frozenset(
    "constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf "
    "__defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__".split()
)
_TEXT_MEMBERS: Final = _OBJECT_MEMBERS | frozenset(
    "anchor at big blink bold charAt charCodeAt codePointAt concat endsWith fixed fontcolor fontsize "
    "includes indexOf isWellFormed italics lastIndexOf link localeCompare match matchAll normalize "
    "padEnd padStart repeat replace replaceAll search slice small split startsWith strike sub substr "
    "substring sup toLocaleLowerCase toLocaleUpperCase toLowerCase toUpperCase toWellFormed trim "
    "trimEnd trimLeft trimRight trimStart".split()
)
_LIST_MEMBERS: Final = _OBJECT_MEMBERS | frozenset(
    "at concat copyWithin entries every fill filter find findIndex findLast findLastIndex flat flatMap "
    "forEach includes indexOf join keys lastIndexOf map pop push reduce reduceRight reverse shift slice "
    "some sort splice toReversed toSorted toSpliced unshift values with".split()
)
_NUMBER_MEMBERS: Final = _OBJECT_MEMBERS | frozenset(("toExponential", "toFixed", "toPrecision"))


def is_falsy(value: Any) -> bool:
    """Tell whether JavaScript takes the value for false; empty lists and objects are true there."""
    return not value and not isinstance(value, (dict, list))


def member(value: Any, key: str) -> Any:
    """Look up one key on any value, as `value[key]` does for a value that is not null."""
    match value:
        case dict():
            found = value.get(key, UNDEFINED)
            if found is not UNDEFINED:
                return found
            if key == "__proto__":
                return {}
            return FUNCTION if key in _OBJECT_MEMBERS else UNDEFINED
        case list():
            if key == "length":
                return len(value)
            index = _list_index(key)
            if index is not None:
                return value[index] if index < len(value) else UNDEFINED
            return FUNCTION if key in _LIST_MEMBERS else UNDEFINED
        case str():
            if key == "length":
                return utf16_length(value)
            index = _list_index(key)
            if index is not None:
                return _utf16_unit(value, index)
            return FUNCTION if key in _TEXT_MEMBERS else UNDEFINED
        case bool():
            return FUNCTION if key in _OBJECT_MEMBERS else UNDEFINED
        case int() | float():
            return FUNCTION if key in _NUMBER_MEMBERS else UNDEFINED
        case _:
            return UNDEFINED


def missing_member(key: str) -> Any:
    """Give what a JSON object without this key answers for it."""
    return member({}, key)


def _list_index(key: str) -> int | None:
    # "01" and "+1" are ordinary keys in JavaScript; so are the digits of other scripts.
    if not (key.isascii() and key.isdigit()) or (key[0] == "0" and key != "0"):
        return None
    return int(key) if len(key) <= 10 else LARGEST_EXACT_INTEGER  # beyond the length of any list


def utf16_length(text: str) -> int:
    """Count the UTF-16 units of a text."""
    if text.isascii():
        return len(text)
    return len(text) + sum(character > "\uffff" for character in text)


def utf16_units(text: str) -> list[str]:
    """Cut a text into its UTF-16 units; halves of a pair are lone surrogates."""
    if text.isascii():
        return list(text)
    units = text.encode("utf-16-le", "surrogatepass")
    return [units[i : i + 2].decode("utf-16-le", "surrogatepass") for i in range(0, len(units), 2)]


def _utf16_unit(text: str, index: int) -> Any:
    if text.isascii():
        return text[index] if index < len(text) else UNDEFINED
    units = text.encode("utf-16-le", "surrogatepass")
    unit = units[2 * index : 2 * index + 2]
    return unit.decode("utf-16-le", "surrogatepass") if unit else UNDEFINED


def type_name(value: Any) -> str:
    """Name the type as the reference's messages do: undefined, null, boolean, number, string, array, …"""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list() | tuple():
            return "array"
        case Mapping():
            return "object"
        case Undefined():
            return "undefined"
        case Function():
            return "function"
        case _:
            raise TypeError(f"{type(value).__name__} is no JSON value")


def number_text(number: float) -> str:
    """Print a number as JavaScript does: 1e21 -> 1e+21, 1e20 in full, 3.0 -> 3, 1e-7 -> 1e-7, -0 -> 0."""
    if isinstance(number, int) and -LARGEST_EXACT_INTEGER <= number <= LARGEST_EXACT_INTEGER:
        return str(number)
    try:
        double = float(number)
    except OverflowError:
        double = float("inf") if number > 0 else float("-inf")
    if double == 0:
        return "0"
    if double != double:  # noqa: PLR0124  only NaN differs from itself
        return "NaN"
    if double in (float("inf"), float("-inf")):
        return "Infinity" if double > 0 else "-Infinity"
    return _finite_text(double)


def _finite_text(double: float) -> str:
    sign, digits_tuple, scale = Decimal(repr(double)).as_tuple()
    assert isinstance(scale, int)
    digits = "".join(map(str, digits_tuple))
    point = len(digits) + scale  # digits before the decimal point
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        text = digits + "0" * (point - count)
    elif 0 < point <= 21:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        mantissa = digits if count == 1 else f"{digits[0]}.{digits[1:]}"
        text = f"{mantissa}e{point - 1:+d}"
    return "-" + text if sign else text


def text_of(value: Any) -> str:
    """Turn any value into text as `String(value)` does."""
    match value:
        case str():
            return value
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return number_text(value)
        case list():
            return ",".join("" if item is None or item is UNDEFINED else text_of(item) for item in value)
        case dict():
            return "[object Object]"
        case Undefined():
            return "undefined"
        case Function():
            return "function () { [native code] }"
        case _:
            raise TypeError(f"{type(value).__name__} is no JSON value")


def object_keys(obj: Mapping[str, Any]) -> list[str]:
    """List the keys of an object in JavaScript's order: integer-like ones first, ascending."""
    integers = sorted((key for key in obj if _is_integer_key(key)), key=int)
    if not integers:
        return list(obj)
    return integers + [key for key in obj if not _is_integer_key(key)]


def _is_integer_key(key: str) -> bool:
    index = _list_index(key)
    return index is not None and index < 2**32 - 1
