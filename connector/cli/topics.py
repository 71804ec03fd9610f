"""`encharge-connector topics`: the topics as they should be, and the cluster's as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.cli.parameters import PartitionCount
from connector.errors import ConfigurationError, OperationalError, Problem
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.edges.topic_admin import TopicAdmin, TopicDiff

LOOKS = 100  # at new topics until the brokers show them
BETWEEN_LOOKS_S = 0.1


@click.group("topics")
def command() -> None:
    """Compare and create the topics the connector reads and writes."""


@command.command("list")
@json_option
def list_topics(*, as_json: bool) -> None:
    """List the topics the connector uses, without asking Kafka.

    \b
    Example:
      encharge-connector topics list
    """
    from connector.edges.topic_admin import topics_in_use  # noqa: PLC0415

    rows = [
        {
            "name": name,
            "setting": spec.setting,
            "partitions": spec.partitions,
            "settings": dict(spec.settings),
            "key": spec.key,
            "value": spec.value,
            "schema": spec.value_schema,
            "written_by": spec.written_by,
            "read_by": spec.read_by,
            "why": spec.why,
        }
        for spec, name in topics_in_use(read_settings())
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.secho(row["name"], bold=True, nl=False)
        click.echo(f"  ({row['setting']}, {row['partitions']} partitions when new)")
        for label in ("key", "value", "written_by", "read_by", "why"):
            click.echo(f"    {label.replace('_', ' '):11} {row[label]}")


@command.command("diff")
@json_option
@click.pass_context
def diff(ctx: click.Context, *, as_json: bool) -> None:
    """Tell how the cluster differs. Exits 1 when something is missing or differs.

    A topic with fewer partitions than a new one would get is told, and is no difference: to add some is a
    decision of yours (`topics apply --partitions`).

    \b
    Example:
      encharge-connector topics diff
    """
    rows = [_row(each) for each in run_async(_diff(read_settings()))]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            click.echo(_line(row))
    ctx.exit(1 if any(row["needs"] != "nothing" for row in rows) else 0)


@command.command("apply")
@click.option(
    "--partitions",
    "counts",
    type=PartitionCount(),
    multiple=True,
    help="How many partitions a topic gets, by its name or role: by-user=16. Added ones put the order of"
    " events per person at risk, so that is asked for. May be given for several topics.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before partitions are added.")
@json_option
@click.pass_context
def apply(
    ctx: click.Context, *, counts: tuple[tuple[str, int], ...], dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Create missing topics and set what differs. Partitions are only added when asked for, never removed.

    \b
    Example:
      encharge-connector topics apply --dry-run
      encharge-connector topics apply --partitions by-user=16
    """
    settings = read_settings()
    plan = _with_counts(run_async(_diff(settings)), dict(counts))
    rows = [_row(each) for each in plan]
    if not dry_run:
        grown = [each for each in plan if each.grows]
        if not as_json or (grown and not yes):
            for row in rows:
                if row["needs"] != "nothing":
                    click.echo(_line(row), err=True)
        for each in grown:
            click.echo(_warning(each), err=True)
        if grown and not yes and not click.confirm("Add these partitions?", err=True):
            click.echo("Nothing was done.", err=True)
            ctx.exit(1)
        run_async(_apply(settings, plan))
    if as_json:
        print_json(rows)
        return
    for each, row in zip(plan, rows, strict=True):
        click.echo(_line(row) if dry_run else f"{row['name']}: {_done(each)}")


async def _diff(settings: Settings) -> list[TopicDiff]:
    from connector.edges.topic_admin import topic_admin  # noqa: PLC0415

    async with topic_admin(settings) as admin:
        return await admin.diff()


