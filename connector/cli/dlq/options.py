"""What the commands about dead letters share: filters, times, places, the destination, progress."""

from __future__ import annotations

import difflib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from connector.delivery.codes import CODES
from connector.delivery.letter import Place, Selection
from connector.errors import ConfigurationError, Problem
from connector.settings import Settings, duration

Command = TypeVar("Command", bound=Callable[..., Any])


class Code(click.ParamType):
    """One of the codes of docs/codes.md."""

    name = "code"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Give the code back, or say which ones are like it."""
        if value in CODES:
            return value
        near = difflib.get_close_matches(value, CODES, n=3, cutoff=0.4) or [
            code for code in CODES if value and value in code
        ]
        hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(CODES)}"
        raise click.BadParameter(f"{value!r} is no code; {hint}", ctx, param)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[Any]:
        """Complete a code."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415

        return [CompletionItem(code) for code in CODES if code.startswith(incomplete)]


class Moment(click.ParamType):
    """A time: 2026-11-24, 2026-11-24T09:30Z, or 2h for two hours ago. Gives milliseconds since the epoch."""

    name = "time"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read a time; one without a zone is in UTC."""
        if isinstance(value, int):
            return value
        try:
            at = datetime.fromisoformat(value.strip())
        except ValueError:
            try:
                return round((time.time() - float(duration()(value))) * 1000)
            except ValueError:
                message = (
                    f"{value!r} is no time; write e.g. 2026-11-24, 2026-11-24T09:30Z, or 2h for 2 hours ago"
                )
                raise click.BadParameter(message, ctx, param) from None
        return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


class PlaceType(click.ParamType):
    """Where a letter stands: PARTITION:OFFSET, as `dlq list --group-by none` prints it."""

    name = "partition:offset"

    def convert(self, value: str | Place, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        """Read a place."""
        if isinstance(value, Place):
            return value
        partition, colon, offset = value.partition(":")
        if not colon or not all(
            part.isascii() and part.isdigit() and len(part) < 19 for part in (partition, offset)
        ):
            self.fail(f"{value!r} is no place; write PARTITION:OFFSET, e.g. 0:41", param, ctx)
        return Place(int(partition), int(offset))


def filter_options(command: Command) -> Command:
    """Add the filters to a command, as --code, --mapping, --user, --since and --until."""
    for option in reversed(
        (
            click.option(
                "--code",
                "codes",
                type=Code(),
                multiple=True,
                help="Only letters with this code; may be repeated.",
            ),
            click.option(
                "--mapping", "mappings", multiple=True, help="Only letters of this mapping; may be repeated."
            ),
            click.option("--user", help="Only letters of this userId or anonymousId."),
            click.option(
                "--since",
                type=Moment(),
                help="Written at this time or later: 2026-11-24T09:30Z, or 2h for two hours ago.",
            ),
            click.option("--until", type=Moment(), help="Written before this time."),
        )
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Filters:
    """What the filter options were given."""

    codes: tuple[str, ...]
    mappings: tuple[str, ...]
    user: str | None
    since: int | None
    until: int | None

    def selection(self, destination: str | None) -> Selection:
        """Give the letters of a destination, or of all, that pass."""
        return Selection(
            codes=frozenset(self.codes),
            mappings=frozenset(self.mappings),
            user=self.user,
            since=self.since,
            until=self.until,
            destination=destination,
        )


def destination_id(settings: Settings) -> str:
    """Give the id of the destination at hand; its mappings may be broken.

    Raises: ConfigurationError
    """
    from connector.edges.destination_file import read_destination_file  # noqa: PLC0415

    id_ = read_destination_file(settings.destination_file).config.get("id")
    if not isinstance(id_, str) or not id_:
        raise ConfigurationError(Problem("is required", path="id", file=str(settings.destination_file)))
    return id_


def text_of_time(timestamp: int) -> str:
    """Give milliseconds since the epoch as text, in UTC."""
    try:
        return datetime.fromtimestamp(timestamp / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):  # anybody may have written that time
        return "?"


def printable(text: str) -> str:
    """Give a text without what a terminal would obey; anybody may have written it."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def letters(count: int) -> str:
    """Say how many."""
    return f"{count:,} letter{'' if count == 1 else 's'}"


def confirmed(question: str) -> bool:
    """Ask, and say so when the answer is no."""
    answer = click.confirm(question, err=True)
    if not answer:
        click.echo("Nothing was done.", err=True)
    return answer


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far something is on a terminal's standard error, as (done, in all)."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, in_all: bar.update(task, completed=done, total=in_all)
