"""Events that a command reads: JSON Lines, from a file or standard input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from connector.core.event import Event, events_of, read_object
from connector.errors import ConfigurationError, Problem, UnreadableRecord


def file_name(file: BinaryIO) -> str:
    """Give the name of a file for messages."""
    return str(getattr(file, "name", "<stdin>"))


def events_in(file: BinaryIO) -> Iterator[tuple[int, Event]]:
    """Give the events of a file with the number of the line each one came from.

    Raises: ConfigurationError with file and line where a line holds no event
    """
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            found = events_of(read_object(line.strip()))
        except UnreadableRecord as error:
            raise ConfigurationError(Problem(error.message, file=file_name(file), line=number)) from error
        for event in found:
            yield number, event
