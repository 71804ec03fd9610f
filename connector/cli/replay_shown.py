"""How a replay is shown: its plan, its progress, its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from connector.cli.output import print_json
from connector.delivery.replay import ReplayPlan, too_old

if TYPE_CHECKING:
    from connector.replaying import Ending  # imports Faust

LINE_S = 10.0  # between two lines of progress where there is no terminal


def estimate_s(plan: ReplayPlan) -> float:
    """Give how long a replay takes at its rate, in seconds."""
    return float(round(plan.counts["chosen" if plan.from_source else "requests"] / plan.rate, 1))


def print_plan(plan: ReplayPlan) -> None:
    """Print what a plan says."""
    counts = plan.counts
    click.secho(f"Replay {plan.id} for {plan.destination}", bold=True)
    click.echo(f"  {counts['events']} events read, {counts['chosen']} chosen of {counts['users']} people")
    if counts["chosen"]:
        click.echo(f"  from {counts['oldest']} to {counts['newest']}")
    for name, number in counts["by_mapping"].items():
        click.echo(f"  {name}: {number} requests")
    for day, found in counts["by_day"].items():
        click.echo(f"  {day}: " + ", ".join(f"{name} {number}" for name, number in found.items()))
    for code, number in counts["dead_letters"].items():
        click.echo(f"  {number} dead letters with code {code}")
    for label, text in (
        ("unmatched", "match no mapping"),
        ("unreadable", "records hold no event"),
        ("suppressed", "are not sent, their persons were deleted"),
    ):
        if counts[label]:
            click.echo(f"  {counts[label]} {text}")
    unit = "events" if plan.from_source else "requests"
    click.echo(f"  at {plan.rate:g} {unit} a second: about {_span(estimate_s(plan))}")
    warning = too_old(plan, time.time())
    if warning:
        click.secho(f"  note: {warning}", fg="yellow")


def report(plan: ReplayPlan, values: dict[str, Any], *, as_json: bool, text: str) -> None:
    """Print one thing about a replay."""
    if as_json:
        print_json({"id": plan.id, **values})
    else:
        click.echo(f"Replay {plan.id}: {text}")


def print_ending(plan: ReplayPlan, ending: Ending, *, as_json: bool) -> None:
    """Print what became of a replay, and of this process in it."""
    everybody = ending.everybody
    if as_json:
        print_json(
            {
                "id": plan.id,
                "state": ending.state,
                "duration_s": round(ending.duration_s, 1),
                "this_process": ending.ours.as_json(),
                "all_processes": everybody.as_json(),
            }
        )
        return
    words = {
        "done": "is done",
        "cancelled": "was cancelled; what was under way is finished",
        "stopped": "was interrupted; the same command goes on where it stopped",
    }
    click.echo(f"Replay {plan.id} {words[ending.state]}, after {_span(ending.duration_s)}")
    for name in plan.mappings:
        if everybody.sent[name]:
            click.echo(f"  {name}: {everybody.sent[name]} sent, {ending.ours.sent[name]} by this process")
    if plan.from_source:
        ours = ending.ours.forwarded
        click.echo(f"  {everybody.forwarded} events written to the by-user topic, {ours} by this process")
    for code, number in everybody.dead_letters.items():
        click.echo(f"  {number} dead letters with code {code}")
    click.echo(f"  {everybody.filtered} records of which nothing was sent, {everybody.retries} retries")


Show = Callable[[int, int, str], None]  # done, of, and what else there is to say


@contextmanager
def bar(what: str, unit: str) -> Iterator[Show]:
    """Show progress on standard error: a bar on a terminal, a line every ten seconds anywhere else."""
    if not sys.stderr.isatty():
        yield _Lines(what, unit).show
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit),
        TextColumn("{task.fields[rate]}"), TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=None, rate="", note="")

        def show(done: int, of: int, note: str) -> None:
            speed = progress.tasks[0].speed
            rate = "" if speed is None else f"{speed:.0f}/s"
            progress.update(task, completed=done, total=of, rate=rate, note=note)

        yield show


class _Lines:
    def __init__(self, what: str, unit: str) -> None:
        self._what, self._unit = what, unit
        self._last: tuple[float, int] | None = None
        self._waits = ""

    def show(self, done: int, of: int, note: str) -> None:
        now_s = time.monotonic()
        if self._last is None:
            self._last = now_s, done
        waits = note.partition("; ")[2]
        since_s = now_s - self._last[0]
        if since_s < LINE_S and waits == self._waits:
            return
        per_s = (done - self._last[1]) / max(since_s, 0.001)
        left = f", {_span((of - done) / per_s)} left" if per_s > 0 else ""
        tail = f"; {note}" if note else ""
        click.echo(f"{self._what}: {done} of {of} {self._unit}, {per_s:.0f}/s{left}{tail}", err=True)
        self._last, self._waits = (now_s, done), waits


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
