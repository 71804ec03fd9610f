"""The two shapes of trouble inside a template, and how the first becomes the second.

ScriptError is what JavaScript throws as a plain Error somewhere in a tag, an operator or a filter: it
knows a message and no place. Whoever knows the place makes a FieldsError of it, with the reference's kind
(TokenizationError, ParseError, RenderError) and the line and column of the tag or output it came from.
"""

from __future__ import annotations

from connector.errors import FieldsError


class ScriptError(Exception):
    """Something a template must not do; caught where its place is known."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def too_deep() -> FieldsError:
    """Make the error of a template whose parts lie in each other more deeply than we follow."""
    return FieldsError("liquid template is nested too deeply")


def located(kind: str, message: str, source: str, begin: int) -> FieldsError:
    """Make the error of a place in a source, given in UTF-16 units; line and column count from 1."""
    line = source.count("\n", 0, begin) + 1
    column = begin - source.rfind("\n", 0, begin)
    return FieldsError(f"{message}, line:{line}, col:{column}", kind=kind)
