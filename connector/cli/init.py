"""`encharge-connector init`: the first destination file, the key, and the settings that go with them."""

from __future__ import annotations

import os
from pathlib import Path

import click

from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.errors import ConfigurationError, OperationalError, Problem
from connector.settings import Settings

KEY_FILE = "encharge-api-key"
ENVIRONMENT_FILE = "connector.env"


@click.command("init")
@click.option("--id", "id_", help="Id of the destination; part of the consumer group.")
@click.option("--name", help="Name for people.")
@click.option("--source-topic", help="Topic with your Segment events.")
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
    id_ = id_ or click.prompt("Id of the destination", default="production")
    name = name or click.prompt("Name", default=f"Encharge {id_}")
    source_topic = source_topic or click.prompt(
        "Topic with your Segment events", default=settings.source_topic
    )
    key = api_key or settings.encharge_api_key or click.prompt("Encharge API key", hide_input=True)
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
    directory.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        _write_private(directory / file, text)
    if as_json:
        print_json({"written": [str(directory / file) for file in files], "verified": not no_verify})
        return
    click.echo("The key works." if not no_verify else "The key was not tried.")
    for file in files:
        click.echo(f"wrote {directory / file}")
    click.echo(
        f"Next: set -a; . {directory / ENVIRONMENT_FILE}; set +a; encharge-connector topics apply;"
        " encharge-connector check; encharge-connector run"
    )


def _destination(id_: str, name: str) -> str:
    from connector.edges.destination_template import destination_text  # noqa: PLC0415

    return destination_text(id=id_, name=name)


def _environment(source_topic: str, directory: Path) -> str:
    here = directory.resolve()
    return (
        "# Settings of the connector; `encharge-connector settings` explains all of them.\n"
        "#CONNECTOR_KAFKA_BOOTSTRAP_SERVERS=localhost:9092\n"
        f"CONNECTOR_SOURCE_TOPIC={source_topic}\n"
        f"CONNECTOR_DESTINATION_FILE={here / 'destination.yaml'}\n"
        f"CONNECTOR_ENCHARGE_API_KEY_FILE={here / KEY_FILE}\n"
    )


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


async def _verify(settings: Settings, key: str) -> None:
    from connector.edges.encharge_api import EnchargeApi  # noqa: PLC0415

    async with EnchargeApi(api_key=key, api_url=settings.encharge_api_url) as api:
        credentials = await api.test_credentials()
    if not credentials.valid:
        raise OperationalError(
            f"Encharge refuses the key ({credentials.answer}); nothing was written."
            " Find it on your Account page under API keys, or use --no-verify"
        )
