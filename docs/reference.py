"""Writes what is made from code: `make docs`. Tests fail when it is out of date.

Parts of README.md and docs/**/*.md between `<!-- generated:NAME ARGUMENT, by make docs -->` and
`<!-- /generated:NAME -->`, and the JSON Schemas that the table of actions determines.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from connector.cli import cli
from connector.core import UNDEFINED, Destination
from connector.core.actions import ACTIONS
from connector.core.json_schema import destination_schema, request_schema
from connector.core.payload_schema import Field
from connector.core.presets import preset_mappings
from connector.edges.metric_list import METRIC_LIST, ListedMetric
from connector.edges.yaml_text import lines
from connector.settings import Settings, default_of, variable_of

ROOT = Path(__file__).resolve().parent.parent
_PART = re.compile(
    r"(<!-- generated:(?P<name>[a-z-]+)(?: (?P<argument>\w+))?, by make docs -->\n).*?"
    r"(<!-- /generated:(?P=name) -->)",
    re.DOTALL,
)


def settings_table() -> str:
    """Give every setting as a row: variable, default, meaning."""
    rows = ["| variable | default | |", "|---|---|---|"]
    rows += [
        f"| `{variable_of(each)}` | {_code(default_of(each))} | {each.metadata['help']} |"
        for each in fields(Settings)
    ]
    return "\n".join(rows) + "\n"


def _code(text: str | None) -> str:
    return "not set" if text is None else f"`{text}`"


def action_fields(action: str) -> str:
    """Give the fields of an action as rows: key, label, type, default, meaning."""
    rows = ["| field | label | type | default | |", "|---|---|---|---|---|"]
    for field in ACTIONS[action].fields:
        kind = f"{field.type}, required" if field.required else field.type
        if field.format:
            kind += f", {field.format}"
        rows.append(f"| `{field.key}` | {field.label} | {kind} | {_default(field)} | {field.description} |")
    return "\n".join(rows) + "\n"


def _default(field: Field) -> str:
    match field.default:
        case _ if field.default is UNDEFINED:
            return "not mapped"
        case {"@path": str(path)}:
            return f"`{path}`"
        case {"@if": {"then": {"@path": str(first)}, "else": {"@path": str(second)}}}:
            return f"`{first}`, else `{second}`"
        case dict() as members:
            first = next(iter(members.values()))["@path"]
            return f"`{first.rpartition('.')[0]}`: {', '.join(members)}"
        case value:
            return f"the text `{value}`"


def action_example(action: str) -> str:
    """Give the worked example of an action: mapping, event, and the request they make."""
    example = json.loads((ROOT / "docs/actions" / f"{action}.json").read_text(encoding="utf-8"))
    mapping = example.get("mapping") or next(m for m in preset_mappings() if m["action"] == action)
    destination = Destination.from_config({"id": "example", "mappings": [mapping]}, api_key="YOUR-KEY")
    [planned] = destination.plan(example["event"])
    request = planned.request
    assert request is not None, planned.error
    parts = []
    if "mapping" in example:
        yaml = "\n".join(lines(mapping, blocks=2))
        parts.append(f"Mapping:\n\n```yaml\n{yaml}\n```\n")
    parts.append(f"Event:\n\n{_json(example['event'])}")
    head = "".join(f"{name}: {value}\n" for name, value in request.headers.items())
    parts.append(f"Request:\n\n```http\n{request.method} {request.url}\n{head}```\n")
    parts.append(_json(json.loads(request.body or b"null")))
    return "\n".join(parts)


def _json(value: Any) -> str:
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```\n"


def schema_files() -> dict[Path, str]:
    """Give the JSON Schemas that are made from the actions, by file."""
    schemas = {ROOT / "schemas/destination.json": destination_schema()}
    for action in ACTIONS.values():
        schemas[ROOT / f"schemas/encharge/{action.key}.json"] = request_schema(action)
    return {file: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for file, schema in schemas.items()}


def commands() -> str:
    """Give the help of every command, one after the other, as a terminal of 90 columns shows it."""
    context = click.Context(cli, info_name="encharge-connector", help_option_names=["-h", "--help"])
    return "\n".join(_command_parts(cli, context))


def _command_parts(command: click.Command, context: click.Context) -> Iterator[str]:
    context.terminal_width = context.max_content_width = 90
    if context.parent is not None:
        text = command.get_help(context)
        yield f"### {context.command_path.partition(' ')[2]}\n\n```text\n{text}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, name
            yield from _command_parts(inner, click.Context(inner, context, name))


def metrics_table() -> str:
    """Give every metric as a row: name, type, unit, labels, who exposes it, meaning."""
    rows = ["| metric | type | unit | labels | of | |", "|---|---|---|---|---|---|"]
    for metric in METRIC_LIST:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        row = (f"`{metric.name}`", metric.type, metric.unit, labels, metric.owner, metric.help)
        rows.append(f"| {' | '.join(row)} |")
    return "\n".join(rows) + "\n"


def metric_queries() -> str:
    """Give the example query of each metric that has one."""
    return "\n".join(_query(metric) for metric in METRIC_LIST if metric.example)


def _query(metric: ListedMetric) -> str:
    return f"`{metric.name}`: {metric.help}\n\n```promql\n{metric.example}\n```\n"


PARTS: Mapping[str, Callable[..., str]] = {
    "commands": commands,
    "settings": settings_table,
    "action-fields": action_fields,
    "action-example": action_example,
    "metrics": metrics_table,
    "metric-queries": metric_queries,
}


def pages() -> list[Path]:
    """List the pages that may hold generated parts."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def generated(text: str) -> str:
    """Give a page's text with its generated parts written anew."""

    def written(found: re.Match[str]) -> str:
        arguments = [] if found["argument"] is None else [found["argument"]]
        return found[1] + PARTS[found["name"]](*arguments) + found[4]

    return _PART.sub(written, text)


def current() -> dict[Path, str]:
    """Give every file that is generated, or in part, with the text it should have."""
    return {page: generated(page.read_text(encoding="utf-8")) for page in pages()} | schema_files()


def main() -> None:
    """Write all files; tell which changed."""
    for file, text in current().items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{file.relative_to(ROOT)} written\n")


if __name__ == "__main__":
    main()
