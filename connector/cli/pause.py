"""`encharge-connector pause` and `resume`: the whole destination, in all its workers, across restarts."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.settings import Settings


@click.command("pause")
@click.option("--note", default="", help="Why; shown wherever the pause is.")
@click.option("--by", help="Who; the user's name when left out.")
@json_option
def pause(*, note: str, by: str | None, as_json: bool) -> None:
    """Send nothing to Encharge until `resume`. Events wait in Kafka; nothing is lost or dead-lettered.

    \b
    Example:
      encharge-connector pause --note "Encharge maintenance until 14:00"
    """
    _tell(paused=True, note=note, by=by, as_json=as_json)


@click.command("resume")
@click.option("--by", help="Who; the user's name when left out.")
@json_option
def resume(*, by: str | None, as_json: bool) -> None:
    """Go on after `pause`, or after the flood guard stopped the destination.

    \b
    Example:
      encharge-connector resume
    """
    _tell(paused=False, note="", by=by, as_json=as_json)


def _tell(*, paused: bool, note: str, by: str | None, as_json: bool) -> None:
    from connector.edges.control_topic import tell_pause  # noqa: PLC0415
    from connector.edges.destination_file import read_destination_file  # noqa: PLC0415

    settings: Settings = read_settings()
    destination = _destination_id(
        read_destination_file(settings.destination_file).config, settings.destination_file
    )
    who = by or getpass.getuser()
    run_async(tell_pause(settings, destination, paused=paused, by=who, note=note))
    if as_json:
        print_json({"destination": destination, "paused": paused, "by": who, "note": note})
    else:
        click.echo(f"{destination} is {'paused' if paused else 'resumed'}, all its workers are told")


def _destination_id(config: dict[str, object], file: Path) -> str:
    from connector.errors import ConfigurationError, Problem  # noqa: PLC0415

    id_ = config.get("id")
    if not isinstance(id_, str) or not id_:
        raise ConfigurationError(Problem("is required", path="id", file=str(file)))
    return id_
