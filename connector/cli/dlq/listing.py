"""`encharge-connector dlq list`."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any, Literal

import click

from connector.cli.dlq.options import (
    Filters,
    destination_id,
    filter_options,
    letters,
    printable,
    progress_bar,
    text_of_time,
)
from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.delivery.letter import Letter, Selection, State
from connector.delivery.letter_groups import LetterGroups
from connector.settings import Settings

By = Literal["code", "mapping", "day", "user", "none"]

LIMIT = 50
_NO_NAME = {"mapping": "(no mapping)", "user": "(nobody, or several)", "day": "(no time)"}


@dataclass(slots=True)
class _Listed:
    groups: LetterGroups | None
    count: int = 0
    newest: list[tuple[int, int, int, Letter, State]] = field(default_factory=list)  # a heap
    passed_over: int = 0
    others: dict[str, int] = field(default_factory=dict)


@click.command("list")
@filter_options
@click.option(
    "--state",
    type=click.Choice(["waiting", "redriven", "suppressed", "all"]),
    default="waiting",
    show_default=True,
    help="What became of them: not sent again yet, sent again, or never to be: the person was deleted.",
)
@click.option(
    "--group-by",
    type=click.Choice(["code", "mapping", "day", "user", "none"]),
    default="code",
    show_default=True,
    help="Count what is alike, or list single letters, the newest first.",
)
@click.option(
    "--limit", type=click.IntRange(1), default=LIMIT, show_default=True, help="Most lines that are printed."
)
@click.option("--all-destinations", is_flag=True, help="Letters of other destinations, too.")
@json_option
def list_letters(
    *,
    codes: tuple[str, ...],
    mappings: tuple[str, ...],
    user: str | None,
    since: int | None,
    until: int | None,
    state: str,
    group_by: By,
    limit: int,
    all_destinations: bool,
    as_json: bool,
) -> None:
    """Count dead letters by code, mapping, day or user, or list single ones.

    Letters of the ingest stage, which works for all destinations, are always among them.

    \b
    Examples:
      encharge-connector dlq list
      encharge-connector dlq list --group-by mapping --since 24h
      encharge-connector dlq list --code rejected --group-by none --json
    """
    settings = read_settings()
    id_ = "" if all_destinations else destination_id(settings)
    selection = Filters(codes, mappings, user, since, until).selection(None if all_destinations else id_)
    states = set(State) if state == "all" else {State(state)}
    listed = _Listed(None if group_by == "none" else LetterGroups(group_by))
    run_async(_collect(settings, id_, selection, states, limit, listed))
    if group_by == "none":
        rows = [_row(letter, became) for *_, letter, became in sorted(listed.newest, reverse=True)]
    else:
        rows = _group_rows(listed, group_by)
    shown = rows[:limit]
    if as_json:
        for row in shown:
            print_json(row)
    elif shown:
        _print(shown, group_by, None if state != "all" else "state")
    _tell(listed, state, len(rows) if group_by != "none" else listed.count, len(shown), group_by)


async def _collect(
    settings: Settings, id_: str, selection: Selection, states: set[State], limit: int, listed: _Listed
) -> None:
    from connector.edges.dead_letters.reader import DeadLetterReader, Scanned  # noqa: PLC0415

    scanned = Scanned()
    with progress_bar("reading dead letters") as progress:
        async with DeadLetterReader(settings, id_) as reader:
            async for letter, state in reader.scan(selection, scanned, progress):
                if state not in states:
                    continue
                listed.count += 1
                if listed.groups is not None:
                    listed.groups.add(letter)
                    continue
                entry = (letter.timestamp, *letter.place, letter, state)
                if len(listed.newest) < limit:
                    heapq.heappush(listed.newest, entry)
                else:
                    heapq.heappushpop(listed.newest, entry)
    listed.passed_over = scanned.passed_over
    listed.others = dict(scanned.others)


def _group_rows(listed: _Listed, by: By) -> list[dict[str, Any]]:
    assert listed.groups is not None
    return [
        {
            by: group.name,
            "count": group.count,
            "oldest": text_of_time(group.oldest),
            "newest": text_of_time(group.newest),
        }
        for group in listed.groups.groups
    ]


def _row(letter: Letter, state: State) -> dict[str, Any]:
    return {
        "place": str(letter.place),
        "at": text_of_time(letter.timestamp),
        "code": letter.code,
        "mapping": letter.mapping,
        "destination": letter.destination,
        "redrives": letter.redrives,
        "state": str(state),
        "message": letter.message,
    }


def _print(rows: list[dict[str, Any]], by: By, state: str | None) -> None:
    if by == "none":
        names = ["place", "at", "code", "mapping", *([state] if state else []), "message"]
    else:
        names = ["count", "oldest", "newest", by]
    lines = [names, *([_cell(row[name], name) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    for number, line in enumerate(lines):
        cells = [
            cell.rjust(width) if name == "count" else cell.ljust(width)
            for cell, width, name in zip(line, widths, names, strict=True)
        ]
        click.secho("  ".join(cells).rstrip(), bold=number == 0)


def _cell(value: Any, name: str) -> str:
    text = f"{value:,}" if isinstance(value, int) else printable(str(value))
    return text or _NO_NAME.get(name, "")


def _tell(listed: _Listed, state: str, rows: int, shown: int, by: By) -> None:
    what = "" if state == "all" else f", {state}"
    click.echo(f"{letters(listed.count)}{what}", err=True)
    if shown < rows:
        kind = "letters" if by == "none" else "groups"
        click.echo(f"{rows - shown:,} more {kind} are not shown; see --limit", err=True)
    if listed.others:
        count = sum(listed.others.values())
        click.echo(f"{letters(count)} of other destinations; see --all-destinations", err=True)
    if listed.passed_over:
        click.echo(
            f"{listed.passed_over:,} records are no letters (probes of `check`, other programs)", err=True
        )
