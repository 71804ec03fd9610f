"""What kinds of values a tree can give for events of some types, by Segment's spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from connector.core.fields_check import is_directive
from connector.core.javascript import UNDEFINED, is_falsy, member, type_name
from connector.core.lint.spec import CONTEXT_OBJECTS, kind_of, nowhere
from connector.core.path import parse_path, without_root

Kinds: TypeAlias = frozenset[str]
Types: TypeAlias = frozenset[str] | None
"""Of events; None where paths start at something else than an event."""

ANY: Final[Kinds] = frozenset(
    ("undefined", "null", "empty", "string", "number", "boolean", "object", "array")
)
MISSING: Final[Kinds] = frozenset(("undefined", "null", "empty"))
"""What is left out of a payload at its first level; "empty" is the text of no characters."""

NOTHING: Final[Kinds] = frozenset(("undefined",))


def kinds_of(tree: Any, types: Types) -> Kinds:
    """Give the kinds of values a tree may have; only "undefined" where it never has one."""
    match tree:
        case Mapping() if is_directive(tree):
            name = next(str(key) for key in tree if key.startswith("@"))
            return _DIRECTIVES.get(name, _anything)(tree[name], types)
        case "":
            return frozenset(("empty",))
        case [only]:  # a text field takes the one element instead of the list, "" for null
            kinds = kinds_of(only, types) | {"array"}
            return kinds | {"string"} if kinds & MISSING else kinds
        case _:
            return frozenset((type_name(tree),))


def kinds_of_path(keys: tuple[str, ...], types: Types) -> Kinds:
    """Give the kinds of values that may be found at a path."""
    if not keys:
        return frozenset(("object",)) if types is not None else ANY
    if types is None:
        return ANY
    root, *rest = keys
    if nowhere(types, root):
        return NOTHING
    match kind_of(root), rest:
        case "object", []:
            return frozenset(("object", "undefined"))
        case "object", [name] if root == "context" and name in CONTEXT_OBJECTS:
            return frozenset(("object", "undefined"))
        case ("text" | "id") as kind, []:
            text = frozenset(("string", "undefined", "null", "empty"))
            return text | {"number"} if kind == "id" else text
        case "text", [name, *_] if not name.isdigit() and member("x", name) is UNDEFINED:
            return MISSING  # a walk ends at "" and null, and gives them
        case _:
            return ANY


def _anything(_argument: Any, _types: Types) -> Kinds:
    return ANY


def _path(argument: Any, types: Types) -> Kinds:
    if not isinstance(argument, str):
        return ANY
    return kinds_of_path(parse_path(without_root(argument)), types)


def _text(argument: Any, _types: Types) -> Kinds:
    return frozenset(("empty",)) if argument == "" else frozenset(("string", "empty"))


def _if(argument: Any, types: Types) -> Kinds:
    if not isinstance(argument, Mapping):
        return ANY
    exists, blank = argument.get("exists"), argument.get("blank")
    if is_falsy(exists) and is_falsy(blank):
        return ANY  # it fails
    subject = kinds_of(exists if "exists" in argument else blank, types)
    missing = frozenset(("undefined", "null")) if "exists" in argument else MISSING
    then = kinds_of(argument["then"], types) if "then" in argument else NOTHING
    otherwise = NOTHING if is_falsy(argument.get("else")) else kinds_of(argument["else"], types)
    if subject <= missing:
        return otherwise
    return then if "exists" in argument and not subject & missing else then | otherwise


def _case(argument: Any, types: Types) -> Kinds:
    if not isinstance(argument, Mapping):
        return ANY
    return NOTHING if is_falsy(argument.get("value")) else kinds_of(argument["value"], types)


def _replace(argument: Any, _types: Types) -> Kinds:
    if not isinstance(argument, Mapping):
        return ANY
    return NOTHING if is_falsy(argument.get("value")) else frozenset(("string", "empty"))


def _array_path(argument: Any, types: Types) -> Kinds:
    if not isinstance(argument, list) or not argument or not isinstance(argument[0], str):
        return ANY
    kinds = _path(argument[0], types)
    if len(argument) > 1 and isinstance(argument[1], Mapping) and argument[1] and "object" in kinds:
        return kinds - {"object"} | {"array"}
    return kinds


def _object(_argument: Any, _types: Types) -> Kinds:
    return frozenset(("object",))


def _json(argument: Any, _types: Types) -> Kinds:
    match argument:
        case {"mode": "encode"}:
            return frozenset(("string", "undefined"))
        case {"mode": str(mode)} if mode != "decode":
            return NOTHING
        case _:
            return ANY


def _transform(argument: Any, _types: Types) -> Kinds:
    return kinds_of(argument.get("mapping"), None) if isinstance(argument, Mapping) else ANY


def _exclude_when_null(argument: Any, types: Types) -> Kinds:
    kinds = kinds_of(argument, types)
    return kinds - {"null"} | NOTHING if "null" in kinds else kinds


_DIRECTIVES: Final[Mapping[str, Callable[[Any, Types], Kinds]]] = {
    "@path": _path,
    "@template": _text,
    "@liquid": _text,
    "@if": _if,
    "@case": _case,
    "@replace": _replace,
    "@arrayPath": _array_path,
    "@literal": kinds_of,
    "@flatten": _object,
    "@json": _json,
    "@merge": _object,
    "@transform": _transform,
    "@excludeWhenNull": _exclude_when_null,
}
