"""`encharge-connector explain`: why an event becomes the requests it becomes. Sends nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import click

from connector.cli.output import json_option, print_json, read_settings
from connector.core import UNDEFINED, Destination
from connector.core.event import events_of, read_object
from connector.core.explain import FieldExplanation, MappingExplanation, explain
from connector.core.explain_json import KEY_SHOWN, cut, line_as_dict
from connector.core.json_text import write_json
from connector.edges.destination_file import read_destination_file
from connector.errors import ConfigurationError, Problem, UnreadableRecord

_MARKS = {"sent": "=", "coerced": "~", "dropped": "-", "invalid": "!"}


@click.command("explain")
@click.option(
    "--destination",
    type=click.Path(path_type=Path),
    help="Destination file; CONNECTOR_DESTINATION_FILE when left out, the presets when there is none.",
)
@click.option(
    "--events", type=click.File("rb"), default="-", help="Events, JSON Lines; standard input when left out."
)
@json_option
def command(*, destination: Path | None, events: BinaryIO, as_json: bool) -> None:
    """Show per event which mapping matched and why, every field, and the exact request.

    \b
    Example:
      encharge-connector explain --events events.jsonl
    """
    compiled = _destination(destination)
    name = getattr(events, "name", "<stdin>")
    for number, line in enumerate(events, start=1):
        if not line.strip():
            continue
        try:
            found = events_of(read_object(line.strip()))
        except UnreadableRecord as error:
            raise ConfigurationError(Problem(error.message, file=name, line=number)) from error
        for event in found:
            explanations = explain(compiled, event)
            if as_json:
                print_json(line_as_dict(number, explanations))
            else:
                _print_event(number, event, explanations)


def _destination(path: Path | None) -> Destination:
    settings = read_settings()
    if path is None and not settings.destination_file.exists():
        return Destination.from_config(
            {"id": "presets"},
            api_key=KEY_SHOWN,
            ingest_url=settings.encharge_ingest_url,
            api_url=settings.encharge_api_url,
        )
    return read_destination_file(path or settings.destination_file).compile(
        api_key=KEY_SHOWN,
        ingest_url=settings.encharge_ingest_url,
        api_url=settings.encharge_api_url,
    )


def _print_event(number: int, event: dict[str, Any], explanations: tuple[MappingExplanation, ...]) -> None:
    click.secho(f"line {number}: {event.get('type', 'no type')}", bold=True)
    matched = [each for each in explanations if each.matched]
    for each in explanations:
        if not each.matched:
            click.echo(f"  {_title(each)}: no match, {each.deciding}")
    for each in matched:
        click.secho(f"  {_title(each)}: matches, {each.deciding}", fg="green")
        for row in each.fields:
            click.echo(f"    {_MARKS[row.outcome]} {_field_line(row)}")
        assert each.planned is not None
        if each.planned.error is not None:
            click.secho(f"    error {each.planned.error.code}: {each.planned.error.message}", fg="red")
        elif each.planned.request is not None:
            request = each.planned.request
            click.echo(f"    {request.method} {request.url}")
            if request.body is not None:
                click.echo(f"      {request.body.decode('utf-8', 'replace')}")
    if not matched:
        click.echo("  nothing is sent")


def _title(explanation: MappingExplanation) -> str:
    return f"{explanation.name} ({explanation.action})" if explanation.name else explanation.action


def _field_line(row: FieldExplanation) -> str:
    shown = "" if row.result is UNDEFINED else f" {_short(row.result)}"
    origin = f"{row.directive} {', '.join(row.sources)}".strip()
    note = f" ({row.note})" if row.note else ""
    return f"{row.path}{shown}  <- {origin}{note}"


def _short(value: Any) -> str:
    text = write_json(cut(value)).decode("utf-8", "replace")
    return text if len(text) <= 80 else text[:77] + "…"
