"""What is typed into the tester, and what is wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from aiohttp import web

from connector.delivery.letter import Place
from connector.edges.console.pages import VIEWER
from connector.edges.console.tester_edit import Edited, place_of
from connector.edges.console.tester_events import EventError
from connector.errors import ConfigurationError

LARGEST: Final = 1024 * 1024  # bytes of an event, and of a mapping
LARGEST_OF_ANYBODY: Final = 64 * 1024  # without a session; an event of Segment has 32 KiB at most
_LARGEST_FORM_OF_ANYBODY: Final = 6 * LARGEST_OF_ANYBODY  # both, each byte written as three
_LONGEST_PLACE: Final = 40


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form.

    target  the mapping that is edited: its name, or `new:` and an action; empty for none
    """

    event: str
    target: str = ""
    mapping: str = ""
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong.

    where  event or mapping, the text fields; file, for the rest of the destination file; send
    """

    where: str
    message: str
    line: int | None = None
    column: int | None = None


class TypedError(Exception):
    """What was typed or asked for cannot be used; `status` is that of the answer."""

    def __init__(self, troubles: Sequence[Trouble], status: int = 400) -> None:
        super().__init__(troubles[0].message)
        self.troubles, self.status = troubles, status


async def read_form(request: web.Request) -> dict[str, str]:
    """Read a form; that of somebody without a session may be less long."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType(text="this takes forms only")
    size = request.content_length or 0
    if not request[VIEWER].may_act and size > _LARGEST_FORM_OF_ANYBODY:
        raise web.HTTPRequestEntityTooLarge(max_size=_LARGEST_FORM_OF_ANYBODY, actual_size=size)
    body = await request.read()
    return await asyncio.to_thread(_parsed, body)


def _parsed(body: bytes) -> dict[str, str]:
    try:
        found = parse_qs(body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=50)
    except ValueError:  # more fields than any form of ours has
        return {}
    return {name: values[-1] for name, values in found.items()}


def typed_of(form: Mapping[str, str]) -> Typed:
    """Give what stands in a form that was sent."""
    return Typed(
        form.get("event", ""), form.get("target", ""), form.get("mapping", ""), form.get("sample", "")
    )


def largest_of(request: web.Request) -> int:
    """Give how many bytes each text field may have."""
    return LARGEST if request[VIEWER].may_act else LARGEST_OF_ANYBODY


def place_in(text: str) -> Place:
    """Read `partition:offset`.

    Raises: TypedError
    """
    partition, _, offset = text.strip().partition(":")
    digits = f"{partition}0{offset}"
    if not (partition and offset and digits.isascii() and digits.isdigit()) or len(text) > _LONGEST_PLACE:
        raise trouble("event", "a place is written partition:offset, such as 0:41")
    return Place(int(partition), int(offset))


def trouble(where: str, message: str, *, status: int = 400) -> TypedError:
    """Give the error for one thing that is wrong."""
    return TypedError([Trouble(where, message)], status)


def event_trouble(error: EventError) -> TypedError:
    """Give the error for an event that cannot be read."""
    return TypedError([Trouble("event", error.message, error.line, error.column)])


def mapping_trouble(error: ConfigurationError, edited: Edited | None = None) -> TypedError:
    """Give the error for a mapping that cannot be used.

    edited  what its text was read as; what is wrong elsewhere in the file is told as such
    """
    problems = [each if edited is None else place_of(each, edited) for each in error.problems]
    return TypedError(
        [
            Trouble(
                "file" if edited is not None and each.line is None else "mapping",
                ": ".join(filter(None, (each.path, each.message))),
                each.line,
                each.column,
            )
            for each in dict.fromkeys(problems)
        ]
    )
