"""`encharge-connector dlq purge`."""

from __future__ import annotations

from typing import Any

import click

from connector.cli.dlq.options import Moment, confirmed, destination_id, letters, printable, progress_bar
from connector.cli.output import json_option, print_json, read_settings, run_async


@click.command("purge")
@click.option(
    "--before",
    type=Moment(),
    help="Only what is older: 2026-11-24T09:30Z, or 30d for thirty days. All when left out.",
)
@click.option("--including-waiting", is_flag=True, help="Also letters that were not sent again.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def purge(
    ctx: click.Context,
    *,
    before: int | None,
    including_waiting: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete dead letters for good, of all destinations, from the oldest on.

    Kafka deletes only from the beginning of a partition up to an offset, so there are no filters: neither a
    code nor a user can be picked out. Exits 1 and deletes nothing when letters would go that still wait.

    \b
    Examples:
      encharge-connector dlq purge --before 30d --dry-run
      encharge-connector dlq purge --before 2026-11-01 --yes
    """
    from connector.edges.dead_letters.purge import plan_purge  # noqa: PLC0415
    from connector.edges.dead_letters.purge import purge as delete  # noqa: PLC0415

    settings = read_settings()
    id_ = destination_id(settings)
    with progress_bar("reading dead letters") as progress:
        plan = run_async(plan_purge(settings, id_, before=before, progress=progress))
    waiting = sum(plan.waiting.values())
    is_refused = bool(waiting) and not including_waiting
    for_people = not as_json or not (dry_run or is_refused or not plan.records)
    if for_people:
        _explain(plan, err=not dry_run)
    if is_refused:
        click.echo(f"{letters(waiting)} still wait; redrive them first, or say --including-waiting", err=True)
    deletes = bool(plan.records) and not dry_run and not is_refused
    if deletes:
        if not yes:
            question = f"Delete {plan.records:,} records of {settings.dead_letter_topic} for good"
            lost = f", {letters(waiting)} among them that were never sent again" if waiting else ""
            if not confirmed(f"{question}{lost}?"):
                ctx.exit(1)
        run_async(delete(settings, plan.ends))
    if as_json:
        print_json(_as_json(plan, deleted=deletes, dry_run=dry_run))
    elif deletes:
        click.echo(f"{plan.records:,} records deleted")
    elif not plan.records:
        click.echo("nothing to delete")
    ctx.exit(1 if is_refused else 0)


def _explain(plan: Any, *, err: bool) -> None:
    for state, count in sorted(plan.states.items()):
        click.echo(f"{state}: {letters(count)}", err=err)
    if len(plan.waiting) > 1:
        for destination, count in sorted(plan.waiting.items()):
            click.echo(f"  of {printable(destination) or 'the ingest stage'}: {count:,}", err=err)
    rest = plan.records - sum(plan.states.values())
    if rest:
        click.echo(f"besides: {rest:,} records that are no letters", err=err)


def _as_json(plan: Any, *, deleted: bool, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "deleted": deleted,
        "records": plan.records,
        "letters": {str(state): count for state, count in sorted(plan.states.items())},
        "waiting": dict(plan.waiting),
        "up_to": {str(partition): end for partition, end in plan.ends.items()},
    }
