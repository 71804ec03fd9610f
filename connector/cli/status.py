"""`encharge-connector status`: how far everything is, and what is stuck and why."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.settings import duration

if TYPE_CHECKING:
    from connector.edges.status_report import Limits, Report
    from connector.settings import Settings

WATCH_S: Final = 2.0


class _Duration(click.ParamType):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            seconds: float = duration()(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return seconds


@click.command("status")
@click.option(
    "--watch",
    type=click.FloatRange(min=0.2),
    is_flag=False,
    flag_value=WATCH_S,
    metavar="[SECONDS]",
    help=f"Go on until Ctrl-C and look again every so many seconds ({WATCH_S:g} when left out).",
)
@click.option(
    "--stuck-after",
    type=_Duration(),
    default="5m",
    show_default=True,
    help="Age of the oldest record beyond which a partition that does not move is stuck.",
)
@click.option(
    "--silent-after",
    type=_Duration(),
    default="20s",
    show_default=True,
    help="Time after which a worker that was not heard (every 5 s is due) counts as silent.",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context, *, watch: float | None, stuck_after: float, silent_after: float, as_json: bool
) -> None:
    """Tell how far everything is and what each partition waits for. Exits 1 when something is stuck.

    Asks Kafka only: lag, commits and groups, and on the control topic what the workers last said. With --json
    one object, with --watch one per look. Ctrl-C ends --watch with 130.

    \b
    Example:
      encharge-connector status --watch
      encharge-connector status --json --stuck-after 10m
    """
    from connector.edges.status_report import Limits  # noqa: PLC0415

    settings = read_settings()
    limits = Limits(silent_after_s=silent_after, stuck_after_s=stuck_after)
    show = _print_json if as_json else _print_text
    if watch is None:
        report = run_async(_look(settings, limits))
        show(report)
        ctx.exit(1 if report.findings else 0)
    elif as_json or not sys.stdout.isatty():
        run_async(_watch(settings, limits, watch, show))
    else:
        _watch_live(settings, limits, watch)


async def _look(settings: Settings, limits: Limits) -> Report:
    from connector.edges.status_reader import StatusReader  # noqa: PLC0415

    async with StatusReader(settings, limits) as reader:
        return await reader.read()


async def _watch(settings: Settings, limits: Limits, every_s: float, show: Callable[[Report], None]) -> None:
    """Look again and again; once Kafka was there, trouble with it is told and waited for."""
    from connector.edges.status_reader import StatusReader  # noqa: PLC0415
    from connector.errors import OperationalError  # noqa: PLC0415

    async with StatusReader(settings, limits) as reader:
        show(await reader.look())
        reader.follow()
        while True:
            await asyncio.sleep(every_s)
            try:
                show(await reader.look())
            except OperationalError as error:
                click.echo(f"error: {error}", err=True)


def _watch_live(settings: Settings, limits: Limits, every_s: float) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from connector.cli.status_text import lines  # noqa: PLC0415

    with Live(console=Console(file=sys.stdout), auto_refresh=False, screen=True) as live:

        def show(report: Report) -> None:
            live.update(Text.from_ansi("\n".join(lines(report)), no_wrap=True), refresh=True)

        run_async(_watch(settings, limits, every_s, show))


def _print_json(report: Report) -> None:
    print_json({"ok": not report.findings, **asdict(report)})


def _print_text(report: Report) -> None:
    from connector.cli.status_text import lines  # noqa: PLC0415

    click.echo("\n".join(lines(report)))
