"""Lift a small check of one thing to a check of a whole file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from connector.core.lint.reading import Reading
from connector.core.lint.rule import Check, Found
from connector.core.lint.subjects import MappingSubject, Subject

Told: TypeAlias = tuple[str, str]
"""Path inside a mapping ("fields.email"), message."""


def each_mapping(check: Callable[[MappingSubject], Iterable[Told]]) -> Check:
    """Make a rule of a check that tells paths inside a mapping."""

    def of_file(subject: Subject) -> Iterator[Found]:
        for mapping in subject.mappings:
            for path, message in check(mapping):
                yield Found(f"{mapping.path}.{path}" if path else mapping.path, message)

    return of_file


def each_trigger(check: Callable[[Reading], Iterable[str]]) -> Check:
    """Make a rule of a check that tells what is wrong with a trigger that compiles."""

    def of_mapping(mapping: MappingSubject) -> Iterator[Told]:
        if mapping.reading is not None:
            for message in check(mapping.reading):
                yield "trigger", message

    return each_mapping(of_mapping)


def nothing(_subject: Subject) -> Iterable[Found]:
    """Find nothing: the check of a rule that is applied elsewhere."""
    return ()
