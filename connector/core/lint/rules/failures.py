"""Rules on directives that fail when an event comes, which loading does not notice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any, Final

from connector.core.fields import compile_fields
from connector.core.fields_check import check_fields, is_directive
from connector.core.lint.rules.for_each import Told
from connector.core.lint.samples import SAMPLES
from connector.core.lint.subjects import MappingSubject
from connector.errors import FieldsError

_STAND_INS: Final = ("x", {"a": "x"}, ["x"], 1, None)
"""Values a nested directive may give; what fails with all of them fails because of itself."""


def directive_fails(mapping: MappingSubject) -> Iterator[Told]:
    """`@if` without a condition, `@merge` without a direction, …: checked only with an event."""
    for place in mapping.places:
        name = place.directive
        if name and name != "@liquid" and not _complaints(place.tree):  # Liquid has rules of its own
            trees = ({name: _with_stand_ins(place.argument, each)} for each in _STAND_INS)
            failures = list(takewhile(bool, (_failure(tree, [{}]) for tree in trees)))
            if len(failures) == len(_STAND_INS):
                yield f"{place.path}.{name}", f"every event fails: {failures[0]}"


def directive_in_list(mapping: MappingSubject) -> Iterator[Told]:
    """Lists are not looked into when a file is loaded, nor are objects inside @literal."""
    for place in mapping.places:
        if not place.top:
            continue
        for path, complaint in _complaints(place.tree):
            failure = _failure(place.tree, SAMPLES)
            yield (
                f"{place.path}{path}",
                f"nobody checks this when the file is loaded, but it {complaint}"
                + (f"; every event fails: {failure}" if failure else ""),
            )


def mixed_keys_in_list(mapping: MappingSubject) -> Iterator[Told]:
    """A directive with other keys beside it is plain data there."""
    for place in mapping.places:
        if place.unchecked and _is_mixed(place.tree):
            names = ", ".join(f"`{key}`" for key in place.tree if not key.startswith("@"))
            message = "is sent as it is written, directive and all"
            yield place.path, f"{message}: with {names} beside it, it is plain data here"


def _complaints(tree: Any) -> list[tuple[str, str]]:
    """Tell what the check at load would say of a tree, with the places inside it."""
    try:
        check_fields(tree)
    except FieldsError as error:
        return [
            ("".join(f".{key}" for key in path), message.partition(" ")[2].removesuffix("."))
            for message, path in zip(error.messages, error.paths, strict=True)
            if not _is_mixed(_at(tree, path))
        ]
    return []


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def _is_mixed(tree: Any) -> bool:
    return isinstance(tree, Mapping) and any(key.startswith("@") for key in tree) and not is_directive(tree)


def _failure(tree: Any, events: Any) -> str:
    """Tell with which message a tree fails for each of the events; empty where one of them goes through."""
    getter = compile_fields({"value": [tree]})  # in a list nothing is checked before
    message = ""
    for event in events:
        try:
            getter(event)
        except FieldsError as error:
            message = error.message
        else:
            return ""
    return message


def _with_stand_ins(tree: Any, stand_in: Any) -> Any:
    """Give a directive's argument with a value in place of every directive inside it."""
    match tree:
        case Mapping() if is_directive(tree):
            return stand_in
        case Mapping():
            return {key: _with_stand_ins(item, stand_in) for key, item in tree.items()}
        case list():
            return [_with_stand_ins(item, stand_in) for item in tree]
        case _:
            return tree
