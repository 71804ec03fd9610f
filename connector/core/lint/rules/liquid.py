"""Rules on Liquid templates, by what compiling and rendering them says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from connector.core.lint.rules.for_each import Told
from connector.core.lint.samples import SAMPLES
from connector.core.lint.subjects import MappingSubject
from connector.core.liquid import compile_liquid
from connector.errors import FieldsError

_EVENTS: Final = ({}, *SAMPLES)


@dataclass(frozen=True, slots=True)
class _Trouble:
    path: str
    message: str
    always: bool  # for every event; else for some

    @property
    def too_long(self) -> bool:
        return "limited to" in self.message

    @property
    def disabled(self) -> bool:
        return "is disabled" in self.message


def too_long(mapping: MappingSubject) -> Iterator[Told]:
    """Over 1000 characters."""
    for trouble in _troubles(mapping):
        if trouble.too_long:
            yield trouble.path, f"every event fails: {trouble.message}"


def disabled(mapping: MappingSubject) -> Iterator[Told]:
    """Tags and filters that the destination refuses."""
    for trouble in _troubles(mapping):
        if trouble.disabled:
            who = "every event fails" if trouble.always else "every event whose rendering comes to it fails"
            yield trouble.path, f"{who}: {trouble.message}"


def broken(mapping: MappingSubject) -> Iterator[Told]:
    """Templates that do not compile, or fail whatever they are given."""
    for trouble in _troubles(mapping):
        if not trouble.too_long and not trouble.disabled and trouble.always:
            hint = "; variables have no `$.` before them" if "$." in trouble.message else ""
            yield trouble.path, f"every event fails: {trouble.message}{hint}"


def _troubles(mapping: MappingSubject) -> Iterator[_Trouble]:
    for place in mapping.places:
        if place.directive == "@liquid" and isinstance(place.argument, str):
            path = f"{place.path}.@liquid"
            try:
                render = compile_liquid(place.argument)
            except FieldsError as error:
                yield _Trouble(path, error.message, always=True)
                continue
            messages = []
            for event in _EVENTS:
                try:
                    render(event)
                except FieldsError as error:
                    messages.append(error.message)
            for message in dict.fromkeys(messages):
                yield _Trouble(path, message, always=len(messages) == len(_EVENTS))
