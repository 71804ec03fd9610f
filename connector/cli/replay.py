"""`encharge-connector replay`: send a bounded range of events again, planned first."""

from __future__ import annotations

import getpass
import os
import time
from pathlib import Path
from typing import Any

import click

from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.cli.replay_parameters import Duration, Moment, Offsets
from connector.cli.replay_shown import bar, estimate_s, print_ending, print_plan, report
from connector.settings import Settings

NICER = 5  # a worker on the same machine gets a core three times as often
_RATE = click.FloatRange(min=0.001, max=1e6)


@click.group("replay")
def command() -> None:
    """Send a bounded range of events again: plan it, look at the plan, run it."""


# Plan


@command.command("plan")
@click.option("--since", type=Moment(), help="First record: a time, or so long ago (24h, 7d). The beginning.")
@click.option("--until", type=Moment(), help="Behind the last record, likewise. What is there now.")
@click.option(
    "--from-offsets", "offsets", type=Offsets(), metavar="FILE|P:START[-END],…",
    help="Where to begin instead; partitions that are not named are left out.",
)  # fmt: skip
@click.option("--where", default="", metavar="FQL", help='Only events of this trigger, e.g. type = "track".')
@click.option("--user", "users", multiple=True, metavar="ID", help="Only this person's; repeatable.")
@click.option("--event", "events", multiple=True, metavar="NAME", help="Only these track events; repeatable.")
@click.option("--mapping", "mappings", multiple=True, metavar="NAME", help="Only these mappings; repeatable.")
@click.option(
    "--rate", type=_RATE,
    help="Requests a second. A quarter of CONNECTOR_MAX_REQUESTS_PER_SECOND, or 100 where that is not set.",
)  # fmt: skip
@click.option(
    "--max-age", type=Duration(), default="30d", show_default=True, metavar="DURATION",
    help="Age of the oldest event that `run` sends without being told that automations may fire.",
)  # fmt: skip
@click.option(
    "--from-source", is_flag=True,
    help="Take the source topic, and let `run` write its events to the by-user topic once more; RATE is then"
    " events a second.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The plan file. replay-ID.json.")
@click.option(
    "--samples", type=click.IntRange(0, 5), default=0, show_default=True,
    help="Show so many of the requests. They hold people's data; the plan file does not.",
)  # fmt: skip
@json_option
def plan_command(
    *,
    since: float | None,
    until: float | None,
    offsets: dict[int, tuple[int, int | None]] | None,
    where: str,
    users: tuple[str, ...],
    events: tuple[str, ...],
    mappings: tuple[str, ...],
    rate: float | None,
    max_age: float,
    from_source: bool,
    out: Path | None,
    samples: int,
    as_json: bool,
) -> None:
    """Read a range, count what would be sent, and write a plan file for `run`. Sends nothing.

    \b
    Examples:
      encharge-connector replay plan --since 2026-11-24T02:00Z --until 2026-11-24T03:30Z
      encharge-connector replay plan --since 7d --event "Order Completed" --mapping "Track Event" --rate 20
      encharge-connector replay plan --user u-4711 --samples 3
    """
    from connector.delivery.replay import default_rate  # noqa: PLC0415
    from connector.delivery.selection import Filters  # noqa: PLC0415
    from connector.edges.destination_file import read_destination_file  # noqa: PLC0415
    from connector.edges.replay.plan_file import as_json as plan_json  # noqa: PLC0415
    from connector.edges.replay.plan_file import write_plan  # noqa: PLC0415
    from connector.edges.replay.planning import Order, make_plan  # noqa: PLC0415
    from connector.edges.replay.reading import Wanted  # noqa: PLC0415

    if since is not None and offsets is not None:
        raise click.UsageError("--since and --from-offsets both say where to begin; keep one of them")
    if out is not None and out.exists():
        raise click.UsageError(f"{out} exists already; choose another --out")
    settings = read_settings()
    order = Order(
        Wanted(since, until, offsets),
        Filters(where, users, events, mappings),
        rate or default_rate(settings.max_requests_per_second),
        max_age,
        from_source,
    )
    file = read_destination_file(settings.destination_file)
    with bar("reading", "records") as show:
        plan, forecast = run_async(make_plan(settings, file, order, lambda done, of: show(done, of, "")))
    out = out or Path(f"replay-{plan.id}.json")
    write_plan(plan, out)
    shown = forecast.samples(samples)
    if as_json:
        values = [{**each._asdict(), "body": (each.body or b"").decode()} for each in shown]
        print_json({**plan_json(plan), "file": str(out), "estimated_s": estimate_s(plan), "samples": values})
        return
    print_plan(plan)
    for each in shown:
        click.echo(
            f"\n{each.mapping} ({each.action})\n{each.method} {each.url}\n{(each.body or b'').decode()}"
        )
    click.echo(f"\nWritten to {out}. Nothing was sent; this sends it:\n  encharge-connector replay run {out}")


# Run


