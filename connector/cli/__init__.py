"""The command line: a command parses, calls one function, prints.

Results go to standard output, logs and progress to standard error. Exit 0 fine, 1 a finding, 2 usage
or configuration, 3 an operational error.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

from connector import __version__

# Command -> module that holds it, and its name there where that is not `command`. Imported when asked for:
# `--help` must not wait for Faust.
_COMMANDS: Final[Mapping[str, str]] = {
    "init": "connector.cli.init",
    "check": "connector.cli.check",
    "run": "connector.cli.run",
    "explain": "connector.cli.explain",
    "lint": "connector.cli.lint",
    "test": "connector.cli.test",
    "diff": "connector.cli.diff",
    "import-segment": "connector.cli.import_segment",
    "topics": "connector.cli.topics",
    "send": "connector.cli.send",
    "pause": "connector.cli.pause:pause",
    "resume": "connector.cli.pause:resume",
    "dlq": "connector.cli.dlq",
    "replay": "connector.cli.replay",
    "status": "connector.cli.status",
    "settings": "connector.cli.settings",
    "schema": "connector.cli.schema",
    "object-types": "connector.cli.object_types",
    "person": "connector.cli.person",
    "demo": "connector.cli.demo",
    "kafka": "connector.cli.kafka",
    "simulator": "connector.cli.simulator",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), name or "command")
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="encharge-connector")
def cli() -> None:
    """Deliver Segment events from Kafka to Encharge, in order per person, without loss.

    Settings come from the environment (CONNECTOR_…); `encharge-connector settings` lists them.
    """
