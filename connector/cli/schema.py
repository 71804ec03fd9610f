"""`encharge-connector schema`: the JSON Schemas of what goes in and out."""

from __future__ import annotations

import click

from connector.cli.output import json_option, print_json
from schemas import load_schema, schema_names


@click.command("schema")
@click.argument("name", required=False)
@json_option
def command(*, name: str | None, as_json: bool) -> None:
    """Print a JSON Schema, or list their names, which --json makes a list, too.

    \b
    Example, completion in an editor that knows YAML (the comment goes on top of destination.yaml):
      encharge-connector schema destination > destination.schema.json
      # yaml-language-server: $schema=destination.schema.json
    """
    names = [each.removesuffix(".json") for each in schema_names()]
    if name is None and as_json:
        print_json(names)
        return
    if name is None:
        for each in names:
            click.echo(each)
        return
    if name not in names:
        message = f"no schema is called {name}; known are {', '.join(names)}"
        raise click.BadParameter(message, param_hint="NAME")
    print_json(load_schema(f"{name}.json"))
