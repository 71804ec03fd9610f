"""`encharge-connector schema`: the JSON Schemas of what goes in and out."""

from __future__ import annotations

import click

from connector.cli.output import print_json
from schemas import load_schema, schema_names


@click.command("schema")
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """Print a JSON Schema, or list their names.

    \b
    Example, completion in an editor that knows YAML (the comment goes on top of destination.yaml):
      encharge-connector schema destination > destination.schema.json
      # yaml-language-server: $schema=destination.schema.json
    """
    if name is None:
        for each in schema_names():
            click.echo(each.removesuffix(".json"))
        return
    if f"{name}.json" not in schema_names():
        known = ", ".join(each.removesuffix(".json") for each in schema_names())
        raise click.BadParameter(f"no schema is called {name}; known are {known}", param_hint="NAME")
    print_json(load_schema(f"{name}.json"))
