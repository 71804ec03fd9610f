"""`encharge-connector diff`: how two destination files differ, and what becomes of events. Sends nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import BinaryIO, Final

import click

from connector.cli.differences import change_lines, changes_as_json, difference_lines, print_coloured
from connector.cli.events import events_in, file_name
from connector.cli.output import json_option, print_json
from connector.core import Destination
from connector.core.destination_diff import ConfigurationDiff, configuration_diff, event_diff
from connector.core.event import Event
from connector.core.json_diff import path_text
from connector.core.planned_diff import Difference
from connector.edges.destination_file import read_destination_file

_MARKS: Final = {"vanished": "-", "appeared": "+", "changed": "~"}


@click.command("diff")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--events", type=click.File("rb"), help="Events to try both on, JSON Lines; - for standard input."
)
@json_option
def command(*, old: Path, new: Path, events: BinaryIO | None, as_json: bool) -> None:
    """Show how two destination files differ, and what becomes of events. Exits 1 when they differ.

    First come the mappings; then, with --events, every event of which another request is made.

    \b
    Example:
      encharge-connector diff destination.yaml new.yaml --events events.jsonl
    """
    files = read_destination_file(old), read_destination_file(new)
    before, after = (file.compile(api_key="") for file in files)
    configuration = configuration_diff(files[0].config, files[1].config)
    if as_json:
        print_json({"configuration": _configuration_as_json(configuration)})
    else:
        _print_configuration(configuration)
    if events is not None:
        _try(before, after, events, as_json=as_json)
    # Equal configurations make the same of every event, so they alone decide.
    click.get_current_context().exit(1 if configuration else 0)


def _try(before: Destination, after: Destination, events: BinaryIO, *, as_json: bool) -> None:
    """Show of which events something else is made, and how many they are."""
    count = differ = 0
    totals: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line, event in events_in(events):
        count += 1
        differences = event_diff(before, after, event)
        for each in differences:
            totals[each.mapping][each.kind] += 1
        if not differences:
            continue
        differ += 1
        if as_json:
            print_json({"line": line, "differences": [_difference_as_json(each) for each in differences]})
        else:
            _print_event(file_name(events), line, event, differences)
    if as_json:
        by_mapping = {name: dict(counts) for name, counts in totals.items()}
        print_json({"summary": {"events": count, "differ": differ, "mappings": by_mapping}})
    else:
        click.echo(f"{count} event{'' if count == 1 else 's'}, {differ} differ")
        for name, counts in totals.items():
            told = ", ".join(f"{counts[kind]} {kind}" for kind in _MARKS if counts[kind])
            click.echo(f"  {name}: {told}")


def _print_event(file: str, line: int, event: Event, differences: tuple[Difference, ...]) -> None:
    words = [value for key in ("type", "event") if isinstance(value := event.get(key), str)]
    click.secho(f"{file}:{line}: {' '.join(words) or 'no type'}", bold=True)
    for each in differences:
        first, *rest = difference_lines(each, each.kind)
        print_coloured(f"{_MARKS[each.kind]} {first}", indent=2)
        for row in rest:
            print_coloured(row, indent=4)


def _print_configuration(diff: ConfigurationDiff) -> None:
    if not diff:
        click.echo("The configurations are the same.")
        return
    click.secho("Configuration", bold=True)
    for change in diff.settings:
        for line in change_lines(change, path_text(change.path)):
            print_coloured(line, indent=0)
    for name, action in diff.removed.items():
        print_coloured(f"- {name} ({action}): removed", indent=2)
    for name, action in diff.added.items():
        print_coloured(f"+ {name} ({action}): added", indent=2)
    for name, changes in diff.changed.items():
        print_coloured(f"~ {name}: changed", indent=2)
        for change in changes:
            for line in change_lines(change, path_text(change.path)):
                print_coloured(line, indent=4)
    if diff.reordered:
        print_coloured(
            "~ the mappings stand in another order, so requests of one event are sent in it", indent=2
        )


def _configuration_as_json(diff: ConfigurationDiff) -> dict[str, object]:
    return {
        "settings": changes_as_json(diff.settings, "old", "new"),
        "removed": [{"mapping": name, "action": action} for name, action in diff.removed.items()],
        "added": [{"mapping": name, "action": action} for name, action in diff.added.items()],
        "changed": [
            {"mapping": name, "changes": changes_as_json(changes, "old", "new")}
            for name, changes in diff.changed.items()
        ],
        "reordered": diff.reordered,
    }


def _difference_as_json(difference: Difference) -> dict[str, object]:
    return {
        "mapping": difference.mapping,
        "kind": difference.kind,
        "changes": changes_as_json(difference.changes, "old", "new"),
    }
