"""`encharge-connector dlq show`."""

from __future__ import annotations

from typing import Any

import click

from connector.cli.dlq.options import PlaceType, printable, text_of_time
from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.core import Destination
from connector.core.explain import MappingExplanation, explain
from connector.core.explain_json import KEY_SHOWN, as_dict, cut
from connector.core.json_text import write_json
from connector.delivery.letter import Letter, Place, State
from connector.delivery.redrive import Outlook, Prospect
from connector.errors import OperationalError, UnreadableRecord
from connector.settings import Settings

_WORDS = {
    Prospect.SENT: "would now succeed",
    Prospect.FORWARDED: "would now be taken by the ingest stage",
    Prospect.FAILS: "still fails",
    Prospect.UNREADABLE: "still fails",
    Prospect.NO_MATCH: "does not match any more",
    Prospect.NO_MAPPING: "no mapping of that name any more",
    Prospect.OTHER_ACTION: "the mapping has another action now",
}
_REFUSED = ("rejected", "retry_window")  # codes of requests that were made


@click.command("show")
@click.argument("place", type=PlaceType(), metavar="PARTITION:OFFSET")
@json_option
def show(*, place: Place, as_json: bool) -> None:
    """Show one dead letter: why it was given up, its event, and what would become of it today.

    Today is the destination file as it is now; nothing is sent.

    \b
    Example:
      encharge-connector dlq show 0:41
    """
    from connector.edges.dead_letters.plan import outlook_today  # noqa: PLC0415
    from connector.edges.destination_file import read_destination_file  # noqa: PLC0415

    settings = read_settings()
    destination = read_destination_file(settings.destination_file).compile(
        api_key=KEY_SHOWN, ingest_url=settings.encharge_ingest_url, api_url=settings.encharge_api_url
    )
    letter, state = run_async(_read(settings, destination.id, place))
    is_ours = letter.destination in ("", destination.id)
    outlook = outlook_today(letter, destination, settings) if is_ours else None
    explained = _explained(letter, destination, settings) if is_ours else []
    if as_json:
        print_json(_as_json(letter, state, outlook, explained))
    else:
        _print(letter, state, outlook, explained, destination.id)


async def _read(settings: Settings, destination: str, place: Place) -> tuple[Letter, State]:
    from connector.edges.dead_letters.reader import DeadLetterReader  # noqa: PLC0415

    async with DeadLetterReader(settings, destination) as reader:
        found = await reader.letter(place)
        bounds = reader.bounds
    if found is not None:
        return found
    if place.partition not in bounds:
        raise OperationalError(f"{settings.dead_letter_topic} has partitions 0 to {max(bounds)} only")
    begin, end = bounds[place.partition]
    raise OperationalError(
        f"there is no letter at {place}; partition {place.partition} holds offsets from {begin} up to {end}"
    )


def _explained(letter: Letter, destination: Destination, settings: Settings) -> list[MappingExplanation]:
    """Explain the events of a letter to the mapping that failed, or to all when none is named."""
    try:
        events = letter.events(largest=settings.max_record_bytes)
    except UnreadableRecord:
        return []
    return [
        each
        for event in events
        for each in explain(destination, event)
        if not letter.action or each.name == letter.mapping
    ]


def _as_json(
    letter: Letter, state: State, outlook: Outlook | None, explained: list[MappingExplanation]
) -> dict[str, Any]:
    return {
        "place": str(letter.place),
        "at": text_of_time(letter.timestamp),
        "state": str(state),
        "code": letter.code,
        "message": letter.message,
        "kind": letter.kind,
        "mapping": letter.mapping,
        "action": letter.action,
        "event": letter.event,
        "attempts": letter.attempts,
        "first_attempt_at": letter.first_attempt_at,
        "http_status": letter.http_status,
        "response": letter.response,
        "destination": letter.destination,
        "config_version": letter.config_version,
        "redrives": letter.redrives,
        "origin": _origin(letter),
        "headers": [[name, _text(value)] for name, value in letter.headers],
        "key": _text(letter.key),
        "value": _text(letter.value),
        "today": None
        if outlook is None
        else {
            "outlook": str(outlook.prospect),
            "why": outlook.why,
            "mappings": [as_dict(each) for each in explained],
        },
    }


def _print(
    letter: Letter,
    state: State,
    outlook: Outlook | None,
    explained: list[MappingExplanation],
    destination: str,
) -> None:
    click.secho(
        f"{letter.place}  {text_of_time(letter.timestamp)}  {printable(letter.code)}  ({state})", bold=True
    )
    facts = {
        "message": letter.message,
        "mapping": f"{letter.mapping} ({letter.action})" if letter.mapping else letter.action,
        "event": "" if letter.event is None else f"number {letter.event} of its record",
        "attempts": f"{letter.attempts}, the first at {letter.first_attempt_at}"
        if letter.first_attempt_at
        else "",
        "answer": f"HTTP {letter.http_status}: {letter.response}" if letter.response else "",
        "destination": letter.destination or "all; the ingest stage gave it up",
        "redriven": f"{letter.redrives} times before" if letter.redrives else "",
        "origin": _origin(letter),
        "source": letter.source,
        "key": _text(letter.key) or "",
    }
    for name, fact in facts.items():
        if fact:
            click.echo(f"  {name:12} {printable(fact)}")
    click.secho("record", bold=True)
    for line in _value_lines(letter):
        click.echo(f"  {printable(line)}")
    click.secho("headers", bold=True)
    for name, value in letter.headers:
        click.echo(f"  {printable(name)}: {printable(_text(value) or 'null')}")
    click.secho("today", bold=True)
    if outlook is None:
        click.echo(f"  a letter of {printable(letter.destination)}; this is {destination}")
        return
    _print_today(letter, state, outlook, explained)


def _print_today(letter: Letter, state: State, outlook: Outlook, explained: list[MappingExplanation]) -> None:
    colour = "green" if outlook.prospect.is_good else "red"
    why = f": {printable(outlook.why)}" if outlook.why else ""
    click.secho(f"  {_WORDS[outlook.prospect]}{why}", fg=colour)
    if outlook.prospect is Prospect.SENT and letter.code in _REFUSED:
        click.echo("  a request can be made as before; whether Encharge takes it now is not known")
    for planned in outlook.planned:
        if planned.request is not None:
            click.echo(f"  {planned.request.method} {planned.request.url}")
            click.echo(f"    {printable((planned.request.body or b'').decode('utf-8', 'replace'))}")
    for each in explained:
        if not each.matched or any(row.outcome == "invalid" for row in each.fields):
            click.echo(f"  {printable(each.name)}: {printable(each.deciding)}")
        for row in each.fields:
            if row.outcome == "invalid":
                click.echo(f"    ! {row.path}: {printable(row.note)}")
    if state is State.REDRIVEN:
        click.echo("  it was redriven; `dlq redrive` does not send it again")
    elif state is State.SUPPRESSED:
        click.echo("  its person was deleted since; `dlq redrive` never sends it")


def _value_lines(letter: Letter) -> list[str]:
    if letter.value is None:
        return ["no value (a tombstone)"]
    try:
        events = letter.events(largest=len(letter.value))
    except UnreadableRecord:
        return letter.value.decode("utf-8", "replace").splitlines() or ["empty"]
    return [write_json(cut(event)).decode("utf-8", "replace") for event in events]


def _origin(letter: Letter) -> str:
    return "" if letter.origin is None else f"{letter.topic}/{letter.origin.partition}/{letter.origin.offset}"


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
