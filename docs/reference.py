"""Writes what is made from code: `make docs`. Tests fail when it is out of date.

Parts of README.md and docs/**/*.md between `<!-- generated:NAME ARGUMENT, by make docs -->` and
`<!-- /generated:NAME -->`, the JSON Schemas that the table of actions determines, and what the Helm chart has
of the settings, the alert rules and the dashboard.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click
from ruamel.yaml import YAML

from connector.cli import cli
from connector.core import UNDEFINED, Destination
from connector.core.actions import ACTIONS
from connector.core.json_schema import destination_schema, request_schema
from connector.core.payload_schema import Field
from connector.core.presets import preset_mappings
from connector.edges.metric_list import METRIC_LIST, ListedMetric
from connector.edges.yaml_text import lines
from connector.settings import Settings, default_of, variable_of
from docs import asyncapi, code_map
from schemas import ASYNCAPI, load_schema, schema_names
from topics import load_topics

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "deploy/helm/segment-encharge-connector"
# What the chart sets from values of its own, beside the secrets, which it takes by reference only.
CHART_SETS = frozenset(("destination_file", "drain_timeout", "secrets_directory", "web_host", "web_port"))
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


# The first setting of each group on the page of settings; they are declared in this order.
SETTING_GROUPS = {
    "kafka_bootstrap_servers": "Kafka",
    "source_topic": "Topics and groups",
    "destination_file": "The destination and Encharge",
    "max_in_flight": "Pace, memory and retries",
    "commit_interval": "Offsets and the groups",
    "web_host": "Web port, logs and traces",
    "secrets_directory": "Secrets and the machine",
}
# What a value may be, by the function that reads it.
KINDS = {
    "duration": "duration",
    "endpoint": "address",
    "function": "module:function",
    "pairs": "name=value, …",
    "path": "path",
    "rate": "number above 0",
    "servers": "host:port, …",
    "share": "number from 0 to 1",
    "size": "size",
    "text": "text",
    "topic": "name of a topic",
    "url": "address",
}


def settings_reference() -> str:
    """Give every setting in its group as a row: variable, what it may be, default, meaning."""
    parts: list[str] = []
    for each in fields(Settings):
        if each.name in SETTING_GROUPS:
            parts.append(
                f"\n## {SETTING_GROUPS[each.name]}\n\n| variable | value | default | |\n|---|---|---|---|"
            )
        kind = _kind(each.metadata["parse"]) + (", secret" if each.metadata["secret"] else "")
        row = (f"`{variable_of(each)}`", kind, _code(default_of(each)), each.metadata["help"])
        parts.append(f"| {' | '.join(row)} |")
    return "\n".join(parts).lstrip() + "\n"


def _kind(parse: Callable[[str], Any]) -> str:
    name, limits = parse.__qualname__.partition(".")[0], inspect.getclosurevars(parse).nonlocals
    match limits:
        case {"choices": choices}:
            return ", ".join(f"`{choice}`" for choice in choices)
        case {"least": least, "most": None}:
            return f"whole number, at least {least}"
        case {"least": least, "most": most}:
            return f"whole number, {least} to {most}"
        case {"least_s": least_s} if least_s:
            return f"{KINDS[name]}, at least {least_s:g}s"
        case _:
            return KINDS[name]


def schemas_table() -> str:
    """Give every JSON Schema as a row: name, what it describes, its id."""
    rows = ["| schema | describes | `$id` |", "|---|---|---|"]
    for name in schema_names():
        schema = load_schema(name)
        text = _escaped(f"**{schema['title']}.** {schema['description']}")
        rows.append(f"| [{name.removesuffix('.json')}](../schemas/{name}) | {text} | `{schema['$id']}` |")
    return "\n".join(rows) + "\n"


def topics_reference() -> str:
    """Give what stands in topics/*.yaml: a section for each topic, in the order an event passes them."""
    parts = []
    for topic in load_topics():
        schema = f"[{topic.value_schema.removesuffix('.json')}](../schemas/{topic.value_schema})"
        rows = [
            ("name", f"`{topic.name}`, unless `{topic.setting}` says otherwise"),
            ("partitions", str(topic.partitions)),
            ("key", _escaped(topic.key)),
            ("value", _escaped(topic.value)),
            ("schema", f"{schema}, of the headers" if topic.role == "dead-letter" else schema),
            ("written by", topic.written_by),
            ("read by", topic.read_by),
            *((f"`{name}`", _setting_of_topic(name, value)) for name, value in topic.settings.items()),
        ]
        table = "\n".join(f"| {name} | {text} |" for name, text in rows)
        parts.append(f"## {topic.role}\n\n{topic.why}\n\n| | |\n|---|---|\n{table}\n")
    return "\n".join(parts)


def _setting_of_topic(name: str, value: str) -> str:
    units = {
        ".ms": (("days", 86_400_000), ("hours", 3_600_000), ("minutes", 60_000)),
        ".bytes": (("MiB", 2**20),),
    }
    for unit, size in units.get(name[name.rfind(".") :], ()):
        if int(value) >= size and int(value) % size == 0:
            count = int(value) // size
            return f"`{value}`: {count} {unit if count > 1 else unit.removesuffix('s')}"
    return f"`{value}`"


def schema_headers(schema: str) -> str:
    """Give every header that a schema describes as a row: name, meaning."""
    properties = load_schema(f"{schema}.json")["properties"]
    rows = [f"| `{name}` | {_escaped(each.get('description', ''))} |" for name, each in properties.items()]
    return "\n".join(["| header | |", "|---|---|", *rows]) + "\n"


def decisions() -> str:
    """Give a line for every page of docs/decisions, by its title."""
    files = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    titles = {
        file.name: file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for file in files
    }
    return "\n".join(["", *(f"- [{title}]({file})" for file, title in titles.items()), "", ""])


def _escaped(text: str) -> str:
    """Keep Markdown from taking <a placeholder> for HTML."""
    return text.replace("<", "&lt;")


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


def chart_settings() -> dict[str, dict[str, Any]]:
    """Give the JSON Schema of each setting that the chart's value `settings` may have."""
    hints = get_type_hints(Settings)
    schemas = {}
    for each in fields(Settings):
        if each.metadata["secret"] or each.name.startswith("kafka_") or each.name in CHART_SETS:
            continue
        choices = get_args(hints[each.name]) if get_origin(hints[each.name]) is Literal else ()
        allowed = {"enum": list(choices)} if choices else {"minLength": 1}
        schemas[variable_of(each)] = {"type": "string", **allowed, "description": each.metadata["help"]}
    return schemas


def chart_files() -> dict[Path, str]:
    """Give the files of the Helm chart that repeat what is elsewhere: Helm reads none outside of a chart."""
    file = CHART / "values.schema.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    schema["properties"]["settings"]["properties"] = chart_settings()
    return {
        file: json.dumps(schema, indent=2) + "\n",
        CHART / "files/alerts.yaml": (ROOT / "deploy/prometheus/alerts.yaml").read_text(encoding="utf-8"),
        CHART / "files/dashboard.json": (ROOT / "deploy/grafana/encharge-connector.json").read_text(
            encoding="utf-8"
        ),
    }


def chart_values() -> str:
    """Give every value of the Helm chart as a row: name, default, meaning."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    values = YAML(typ="safe", pure=True).load((CHART / "values.yaml").read_text(encoding="utf-8"))
    rows = ["| value | default | |", "|---|---|---|", *_value_rows(schema, values, "")]
    return "\n".join(rows) + "\n"


def _value_rows(schema: Mapping[str, Any], values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, inner in schema["properties"].items():
        name = f"{prefix}{key}"
        if inner.get("properties") and name != "settings":
            yield from _value_rows(inner, values[key], f"{name}.")
        elif key in values:
            default = json.dumps(values[key]) if values[key] not in ("", [], {}) else ""
            yield f"| `{name}` | {f'`{default}`' if default else 'empty'} | {inner['description']} |"


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
    "chart-values": chart_values,
    "commands": commands,
    "decisions": decisions,
    "settings": settings_table,
    "action-fields": action_fields,
    "action-example": action_example,
    "metrics": metrics_table,
    "metric-queries": metric_queries,
    "schema-headers": schema_headers,
    "schemas": schemas_table,
    "settings-reference": settings_reference,
    "topics": topics_reference,
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
    written = {page: generated(page.read_text(encoding="utf-8")) for page in pages()}
    described = {
        ROOT / "schemas" / ASYNCAPI: asyncapi.document(),
        ROOT / "docs/images/map.svg": code_map.picture(),
    }
    return written | schema_files() | described | chart_files()


def main() -> None:
    """Write all files; tell which changed. With --check write none, and exit 1 if any should be."""
    stale = [
        (file, text)
        for file, text in current().items()
        if not file.exists() or file.read_text(encoding="utf-8") != text
    ]
    if sys.argv[1:] == ["--check"]:
        sys.stderr.writelines(f"{file.relative_to(ROOT)} is out of date: make docs\n" for file, _ in stale)
        sys.exit(1 if stale else 0)
    for file, text in stale:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{file.relative_to(ROOT)} written\n")


if __name__ == "__main__":
    main()
