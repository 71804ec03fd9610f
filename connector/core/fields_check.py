"""Check a fields tree before anything is resolved, with the reference's messages and paths.

A message reads `/<key>/<key>… <text>.`; directive names are part of the path. Objects collect the
complaints of all their members. Lists are not looked into: a directive inside one is met only when an
event is resolved, as in the reference.

Source: segmentio/action-destinations, packages/core/src/mapping-kit/validate.ts
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from connector.core.javascript import UNDEFINED, object_keys, type_name, utf16_length
from connector.errors import FieldsError

LONGEST_PATTERN: Final = 10
"""UTF-16 units of `pattern` and of `replacement` in @replace."""

METADATA_KEY: Final = "_metadata"

Path: TypeAlias = tuple[str, ...]
Check: TypeAlias = Callable[[Any, Path], None]


def check_fields(tree: Any) -> None:
    """Refuse a fields tree that the reference refuses.

    Raises: FieldsError of kind AggregateError with one message for each problem; of kind
        ValidationError where the whole tree is one bad directive
    """
    _check(tree, ())


def is_directive(tree: Any) -> bool:
    """Tell whether a tree is a directive: a key with "@" and no other keys but _metadata."""
    if not isinstance(tree, Mapping):
        return False
    found = False
    for key in tree:
        if key.startswith("@"):
            found = True
        elif key != METADATA_KEY:
            return False
    return found


class _Complaint(FieldsError):
    def __init__(self, text: str, path: Path) -> None:
        super().__init__(f"/{'/'.join(path)} {text}.", kind="ValidationError", paths=(path,))


def _check(tree: Any, path: Path) -> None:
    match _kind(tree):
        case "directive":
            _check_directive(tree, path)
        case "object":
            _check_members(tree, path)


def _kind(tree: Any) -> str:
    if isinstance(tree, Mapping) and any(key.startswith("@") for key in tree):
        return "directive"
    return type_name(tree)


def _but_it_is(expected: str, tree: Any, path: Path) -> _Complaint:
    kind = _kind(tree)
    article = "an" if kind[0] in "aeiou" else "a"
    return _Complaint(f"should be {expected} but it is {article} {kind}", path)


def _check_members(tree: Mapping[str, Any], path: Path) -> None:
    _collect((_check, tree[key], (*path, key)) for key in object_keys(tree))


def _collect(checks: Iterable[tuple[Check, Any, Path]]) -> None:
    messages: list[str] = []
    paths: list[Path] = []
    for check, tree, path in checks:
        try:
            check(tree, path)
        except FieldsError as error:
            messages += error.messages
            paths += error.paths
    if messages:
        raise FieldsError(messages, kind="AggregateError", paths=paths)


def _check_directive(tree: Mapping[str, Any], path: Path) -> None:
    names = [key for key in tree if key.startswith("@")]
    if len(names) > 1:
        raise _Complaint(f"should only have one @-prefixed key but it has {len(names)} keys", path)
    if any(key not in (names[0], METADATA_KEY) for key in tree):
        raise _Complaint(f"should only have one @-prefixed key but it has {len(tree)} keys", path)
    name = names[0]
    check = _CHECKS.get(name)
    if check is None:
        raise _Complaint(f"has an invalid directive: {name}", path)
    check(tree[name], (*path, name))


def _text(tree: Any, path: Path) -> None:
    if _kind(tree) != "string":
        raise _but_it_is("a string", tree, path)


def _boolean(tree: Any, path: Path) -> None:
    if _kind(tree) != "boolean":
        raise _but_it_is("a boolean", tree, path)


def _list(tree: Any, path: Path) -> None:
    if not isinstance(tree, list):  # the only complaint that calls a directive an object
        raise _but_it_is("an array", {} if isinstance(tree, Mapping) else tree, path)


def _directive_or_text(tree: Any, path: Path) -> None:
    match _kind(tree):
        case "directive":
            _check_directive(tree, path)
        case "string":
            pass
        case _:
            raise _but_it_is("a string or a mapping directive", tree, path)


def _directive_or_raw(tree: Any, path: Path) -> None:
    if _kind(tree) == "directive":
        _check_directive(tree, path)


def _directive_or_object(tree: Any, path: Path) -> None:
    match _kind(tree):
        case "directive":
            _check_directive(tree, path)
        case "object":
            _check_members(tree, path)
        case _:
            raise _but_it_is("a object or a mapping directive", tree, path)


def _text_of_length(least: int, most: int) -> Check:
    def check(tree: Any, path: Path) -> None:
        _text(tree, path)
        if utf16_length(tree) < least:
            raise _Complaint(f"should be a string of length {least} or greater", path)
        if utf16_length(tree) > most:
            raise _Complaint(f"should be a string of length {most} or less", path)

    return check


def _one_of(*allowed: str) -> Check:
    def check(tree: Any, path: Path) -> None:
        _text(tree, path)
        if tree.lower() not in allowed:
            quoted = json.dumps(tree, ensure_ascii=False)
            raise _Complaint(f"should be one of {', '.join(allowed)} but it is {quoted}", path)

    return check


def _object_with(*members: _Member) -> Check:
    """Check all members as trees first; only then the named ones, so the first round hides the second."""

    def check(tree: Any, path: Path) -> None:
        if _kind(tree) != "object":
            raise _but_it_is("an object", tree, path)
        _check_members(tree, path)
        _collect((member.check_in, tree, path) for member in members)

    return check


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    check: Check
    required: bool = False

    def check_in(self, tree: Mapping[str, Any], path: Path) -> None:
        if self.name in tree:
            self.check(tree[self.name], (*path, self.name))
        elif self.required:
            raise _Complaint(f"should have field {json.dumps(self.name)} but it doesn't", path)


def _array_path(tree: Any, path: Path) -> None:
    _list(tree, path)
    _directive_or_text(tree[0] if tree else UNDEFINED, path)
    if len(tree) > 1:
        _check(tree[1], path)


_merge_members = _object_with(
    _Member("direction", _one_of("left", "right")), _Member("objects", _list, required=True)
)


def _merge(tree: Any, path: Path) -> None:
    _merge_members(tree, path)
    for entry in tree["objects"]:
        _directive_or_object(entry, ())  # reported without a path, as in the reference


_CHECKS: Final[Mapping[str, Check]] = {
    "@path": _directive_or_text,
    "@template": _directive_or_text,
    "@if": _object_with(
        _Member("exists", _directive_or_raw),
        _Member("then", _directive_or_raw),
        _Member("else", _directive_or_raw),
    ),
    "@case": _object_with(_Member("operator", _text), _Member("value", _directive_or_text)),
    "@replace": _object_with(
        _Member("pattern", _text_of_length(1, LONGEST_PATTERN), required=True),
        _Member("replacement", _text_of_length(0, LONGEST_PATTERN)),
        _Member("value", _directive_or_text, required=True),
        _Member("ignorecase", _boolean),
        _Member("global", _boolean),
    ),
    "@arrayPath": _array_path,
    "@literal": _directive_or_raw,
    "@flatten": _object_with(_Member("separator", _text), _Member("value", _directive_or_raw, required=True)),
    "@json": _object_with(
        _Member("value", _directive_or_raw, required=True),
        _Member("mode", _one_of("encode", "decode"), required=True),
    ),
    "@merge": _merge,
    "@transform": _object_with(
        _Member("apply", _directive_or_object, required=True),
        _Member("mapping", _directive_or_object, required=True),
    ),
    "@excludeWhenNull": _directive_or_raw,
    "@liquid": _text,
}
