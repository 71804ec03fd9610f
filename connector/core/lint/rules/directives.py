"""Rules on what directives make of their arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from connector.core.fields_check import LONGEST_PATTERN
from connector.core.javascript import is_falsy, utf16_length
from connector.core.json_text import write_json
from connector.core.lint.fields_tree import places
from connector.core.lint.rules.for_each import Told
from connector.core.lint.subjects import MappingSubject

_EXPRESSION: Final = re.compile(r"\\[dDsSwWb]|\.[*+]|\[\^?.-.|\[\^|^\^|\(.*\|.*\)")
_MARK: Final = re.compile(r"\$[$&`']")
_SCALARS: Final = (str, int, float, bool)


def if_blank(mapping: MappingSubject) -> Iterator[Told]:
    """`blank` holds when the value is not blank."""
    for path, argument in _arguments(mapping, "@if"):
        if "exists" in argument or is_falsy(argument.get("blank")):
            continue
        # Who takes the value itself where it is not blank has understood.
        if "then" not in argument or _paths(argument["blank"]).isdisjoint(_paths(argument["then"])):
            message = (
                "`then` is taken when it is NOT blank, `else` when it is (missing, null, empty, 0, false)"
            )
            yield f"{path}.blank", f"{message}; swap them if that is not meant"


def if_blank_ignored(mapping: MappingSubject) -> Iterator[Told]:
    """Beside `exists`, `blank` does nothing."""
    for path, argument in _arguments(mapping, "@if"):
        if "exists" in argument and "blank" in argument:
            yield f"{path}.blank", "is ignored: `exists` alone decides"


def if_constant(mapping: MappingSubject) -> Iterator[Told]:
    """A raw value always exists."""
    for path, argument in _arguments(mapping, "@if"):
        name = "exists" if "exists" in argument else "blank"
        subject = argument.get(name)
        if not is_falsy(subject) and isinstance(subject, _SCALARS):
            shown = _shown(subject)
            yield f"{path}.{name}", f"the raw value {shown} is always there, so `then` is always taken"


def if_falsy_else(mapping: MappingSubject) -> Iterator[Told]:
    """An `else` of 0, "" or false is ignored."""
    for path, argument in _arguments(mapping, "@if"):
        if argument.get("else") is not None and is_falsy(argument["else"]):
            shown = _shown(argument["else"])
            yield f"{path}.else", f"{shown} is ignored and gives no value; write {{'@literal': {shown}}}"


def if_without_then(mapping: MappingSubject) -> Iterator[Told]:
    """Where the condition holds there is no value."""
    for path, argument in _arguments(mapping, "@if"):
        if "then" not in argument:
            what = "exists" if "exists" in argument else "is not blank"
            yield path, f"without `then` there is no value when the condition holds, that is when it {what}"


def json_mode(mapping: MappingSubject) -> Iterator[Told]:
    """`Encode` passes the check and selects nothing."""
    for path, argument in _arguments(mapping, "@json"):
        mode = argument.get("mode")
        if (
            isinstance(mode, str)
            and mode not in ("encode", "decode")
            and mode.lower() in ("encode", "decode")
        ):
            yield f"{path}.mode", f"{mode!r} never gives a value; write {mode.lower()!r}"


def merge_direction(mapping: MappingSubject) -> Iterator[Told]:
    """`LEFT` passes the check and acts as right."""
    for path, argument in _arguments(mapping, "@merge"):
        direction = argument.get("direction")
        if isinstance(direction, str) and direction != "left" and direction.lower() == "left":
            yield f"{path}.direction", f"{direction!r} acts as 'right': later objects win; write 'left'"


def case_operator(mapping: MappingSubject) -> Iterator[Told]:
    """@case knows lower and upper."""
    for path, argument in _arguments(mapping, "@case"):
        operator = argument.get("operator")
        if (
            isinstance(operator, str)
            and operator
            and operator not in ("lower", "upper")
            and not is_falsy(argument.get("value"))
        ):
            yield (
                f"{path}.operator",
                f"{_shown(operator)} is neither 'lower' nor 'upper': every event whose value is text fails",
            )


def falsy_value(mapping: MappingSubject) -> Iterator[Told]:
    """@case and @replace of 0, "", false or null have no value."""
    for name in ("@case", "@replace"):
        for path, argument in _arguments(mapping, name):
            if is_falsy(argument.get("value")) and (name == "@case" or "value" in argument):
                what = _shown(argument["value"]) if "value" in argument else "nothing"
                yield path, f"{name} of {what} never has a value"


def long_pattern(mapping: MappingSubject) -> Iterator[Told]:
    """The second pattern is not measured when the file is loaded."""
    for path, argument in _arguments(mapping, "@replace"):
        if not isinstance(argument.get("pattern2"), str) or not argument["pattern2"]:
            continue
        for key in ("pattern2", "replacement2"):
            text = argument.get(key)
            if isinstance(text, str) and utf16_length(text) > LONGEST_PATTERN:
                message = "every event whose value is text, a number or a boolean fails"
                yield f"{path}.{key}", f"is longer than {LONGEST_PATTERN} characters: {message}"


def pattern_is_expression(mapping: MappingSubject) -> Iterator[Told]:
    """Patterns are plain text."""
    for path, argument in _arguments(mapping, "@replace"):
        for key in ("pattern", "pattern2"):
            text = argument.get(key)
            if isinstance(text, str) and _EXPRESSION.search(text):
                yield f"{path}.{key}", f"`{text}` is looked for as it stands; it is no regular expression"


def replacement_marks(mapping: MappingSubject) -> Iterator[Told]:
    """`$$`, `$&`, `` $` `` and `$'` have a meaning."""
    for path, argument in _arguments(mapping, "@replace"):
        for key in ("replacement", "replacement2"):
            text = argument.get(key)
            for mark in _MARK.findall(text) if isinstance(text, str) else ():
                yield f"{path}.{key}", f"`{mark}` stands for {_MARKS[mark]}, not for itself"


_MARKS: Final = {
    "$$": "one dollar sign",
    "$&": "what was found",
    "$`": "what is before it",
    "$'": "what is behind it",
}


def array_path_shape(mapping: MappingSubject) -> Iterator[Told]:
    """A shape that is no object, and what follows it, is ignored."""
    for place in mapping.places:
        if place.directive != "@arrayPath" or not isinstance(place.argument, list):
            continue
        path, argument = f"{place.path}.@arrayPath", place.argument
        if len(argument) > 1 and not (isinstance(argument[1], Mapping) and argument[1]):
            yield (
                f"{path}[1]",
                "the shape is no object with members: it is ignored, the list is sent as it is",
            )
        if len(argument) > 2:
            yield f"{path}[2]", "is ignored: @arrayPath takes a path and a shape"


def _arguments(mapping: MappingSubject, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give the arguments of every directive of a name, and where they stand."""
    for place in mapping.places:
        if place.directive == name and isinstance(place.argument, Mapping):
            yield f"{place.path}.{name}", place.argument


def _paths(tree: Any) -> set[str]:
    """Give the paths that a tree looks up directly or inside."""
    found = (place.argument for place in places({"value": tree}) if place.directive == "@path")
    return {argument for argument in found if isinstance(argument, str)}


def _shown(value: Any) -> str:
    return write_json(value).decode()
