"""`encharge-connector dlq`: what could not be delivered, why, and sending it again."""

from __future__ import annotations

import click

from connector.cli.dlq.listing import list_letters
from connector.cli.dlq.purging import purge
from connector.cli.dlq.redriving import redrive
from connector.cli.dlq.showing import show


@click.group("dlq")
def command() -> None:
    """Look at dead letters, send them again, delete them. docs/dead-letters.md tells how."""


command.add_command(list_letters)
command.add_command(show)
command.add_command(redrive)
command.add_command(purge)
