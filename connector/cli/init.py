"""`encharge-connector init`: the first destination file, the key, and the settings that go with them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import click

from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.cli.parameters import DestinationId, TopicName
from connector.core.request import Endpoints, checked_key
from connector.errors import ConfigurationError, OperationalError, Problem
from connector.settings import Settings

KEY_FILE = "encharge-api-key"
ENVIRONMENT_FILE = "connector.env"


@click.command("init")
@click.option("--id", "id_", type=DestinationId(), help="Id of the destination; part of the consumer group.")
@click.option("--name", help="Name for people.")
@click.option("--source-topic", type=TopicName(), help="Topic with your Segment events.")
@click.option("--api-key", help="Encharge API key; asked for without echo when left out.")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where to write; the current directory when left out.",
)
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@click.option("--no-verify", is_flag=True, help="Do not try the key.")
@json_option
def command(
    *,
    id_: str | None,
    name: str | None,
    source_topic: str | None,
    api_key: str | None,
    directory: Path,
    force: bool,
    no_verify: bool,
    as_json: bool,
) -> None:
    """Write destination.yaml with the five presets, the key and the settings. Asks for what is missing.

    The key goes into a file of its own that only you can read, never into destination.yaml.
    """
    settings = read_settings()
    id_ = id_ or _ask("Id of the destination", default="production", type=DestinationId())
    name = name or _ask("Name", default=f"Encharge {id_}")
    source_topic = source_topic or _ask(
        "Topic with your Segment events", default=settings.source_topic, type=TopicName()
    )
    key = checked_key(
        api_key or settings.encharge_api_key or _ask("Encharge API key", hide_input=True),
        setting="API key",
    )
    files = {
        "destination.yaml": _destination(id_, name),
        KEY_FILE: key + "\n",
        ENVIRONMENT_FILE: _environment(source_topic, directory),
    }
    taken = [file for file in files if (directory / file).exists()]
    if taken and not force:
        raise ConfigurationError(
            Problem("exists; --force overwrites it", file=str(directory / file)) for file in taken
        )
    if not no_verify:
        run_async(_verify(settings, key))
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            _write_private(directory / file, text)
    except OSError as error:
        raise OperationalError(
            f"{error.filename or directory} cannot be written: {error.strerror}"
        ) from error
    if as_json:
        print_json({"written": [str(directory / file) for file in files], "verified": not no_verify})
        return
    click.echo("The key works." if not no_verify else "The key was not tried.")
    for file in files:
        click.echo(f"wrote {directory / file}")
    # The whole path: a shell looks for a name without a slash in PATH.
    environment = shlex.quote(str((directory / ENVIRONMENT_FILE).resolve()))
    click.echo(
        f"Next: set -a; . {environment}; set +a; encharge-connector topics apply;"
        " encharge-connector check; encharge-connector run"
    )


def _ask(question: str, **options: Any) -> str:
    """Ask on standard error: standard output is for results."""
    answer: str = click.prompt(question, err=True, **options)
    return answer


def _destination(id_: str, name: str) -> str:
    from connector.edges.destination_template import destination_text  # noqa: PLC0415

    return destination_text(id=id_, name=name)


def _environment(source_topic: str, directory: Path) -> str:
    here = directory.resolve()
    return (
        "# Settings of the connector; `encharge-connector settings` explains all of them.\n"
        "#CONNECTOR_KAFKA_BOOTSTRAP_SERVERS=localhost:9092\n"
        f"CONNECTOR_SOURCE_TOPIC={source_topic}\n"
        f"CONNECTOR_DESTINATION_FILE={shlex.quote(str(here / 'destination.yaml'))}\n"
        f"CONNECTOR_ENCHARGE_API_KEY_FILE={shlex.quote(str(here / KEY_FILE))}\n"
    )


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


async def _verify(settings: Settings, key: str) -> None:
    from connector.edges.encharge_api import EnchargeApi  # noqa: PLC0415

    async with EnchargeApi(Endpoints(key, api_url=settings.encharge_api_url)) as api:
        credentials = await api.test_credentials()
    if not credentials.valid:
        raise OperationalError(
            f"Encharge refuses the key ({credentials.answer}); nothing was written."
            " Find it on your Account page under API keys, or use --no-verify"
        )