def _with_counts(diffs: list[TopicDiff], counts: Mapping[str, int]) -> list[TopicDiff]:
    """Put the numbers of partitions that were asked for into a plan.

    Raises: ConfigurationError for what cannot be
    """
    problems = []
    planned = {each.name: each for each in diffs}
    for asked, count in counts.items():
        found = [each for each in diffs if asked in (each.name, each.spec.role)]
        if not found:
            known = ", ".join(each.spec.role for each in diffs)
            problems.append(
                Problem(f"is no topic of ours; known are {known}", path=f"--partitions {asked}={count}")
            )
            continue
        reason = _why_not(found[0], count)
        if reason:
            problems.append(Problem(reason, path=f"--partitions {asked}={count}"))
        planned[found[0].name] = replace(found[0], target=count)
    if problems:
        raise ConfigurationError(problems)
    return list(planned.values())


def _why_not(diff: TopicDiff, count: int) -> str:
    if diff.spec.role == "control" and count != 1:
        return f"{diff.name} must have one partition: everything in it has one order"
    if not diff.exists or count == diff.partitions:
        return ""
    if diff.spec.role == "source":
        return f"{diff.name} is the topic of your producers, and is only made when it is missing"
    if count < diff.partitions:
        return (
            f"{diff.name} has {diff.partitions} partitions, and Kafka cannot take any away; for fewer, name"
            f" a new topic by {diff.spec.setting}"
        )
    return ""


def _warning(diff: TopicDiff) -> str:
    first = (
        "stop writing to it (run only `--role deliver`) until `encharge-connector status` shows no lag"
        if diff.spec.role == "by-user"
        else "let `encharge-connector dlq redrive` or `purge` empty it first"
    )
    return (
        f"warning: {diff.name} goes from {diff.partitions} to {diff.target} partitions. A person's partition"
        " is the hash of the key modulo their number, so most people get another one, and their new events"
        f" may overtake those that still wait in the old one. To keep everybody's order, {first}."
    )


def _done(diff: TopicDiff) -> str:
    match diff.needs:
        case "create":
            return "created"
        case "nothing":
            return "as it should be"
        case needs:
            parts = ["changed"] if needs == "change" else []
            return ", ".join([*parts, *([f"has {diff.target} partitions now"] if diff.grows else [])])


async def _apply(settings: Settings, plan: Sequence[TopicDiff]) -> None:
    from connector.edges.topic_admin import topic_admin  # noqa: PLC0415

    async with topic_admin(settings) as admin:
        for each in plan:
            await admin.apply(each)
        await _await_shown(admin, {each.name: each.target for each in plan if each.grows})


async def _await_shown(admin: TopicAdmin, targets: Mapping[str, int]) -> None:
    """Wait until the brokers show what is new; the controller has made it a moment before.

    Raises: OperationalError
    """
    for _ in range(LOOKS):
        if all(each.exists and each.partitions >= targets.get(each.name, 0) for each in await admin.diff()):
            return
        await asyncio.sleep(BETWEEN_LOOKS_S)
    raise OperationalError(
        "topics were changed, but the brokers do not show it yet; see `encharge-connector topics diff`"
    )


def _row(diff: TopicDiff) -> dict[str, Any]:
    return {
        "name": diff.name,
        "exists": diff.exists,
        "partitions": diff.new_partitions,
        "specified": diff.spec.partitions,
        "grow_to": diff.target if diff.grows else None,
        "needs": diff.needs,
        "changes": {name: {"is": is_, "wanted": to} for name, (is_, to) in diff.changes.items()},
    }


def _line(row: dict[str, Any]) -> str:
    name, partitions = row["name"], row["partitions"]
    if row["needs"] == "create":
        return f"{name}: missing, would be created with {partitions} partitions"
    told = []
    if row["changes"]:
        told += [
            "differs: "
            + ", ".join(f"{k} is {c['is']}, wanted {c['wanted']}" for k, c in row["changes"].items())
        ]
    if row["grow_to"]:
        told += [f"would get {row['grow_to']} partitions, has {partitions}"]
    if told:
        return f"{name}: {'; '.join(told)}"
    fewer = f" (a new one gets {row['specified']})" if partitions < row["specified"] else ""
    return f"{name}: as it should be, {partitions} partitions{fewer}"
