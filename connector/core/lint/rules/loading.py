"""Rules for what keeps a file from being loaded, so that one run tells everything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from connector.core.destination import MOST_MAPPINGS
from connector.core.fields import compile_fields
from connector.core.lint.rule import Found
from connector.core.lint.rules.for_each import Told
from connector.core.lint.rules.trigger_hints import hint
from connector.core.lint.subjects import MappingSubject, Subject
from connector.core.triggers import compile_trigger
from connector.errors import FieldsError, TriggerError

_OF_MAPPING: Final = re.compile(r"mappings\[(?P<index>\d+)\]\.(?P<key>trigger|fields)(?:$|\.)")


def configuration(subject: Subject) -> Iterator[Found]:
    """Give what loading refused, but for what the other rules here tell."""
    for problem in subject.refused:
        if not _is_told(subject, problem.path):
            yield Found(problem.path, problem.message)


def _is_told(subject: Subject, path: str) -> bool:
    mappings = subject.config.get("mappings")
    if not isinstance(mappings, list):
        return False
    if path == "mappings":
        return len(mappings) > MOST_MAPPINGS
    place = _OF_MAPPING.match(path)
    if place is None:
        return False
    value = mappings[int(place["index"])].get(place["key"], "" if place["key"] == "trigger" else {})
    return isinstance(value, str) if place["key"] == "trigger" else isinstance(value, Mapping)


def trigger_syntax(mapping: MappingSubject) -> Iterator[Told]:
    """A trigger that does not compile."""
    text = mapping.config.get("trigger", "")
    if not isinstance(text, str):
        return
    try:
        compile_trigger(text)
    except TriggerError as error:
        better = hint(text, error.message)
        yield "trigger", f"cannot be read: {error.message}" + (f"; {better}" if better else "")


def fields(mapping: MappingSubject) -> Iterator[Told]:
    """A fields tree that does not compile."""
    tree = mapping.config.get("fields", {})
    if not isinstance(tree, Mapping):
        return
    try:
        compile_fields(tree)
    except FieldsError as error:
        for message, path in zip(error.messages, error.paths, strict=True):
            yield ".".join(("fields", *path)), message.removesuffix(".")