@command.command("run")
@click.argument("file", metavar="PLAN", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--rate", type=_RATE, help="Requests a second over all processes, instead of the plan's.")
@click.option(
    "--in-flight", type=click.IntRange(1, 10_000), default=64, show_default=True,
    help="Requests of this process under way at once.",
)  # fmt: skip
@click.option("--automations-may-fire", is_flag=True, help="Send events beyond the plan's age limit, too.")
@click.option(
    "--configuration", type=click.Choice(["current", "as-planned"]), default="current", show_default=True,
    help="Which destination file counts: today's, or only the very one that was planned with.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Go on where records are gone, or after a cancellation.")
@json_option
@click.pass_context
def run_command(
    ctx: click.Context,
    *,
    file: Path,
    rate: float | None,
    in_flight: int,
    automations_may_fire: bool,
    configuration: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Execute a plan. Start it on several machines to share the work, and again after a crash to go on.

    \b
    Example:
      encharge-connector replay run replay-4c1f09ab.json --rate 50
    """
    from connector.delivery.replay import too_old  # noqa: PLC0415
    from connector.edges.logs import set_up_logs  # noqa: PLC0415
    from connector.edges.replay.checks import check_plan, look  # noqa: PLC0415
    from connector.edges.replay.plan_file import read_plan  # noqa: PLC0415

    plan, settings = read_plan(file), read_settings()
    check_plan(settings, plan, as_planned=configuration == "as-planned")
    refused = "" if automations_may_fire else too_old(plan, time.time())
    if refused:
        click.echo(f"refused: {refused}", err=True)
        ctx.exit(1)
    if not plan.ranges:
        report(plan, {"state": "done", "requests": 0}, as_json=as_json, text="nothing was chosen")
        return
    found = run_async(look(settings, plan))
    if found.is_done:
        report(
            plan, {"state": "done", "requests": 0}, as_json=as_json,
            text="is done already; make another plan to send the events again",
        )  # fmt: skip
        return
    for finding in found.findings:
        if not yes and not _confirmed(finding):
            ctx.exit(1)
    os.nice(NICER)  # before Faust is imported, which takes a second of a core
    from connector.replaying import Options, replay  # noqa: PLC0415

    options = Options(
        rate=rate or plan.rate,
        in_flight=in_flight,
        as_planned=configuration == "as-planned",
        by=getpass.getuser(),
    )
    set_up_logs("warning", settings.log_format)
    with bar(f"replay {plan.id}", "records") as show:
        ending = run_async(
            replay(
                settings, plan, options,
                lambda now: show(now.done, now.of, now.note),
            ),
            quiet=False,
        )  # fmt: skip
    print_ending(plan, ending, as_json=as_json)
    ctx.exit({"done": 0, "cancelled": 1, "stopped": 130}[ending.state])


def _confirmed(finding: str) -> bool:
    import sys  # noqa: PLC0415

    if sys.stdin.isatty():
        return click.confirm(f"{finding}. Go on?", err=True)
    click.echo(f"refused: {finding}; say --yes to go on", err=True)
    return False


# List and cancel


@command.command("list")
@json_option
def list_command(*, as_json: bool) -> None:
    """List all replays and how far each is; needs no process that runs one.

    \b
    Example:
      encharge-connector replay list
    """
    rows = run_async(_list(read_settings()))
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("There are no replays.")
    for row in rows:
        click.secho(f"{row['id']}  {row['state']}", bold=True, nl=False)
        click.echo(
            f"  {row['percent']} %, {sum(row['sent'].values())} of {row['requests']} requests sent,"
            f" {sum(row['dead_letters'].values())} dead letters, {row['members']} processes"
        )
        click.echo(
            f"    {row['destination']}, begun {row['started_at']} by {row['by']}, at {row['rate']:g}/s"
        )


async def _list(settings: Settings) -> list[dict[str, Any]]:
    from connector.delivery.replay import iso  # noqa: PLC0415
    from connector.edges.control_topic import ControlReader  # noqa: PLC0415
    from connector.edges.replay.state import done_by_all, progress_of, replays_in  # noqa: PLC0415

    control = ControlReader(settings)
    await control.read_to_end(must_exist=True)
    found = await progress_of(settings, list(replays_in(control.values)))
    return [
        {
            "id": known.id,
            "state": progress.state,
            "percent": progress.percent,
            "members": progress.members,
            "destination": known.destination,
            "topic": known.topic,
            "requests": known.requests,
            "rate": known.rate,
            "by": known.by,
            "started_at": iso(known.started_at),
            **done_by_all(control.values, known.id).as_json(),
        }
        for known, progress in found
    ]


@command.command("cancel")
@click.argument("id_", metavar="ID")
@json_option
def cancel_command(*, id_: str, as_json: bool) -> None:
    """End a replay in all its processes: each finishes what is under way and commits.

    \b
    Example:
      encharge-connector replay cancel 4c1f09ab
    """
    state = run_async(_cancel(read_settings(), id_))
    if as_json:
        print_json({"id": id_, "state": state})
    elif state == "done":
        click.echo(f"Replay {id_} is done already")
    else:
        click.echo(f"Replay {id_} is cancelled; its processes end within seconds")


async def _cancel(settings: Settings, id_: str) -> str:
    from dataclasses import replace  # noqa: PLC0415

    from connector.edges.control_topic import ControlReader  # noqa: PLC0415
    from connector.edges.replay.state import key_of, known_of, tell_known  # noqa: PLC0415
    from connector.errors import ConfigurationError, Problem  # noqa: PLC0415

    control = ControlReader(settings)
    await control.read_to_end(must_exist=True)
    known = known_of(id_, control.values.get(key_of(id_)))
    if known is None:
        raise ConfigurationError(Problem(f"there is no replay {id_!r}; `replay list` has them", path="ID"))
    if known.state != "done":
        await tell_known(settings, replace(known, state="cancelled", at=time.time()))
        return "cancelled"
    return known.state
