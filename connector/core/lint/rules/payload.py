"""Rules on what a mapping gives its action: fields that are missing, unknown, empty or of the wrong kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from connector.core.fields_check import is_directive
from connector.core.javascript import UNDEFINED
from connector.core.lint.fields_tree import Place, places, without_literal
from connector.core.lint.kinds import MISSING, Kinds, kinds_of, kinds_of_path
from connector.core.lint.rules.for_each import Told
from connector.core.lint.rules.paths import path_texts, placeholders
from connector.core.lint.spec import TIMES, hint, in_words, kind_of, nowhere
from connector.core.lint.subjects import MappingSubject
from connector.core.path import parse_path, without_root
from connector.core.payload_schema import Field, is_date_time
from connector.errors import PayloadError

_ONE_OF_EACH: Final[Mapping[str, Any]] = {
    "string": "x",
    "number": 1,
    "boolean": True,
    "object": {},
    "array": [],
}
_REFUSED: Final[Mapping[str, Kinds]] = {
    "string": frozenset(("object", "array")),
    "object": frozenset(("string", "number", "boolean", "array")),
}

OWN_RULE: Final = frozenset(
    (
        ("addTag", "tag"),
        ("removeTag", "tag"),
        ("aliasUser", "previousUserId"),
        ("createUpdateObject", "email"),
    )
)
"""Fields about which a rule of their action says more."""


def unknown_field(mapping: MappingSubject) -> Iterator[Told]:
    """What an action does not have is dropped silently."""
    if mapping.action is None or not is_plain(mapping):
        return
    known = {field.key: field for field in mapping.action.fields}
    for key, tree in _members(mapping):
        field = known.get(key)
        if field is None:
            yield f"fields.{key}", f"is dropped: {mapping.action.key} has no such field{_close(key, known)}"
            continue
        members = without_literal(tree) if field.members else None
        if isinstance(members, Mapping) and not is_directive(members):
            names = {member.key for member in field.members}
            for name in members:
                if name not in names:
                    yield f"fields.{key}.{name}", f"is dropped: {key} has only {', '.join(sorted(names))}"


def required_missing(mapping: MappingSubject) -> Iterator[Told]:
    """Without a required field an event fails."""
    if mapping.action is None or not is_plain(mapping):
        return
    for field in mapping.action.fields:
        if field.required and (mapping.action.key, field.key) not in OWN_RULE:
            yield from missing(mapping, field.key)


def missing(mapping: MappingSubject, key: str) -> Iterator[Told]:
    """Tell which events fail because they lack a required field."""
    tree = dict(_members(mapping)).get(key, UNDEFINED)
    if tree is UNDEFINED:
        yield "fields", f"`{key}` is required and not mapped: every event fails"
        return
    without = frozenset(each for each in mapping.types if kinds_of(tree, frozenset((each,))) <= MISSING)
    if without:
        who = "every event fails" if without == mapping.types else f"all {in_words(without)} fail"
        roots = dict.fromkeys(keys[0] for _path, _text, keys in _lookups(Place("", tree)) if keys)
        why = "".join(f"; {_lack(without, name)}" for name in roots if nowhere(without, name))
        yield f"fields.{key}", f"is required and has no value: {who}{why}"


def never_has_value(mapping: MappingSubject) -> Iterator[Told]:
    """A path that leads nowhere in the events that the trigger selects."""
    for place in mapping.places:
        if not place.on_event or not mapping.types:
            continue
        for path, text in placeholders(place):
            name = next(iter(parse_path(text)), "")
            if nowhere(mapping.types, name):
                yield path, f"`{{{{{text}}}}}` is always empty: {_lack(mapping.types, name)}"
        if place.output and place.directive and not _is_told_elsewhere(mapping, place):
            yield from _never(mapping, place)


def invalid_value(mapping: MappingSubject) -> Iterator[Told]:
    """A value of a kind that the field refuses."""
    if mapping.action is None or not is_plain(mapping):
        return
    known = {field.key: field for field in mapping.action.fields}
    for key, tree in _members(mapping):
        field = known.get(key)
        if field is None:
            continue
        members = without_literal(tree) if field.members else None
        if isinstance(members, Mapping) and not is_directive(members):
            for member in field.members:
                if member.key in members:
                    place = Place(f"fields.{key}.{member.key}", members[member.key])
                    yield from _refused(mapping, field, place, member.key)
        else:
            yield from _refused(mapping, field, Place(f"fields.{key}", tree))


def timestamp_format(mapping: MappingSubject) -> Iterator[Told]:
    """A timestamp has a date and a time, in one text."""
    if mapping.action is None or not is_plain(mapping):
        return
    fields = dict(_members(mapping))
    for field in mapping.action.fields:
        if field.format != "date-time" or field.key not in fields:
            continue
        tree, path = fields[field.key], f"fields.{field.key}"
        match tree:
            case str() if tree and not tree.startswith("$.") and not is_date_time(tree):
                yield (
                    path,
                    f"every event fails: {tree!r} is no date with a time, such as 2026-11-24T09:30:00Z",
                )
            case int() | float():
                what = "a boolean" if isinstance(tree, bool) else "a number"
                yield path, f"every event fails: {what} is no date with a time, such as 2026-11-24T09:30:00Z"
            case {"@path": str(text)}:
                keys = parse_path(without_root(text))
                if len(keys) == 1 and kind_of(keys[0]) in ("text", "id") and keys[0] not in TIMES:
                    yield path, f"every event that has {keys[0]} fails: that is no date and time"


def is_plain(mapping: MappingSubject) -> bool:
    """Tell whether the fields are an object; a directive as the whole tree may give any."""
    return mapping.fields is not None and not is_directive(mapping.fields)


def _members(mapping: MappingSubject) -> Iterator[tuple[str, Any]]:
    yield from (mapping.fields or {}).items()


def _close(key: str, known: Mapping[str, Field]) -> str:
    close = get_close_matches(key.replace("_", "").lower(), [each.lower() for each in known], n=1, cutoff=0.7)
    return "".join(f"; is {each} meant?" for each in known if [each.lower()] == close)


def _lack(types: frozenset[str], name: str) -> str:
    return f"by Segment's spec {in_words(types)} have no {name} at their root{hint(types, name)}"


def _is_told_elsewhere(mapping: MappingSubject, place: Place) -> bool:
    if place.directive in ("@literal", "@excludeWhenNull", "@merge"):  # what is inside them is told
        return True
    if mapping.action is None or not is_plain(mapping):
        return False
    return any(
        place.path.startswith(f"fields.{field.key}.") or place.path == f"fields.{field.key}"
        for field in mapping.action.fields
        if field.required or (mapping.action.key, field.key) in OWN_RULE
    )


def _never(mapping: MappingSubject, place: Place) -> Iterator[Told]:
    if not kinds_of(place.tree, mapping.types) <= MISSING:
        return
    told = set()
    for path, text, keys in _lookups(place):
        if text not in told and kinds_of_path(keys, mapping.types) <= MISSING:
            told.add(text)
            lack = _lack(mapping.types, keys[0]) if nowhere(mapping.types, keys[0]) else ""
            yield path, f"`{text}` never has a value: {lack or f'{keys[0]} is text, with nothing inside it'}"


def _lookups(place: Place) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Give the paths that are looked up inside a place: where they are written, their texts, their keys."""
    for inner in places({"x": place.tree}):
        if inner.on_event:
            for path, text in path_texts(inner):
                yield place.path + path.removeprefix("fields.x"), text, parse_path(without_root(text))


def _refused(mapping: MappingSubject, field: Field, place: Place, member: str = "") -> Iterator[Told]:
    assert mapping.action is not None
    declared = next(each for each in field.members if each.key == member) if member else field
    kinds = kinds_of(place.tree, mapping.types)
    if isinstance(place.tree, list) and declared.type == "object":
        kinds = frozenset(("array",))  # only text fields take the one element of a list
    present = kinds - MISSING
    if not present or not present <= _REFUSED[declared.type]:
        return
    who = "every event fails" if present == kinds else "every event that has a value there fails"
    for kind in sorted(present):
        value = _ONE_OF_EACH[kind]
        try:
            mapping.action.schema.clean_field(field.key, {member: value} if member else value)
        except PayloadError as error:
            yield place.path, f"{who}: {error.message.removesuffix('.')}"
            return
