"""`encharge-connector import-segment`: subscriptions of Segment become a destination file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import click

from connector.cli.events import file_name
from connector.cli.output import json_option, print_json
from connector.cli.parameters import DestinationId
from connector.core.json_text import ReadError, read_json
from connector.core.segment_import import Imported, import_subscriptions
from connector.edges.destination_template import imported_text
from connector.errors import ConfigurationError, OperationalError, Problem


@click.command("import-segment")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("destination.yaml"),
    help="Where to write; destination.yaml when left out.",
)
@click.option("--id", "id_", type=DestinationId(), default="production", help="Id of the destination.")
@click.option("--name", help="Name for people.")
@click.option("--force", is_flag=True, help="Overwrite a file that exists.")
@json_option
def command(file: BinaryIO, *, output: Path, id_: str, name: str | None, force: bool, as_json: bool) -> None:
    """Write a destination file with the mappings of a destination in Segment.

    FILE is what Segment's Public API answers for GET /destinations/ID/subscriptions (- for standard input).
    Exits 1 when a subscription had to be left out; it stands at the end of the file as a comment.

    \b
    Example:
      encharge-connector import-segment subscriptions.json --output destination.yaml
    """
    imported = _imported(file)
    text = imported_text(
        id=id_, name=name or f"Encharge {id_}", mappings=imported.mappings, left_out=imported.left_out
    )
    _write(output, text, force=force)
    if as_json:
        print_json(_as_json(output, imported))
    else:
        _print(output, imported)
    click.get_current_context().exit(1 if imported.left_out or not imported.complete else 0)


def _imported(file: BinaryIO) -> Imported:
    name = file_name(file)
    try:
        return import_subscriptions(read_json(file.read()))
    except ReadError as error:
        line, column = getattr(error, "lineno", None), getattr(error, "colno", None)
        problem = Problem("is not JSON in UTF-8", file=name, line=line, column=column)
        raise ConfigurationError(problem) from error
    except ConfigurationError as error:
        raise ConfigurationError(replace(each, file=name) for each in error.problems) from error


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigurationError(Problem("exists; --force overwrites it", file=str(path))) from None
    except OSError as error:
        raise OperationalError(f"{path} cannot be written: {error.strerror}") from error


def _print(output: Path, imported: Imported) -> None:
    count = len(imported.mappings)
    click.echo(f"wrote {output}: {count} mapping{'' if count == 1 else 's'}")
    for note in imported.notes:
        click.echo(f"note: {note}")
    for each in imported.left_out:
        click.secho(f"left out: {each.mapping['name']}: {each.reason}", fg="red")
    if not imported.complete:
        click.secho("incomplete: Segment has further pages of subscriptions", fg="red")


def _as_json(output: Path, imported: Imported) -> dict[str, Any]:
    return {
        "written": str(output),
        "mappings": [{key: each[key] for key in ("name", "action", "enabled")} for each in imported.mappings],
        "left_out": [
            {"name": each.mapping["name"], "action": each.mapping["action"], "reason": each.reason}
            for each in imported.left_out
        ],
        "notes": list(imported.notes),
        "complete": imported.complete,
    }
