"""`encharge-connector init`: the first destination file, the key, and the settings that go with them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.cli.parameters import DestinationId, Presets, TopicName
from connector.core.presets import PRESETS, preset_mappings
from connector.core.request import Endpoints, checked_key
from connector.errors import ConfigurationError, OperationalError, Problem
from connector.settings import Settings

KEY_FILE = "encharge-api-key"
ENVIRONMENT_FILE = "connector.env"


@click.command("init")
@click.option("--id", "id_", type=DestinationId(), help="Id of the destination; part of the consumer group.")
@click.option("--name", help="Name for people.")
@click.option("--source-topic", type=TopicName(), help="Topic with your Segment events.")
@click.option(
    "--preset",
    "presets",
    type=click.Choice(PRESETS),
    multiple=True,
    help="A preset to begin with; may be given several times. All five when left out.",
)
@click.option("--api-key", help="Encharge API key; asked for without echo when left out.")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where to write; the current directory when left out.",
)
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@click.option("--no-verify", is_flag=True, help="Do not try the key.")
@click.option("--yes", is_flag=True, help="Take the defaults instead of asking.")
@json_option
def command(
    *,
    id_: str | None,
    name: str | None,
    source_topic: str | None,
    presets: tuple[str, ...],
    api_key: str | None,
    directory: Path,
    force: bool,
    no_verify: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Write destination.yaml with presets, the key and the settings. Asks for what is missing.

    The key goes into a file of its own that only you can read, never into destination.yaml. It is tried
    before anything is written.

    \b
    Example:
      encharge-connector init
      encharge-connector init --yes --preset trackEvent --preset identifyUser --api-key "$KEY"
    """
    settings = read_settings()
    asks = not (yes or (id_ and name and source_topic))
    id_ = id_ or _ask("Id of the destination", yes=yes, default="production", type=DestinationId())
    name = name or _ask("Name", yes=yes, default=f"Encharge {id_}")
    source_topic = source_topic or _ask(
        "Topic with your Segment events", yes=yes, default=settings.source_topic, type=TopicName()
    )
    presets = presets or (_ask_presets() if asks else PRESETS)
    key = checked_key(api_key or settings.encharge_api_key or _ask_key(yes=yes), setting="API key")
    files = {
        "destination.yaml": _destination(id_, name, presets),
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


def _ask(question: str, *, yes: bool, default: str, type: click.ParamType | None = None) -> str:  # noqa: A002
    """Ask on standard error: standard output is for results."""
    if yes:
        return default
    answer: str = click.prompt(question, err=True, default=default, type=type)
    return answer


def _ask_key(*, yes: bool) -> str:
    if yes:
        message = "is required with --yes; or set CONNECTOR_ENCHARGE_API_KEY (or …_FILE)"
        raise ConfigurationError(Problem(message, path="--api-key"))
    answer: str = click.prompt("Encharge API key", err=True, hide_input=True)
    return answer


def _ask_presets() -> tuple[str, ...]:
    click.echo("Presets:", err=True)
    for number, mapping in enumerate(preset_mappings(), start=1):
        click.echo(f"  {number} {mapping['action']:18} {mapping['trigger']}", err=True)
    answer: tuple[str, ...] = click.prompt(
        "Which of them, by number or name", err=True, default="all", type=Presets()
    )
    return answer


def _destination(id_: str, name: str, presets: tuple[str, ...]) -> str:
    from connector.edges.destination_template import destination_text  # noqa: PLC0415

    return destination_text(id=id_, name=name, presets=presets)


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
