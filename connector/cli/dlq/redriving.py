"""`encharge-connector dlq redrive`."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from connector.cli.dlq.options import Filters, confirmed, filter_options, letters, progress_bar
from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.core import Destination
from connector.delivery.redrive import Prospect
from connector.errors import ConfigurationError, ConnectorError, Problem
from connector.settings import Settings

MAX_REDRIVES = 3

_LEFT = {
    Prospect.FAILS: "would fail again",
    Prospect.UNREADABLE: "would fail again: no event",
    Prospect.NO_MATCH: "would no longer match their mapping",
    Prospect.NO_MAPPING: "have no mapping of that name any more",
    Prospect.OTHER_ACTION: "have a mapping with another action now",
}


@click.command("redrive")
@filter_options
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@click.option(
    "--limit", type=click.IntRange(1), help="Most letters that are sent; the oldest of a partition first."
)
@click.option(
    "--max-redrives",
    type=click.IntRange(1),
    default=MAX_REDRIVES,
    show_default=True,
    help="Leave letters that came back so often.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    help="Letters a second; as fast as Kafka takes them when left out.",
)
@click.option(
    "--batch",
    type=click.IntRange(1, 10_000),
    default=200,
    show_default=True,
    help="Letters in one transaction.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def redrive(
    ctx: click.Context,
    *,
    codes: tuple[str, ...],
    mappings: tuple[str, ...],
    user: str | None,
    since: int | None,
    until: int | None,
    dry_run: bool,
    limit: int | None,
    max_redrives: int,
    rate: float | None,
    batch: int,
    yes: bool,
    as_json: bool,
) -> None:
    """Send dead letters again: each once, in the order of each user, only what failed.

    The workers deliver them like any other record, but only the mapping that failed. Letters that would come
    to nothing by the destination file of today stay where they are. What is interrupted goes on when it is
    started again.

    \b
    Examples:
      encharge-connector dlq redrive --dry-run
      encharge-connector dlq redrive --code invalid_fields --mapping "Track Event"
      encharge-connector dlq redrive --since 24h --rate 50 --yes
    """
    from connector.edges.dead_letters.plan import plan_redrive  # noqa: PLC0415
    from connector.edges.dead_letters.redriver import Redriver  # noqa: PLC0415

    settings = read_settings()
    destination = _destination(settings)
    selection = Filters(codes, mappings, user, since, until).selection(destination.id)
    with progress_bar("reading dead letters") as progress:
        plan = run_async(
            plan_redrive(
                settings, destination, selection, limit=limit, max_redrives=max_redrives, progress=progress
            )
        )
    targets = _targets(settings, plan)
    if dry_run or not plan.count:
        _report(plan, 0, as_json=as_json, dry_run=dry_run, targets=targets)
        return
    _explain(plan, targets, settings)
    if not yes and not confirmed(f"Send {letters(plan.count)} again?"):
        ctx.exit(1)
    redriver = Redriver(settings, batch=batch, rate=rate)
    try:
        with progress_bar("sending") as progress:
            redriver.on_sent = lambda sent: progress(sent, plan.count)
            run_async(redriver.run(plan))
    except (ConnectorError, KeyboardInterrupt, asyncio.CancelledError):
        click.echo(
            f"{letters(redriver.sent)} of {plan.count:,} were sent; start it again to send the rest", err=True
        )
        raise
    _report(plan, redriver.sent, as_json=as_json, dry_run=False, targets=targets)


def _destination(settings: Settings) -> Destination:
    from connector.edges.destination_file import read_destination_file  # noqa: PLC0415

    file = settings.destination_file
    destination = read_destination_file(file).compile(api_key="")
    if not destination.enabled and destination.when_disabled == "discard":
        raise ConfigurationError(
            Problem(
                "is false and when_disabled is discard: workers would throw away what is redriven",
                path="enabled",
                file=str(file),
            )
        )
    return destination


def _targets(settings: Settings, plan: Any) -> dict[str, int]:
    """Give topic -> letters that go there."""
    targets = {settings.deliver_topic: plan.count - plan.to_source}
    targets[settings.source_topic] = targets.get(settings.source_topic, 0) + plan.to_source
    return {topic: count for topic, count in targets.items() if count}


def _explain(plan: Any, targets: dict[str, int], settings: Settings) -> None:
    for line in _lines(plan, targets):
        click.echo(line, err=True)
    if settings.partitioning == "source":
        click.secho(
            f"{settings.source_topic} is your own topic (CONNECTOR_PARTITIONING=source): whatever else reads"
            " it gets these records a second time",
            fg="yellow",
            err=True,
        )
    elif settings.source_topic in targets:
        click.secho(
            f"{settings.source_topic} is your own topic: whatever else reads it gets these records a second"
            " time",
            fg="yellow",
            err=True,
        )


def _lines(plan: Any, targets: dict[str, int]) -> list[str]:
    """Say what is sent where, and what is left for which reason."""
    lines = [f"{letters(count)} to {topic}" for topic, count in targets.items()]
    left = [
        *((count, _LEFT[prospect]) for prospect, count in sorted(plan.left.items())),
        (plan.too_often, "came back too often (--max-redrives)"),
        (plan.suppressed, "are of persons that were deleted since"),
        (plan.redriven, "were redriven before"),
        (plan.over_limit, "are beyond --limit"),
    ]
    lines += [f"left: {letters(count)} {why}" for count, why in left if count]
    others = sum(plan.scanned.others.values())
    if others:
        lines.append(f"left: {letters(others)} of other destinations")
    return lines


def _report(plan: Any, sent: int, *, as_json: bool, dry_run: bool, targets: dict[str, int]) -> None:
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "to_send": plan.count,
                "sent": sent,
                "targets": targets,
                "left": {str(prospect): count for prospect, count in sorted(plan.left.items())},
                "too_often": plan.too_often,
                "suppressed": plan.suppressed,
                "redriven_before": plan.redriven,
                "over_limit": plan.over_limit,
                "other_destinations": sum(plan.scanned.others.values()),
            }
        )
        return
    if dry_run or not plan.count:
        for line in _lines(plan, targets):
            click.echo(line)
        if not plan.count:
            click.echo("nothing to send")
        return
    click.echo(f"{letters(sent)} sent again")
    if sent < plan.count:
        click.echo(f"{letters(plan.count - sent)} were sent by another redrive, or are gone")
