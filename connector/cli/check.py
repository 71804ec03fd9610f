"""`encharge-connector check`: does everything that a worker needs work? One line for each thing."""

from __future__ import annotations

import asyncio

import click

from connector.cli.checks.finding import Finding
from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.settings import Settings


@click.command("check")
@json_option
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Check everything that a first start needs, one line each, with the fix. Exits 1 on a finding.

    What works and should be better all the same is a warning, which is no finding.

    Looks at the destination file, at Kafka (brokers, topics, rights, groups), at Encharge (key, addresses)
    and at this machine. Nothing is sent to Encharge and no running group is disturbed; a probe is written
    to the dead-letter topic, and one to the control topic, which is removed again.

    \b
    Example:
      encharge-connector check
      FAIL kafka: topic segment.events: missing; `encharge-connector topics apply` creates it
    """
    findings = run_async(_collect(read_settings()))
    if as_json:
        print_json([each._asdict() for each in findings])
    else:
        for each in findings:
            click.echo(f"{_mark(each)} {each.side}: {each.what}: {each.told}")
    ctx.exit(0 if all(each.ok for each in findings) else 1)


def _mark(finding: Finding) -> str:
    if finding.is_warning:
        return click.style("warn", fg="yellow")
    return click.style("ok  ", fg="green") if finding.ok else click.style("FAIL", fg="red")


async def _collect(settings: Settings) -> list[Finding]:
    from connector.cli.checks.configuration import configuration_findings  # noqa: PLC0415
    from connector.cli.checks.encharge import encharge_findings  # noqa: PLC0415
    from connector.cli.checks.kafka import kafka_findings  # noqa: PLC0415
    from connector.cli.checks.machine import machine_findings, secret_findings  # noqa: PLC0415

    found, destination = configuration_findings(settings)

    async def kafka() -> list[Finding]:
        return [each async for each in kafka_findings(settings, destination)]

    async def encharge() -> list[Finding]:
        return [each async for each in encharge_findings(settings)]

    sides = await asyncio.gather(kafka(), encharge(), machine_findings(settings))
    return found + [each for side in sides for each in side] + secret_findings(settings)
