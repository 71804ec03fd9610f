"""`encharge-connector settings`: every setting with its value here, its default and its reason."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any

import click

from connector.cli.output import json_option, print_json, read_settings
from connector.settings import Settings, default_of, variable_of

HIDDEN = "••••••"
NOT_SET = "not set"


@click.command("settings")
@json_option
def command(*, as_json: bool) -> None:
    """List all settings: value, default, meaning. Secrets are shown as set or not set only.

    \b
    Example:
      encharge-connector settings
    """
    settings = read_settings()
    rows = [_row(settings, each) for each in fields(Settings)]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.secho(row["name"], bold=True, nl=False)
        click.echo(f" = {row['value']}" + ("" if row["is_default"] else f"  (default {row['default']})"))
        click.echo(f"    {row['help']}")


def _row(settings: Settings, each: Any) -> dict[str, Any]:
    variable, value, default = variable_of(each), getattr(settings, each.name), default_of(each)
    if each.metadata["secret"]:
        shown = None if value is None else HIDDEN
    else:
        shown = os.environ.get(variable, default)
    return {
        "name": variable,
        "value": shown or NOT_SET,
        "default": default or NOT_SET,
        "is_default": value == each.default,
        "help": each.metadata["help"],
        "secret": each.metadata["secret"],
    }
