"""`encharge-connector topics`: the topics as they should be, and the cluster's as they are."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.errors import OperationalError
from connector.settings import Settings

LOOKS = 100  # at new topics until the brokers show them
BETWEEN_LOOKS_S = 0.1


@click.group("topics")
def command() -> None:
    """Compare and create the topics the connector reads and writes."""


@command.command("list")
@json_option
def list_topics(*, as_json: bool) -> None:
    """List the topics the connector uses, without asking Kafka."""
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
    """Tell how the cluster differs. Exits 1 when something is missing or differs."""
    rows = run_async(_diff(read_settings()))
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            click.echo(_line(row))
    ctx.exit(1 if any(row["needs"] != "nothing" for row in rows) else 0)


@command.command("apply")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@json_option
def apply(*, dry_run: bool, as_json: bool) -> None:
    """Create missing topics and set what differs. Partitions are never added or removed here."""
    rows = run_async(_diff(read_settings()) if dry_run else _apply(read_settings()))
    if as_json:
        print_json(rows)
        return
    for row in rows:
        done = {"nothing": "as it should be", "create": "created", "change": "changed"}[row["needs"]]
        click.echo(_line(row) if dry_run else f"{row['name']}: {done}")


async def _diff(settings: Settings) -> list[dict[str, Any]]:
    from connector.edges.topic_admin import topic_admin  # noqa: PLC0415

    async with topic_admin(settings) as admin:
        return [_row(each) for each in await admin.diff()]


async def _apply(settings: Settings) -> list[dict[str, Any]]:
    from connector.edges.topic_admin import topic_admin  # noqa: PLC0415

    async with topic_admin(settings) as admin:
        diffs = await admin.diff()
        for each in diffs:
            await admin.apply(each)
        await _await_shown(admin)
        return [_row(each) for each in diffs]


async def _await_shown(admin: Any) -> None:
    """Wait until the brokers show new topics; the controller has made them a moment before.

    Raises: OperationalError
    """
    for _ in range(LOOKS):
        if all(each.exists for each in await admin.diff()):
            return
        await asyncio.sleep(BETWEEN_LOOKS_S)
    raise OperationalError(
        "topics were created, but the brokers do not show them yet; see `encharge-connector topics diff`"
    )


def _row(diff: Any) -> dict[str, Any]:
    return {
        "name": diff.name,
        "exists": diff.exists,
        "partitions": diff.partitions or diff.spec.partitions,
        "needs": diff.needs,
        "changes": {name: {"is": is_, "wanted": to} for name, (is_, to) in diff.changes.items()},
    }


def _line(row: dict[str, Any]) -> str:
    if row["needs"] == "create":
        return f"{row['name']}: missing, would be created with {row['partitions']} partitions"
    if row["needs"] == "nothing":
        return f"{row['name']}: as it should be, {row['partitions']} partitions"
    changes = ", ".join(f"{k} is {c['is']}, wanted {c['wanted']}" for k, c in row["changes"].items())
    return f"{row['name']}: differs: {changes}"
