"""`encharge-connector lint`: what is wrong with a destination file, or will surprise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from connector.cli.output import json_option, print_json, read_settings
from connector.edges.destination_file import DestinationFile, read_destination_file
from connector.edges.destination_lint import Placed, lint_file

_COLOURS = {"error": "red", "warning": "yellow"}


@click.command("lint")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Warnings are findings, too: exit 1.")
@json_option
@click.pass_context
def command(ctx: click.Context, *, file: Path | None, strict: bool, as_json: bool) -> None:
    """Tell what a destination file gets wrong, and what of it will surprise. Exits 1 on an error.

    FILE is CONNECTOR_DESTINATION_FILE when left out. docs/lint.md explains every rule. A comment
    `# lint: disable=RULE` on or above the first line of a mapping silences a rule for that mapping.

    \b
    Example:
      encharge-connector lint destination.yaml --strict
    """
    read = read_destination_file(file or read_settings().destination_file)
    placed = lint_file(read)
    if as_json:
        print_json([_as_dict(read, each) for each in placed])
    else:
        _print(read, placed)
    severities = {each.finding.rule.severity for each in placed}
    ctx.exit(1 if "error" in severities or (strict and severities) else 0)


def _print(file: DestinationFile, placed: list[Placed]) -> None:
    for line, column, finding in placed:
        severity = click.style(finding.rule.severity, fg=_COLOURS[finding.rule.severity])
        place = f"{finding.path}: " if finding.path else ""
        click.echo(f"{file.path}:{line}:{column}: {severity} {finding.rule.id}: {place}{finding.message}")
    errors = sum(each.finding.rule.severity == "error" for each in placed)
    click.echo(f"{_counted(errors, 'error')}, {_counted(len(placed) - errors, 'warning')}")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _as_dict(file: DestinationFile, placed: Placed) -> dict[str, Any]:
    line, column, finding = placed
    return {
        "file": str(file.path),
        "line": line,
        "column": column,
        "rule": finding.rule.id,
        "severity": finding.rule.severity,
        "path": finding.path,
        "message": finding.message,
    }
