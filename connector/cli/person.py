"""`encharge-connector person`: what is done with one person, at Encharge and here."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import click

from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.core.event import Event
from connector.errors import ConfigurationError, OperationalError, Problem
from connector.settings import Settings

LOOKS = 3  # at a person after the deletion, as Encharge may take a moment
BETWEEN_LOOKS_S = 0.5
NOT_FOUND = 404


@click.group("person")
def command() -> None:
    """What is done with one person, at Encharge and here."""


@command.command("delete")
@click.option("--user-id", help="The person's userId, as it stands in your events.")
@click.option("--anonymous-id", help="The person's anonymousId, for somebody without a userId.")
@click.option(
    "--erase/--archive",
    default=None,
    help="Erase, or archive so that Encharge can bring the person back; what `deletion` in the destination"
    " file says when left out.",
)
@click.option("--no-verify", is_flag=True, help="Do not look for the person at Encharge, before and after.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def delete(
    ctx: click.Context,
    *,
    user_id: str | None,
    anonymous_id: str | None,
    erase: bool | None,
    no_verify: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete a person at Encharge, and keep what is left of them here from bringing them back.

    What of the person lies in dead letters or could be replayed is not sent any more. Events that still
    wait in the stream are: where there may be some, produce an event of type `delete` instead, which takes
    its turn behind them. Exits 1 when Encharge still knows the person afterwards.

    \b
    Example:
      encharge-connector person delete --user-id 5a1f --erase
    """
    event = _event(user_id, anonymous_id)
    settings = read_settings()
    world = _world(settings)
    erases = world.erases if erase is None else erase
    found = None if no_verify else run_async(_finds(world, event, with_archived=erases))
    if not yes:
        known = {None: "", True: ", who is known there", False: ", who is not known there"}[found]
        question = f"{'Erase' if erases else 'Archive'} the person{known}, at {settings.encharge_api_url}?"
        if not click.confirm(question, err=True):
            click.echo("Nothing was done.", err=True)
            ctx.exit(1)
    run_async(_delete(settings, world, event, erase=erases))
    found_after = None if no_verify else run_async(_finds_after(world, event, with_archived=erases))
    if as_json:
        [(kind, value)] = event.items()
        print_json(
            {
                "destination": world.destination,
                kind: value,
                "erased": erases,
                "found_before": found,
                "found_after": found_after,
            }
        )
    else:
        _report(found, found_after, erased=erases)
    ctx.exit(1 if found_after else 0)


class _World(NamedTuple):
    """Where people are deleted, and how by default."""

    destination: str
    erases: bool
    endpoints: Any


def _event(user_id: str | None, anonymous_id: str | None) -> Event:
    if bool(user_id) == bool(anonymous_id):
        raise click.UsageError("Give one of --user-id and --anonymous-id.")
    return {"userId": user_id} if user_id else {"anonymousId": anonymous_id}


def _world(settings: Settings) -> _World:
    from connector.core.request import Endpoints  # noqa: PLC0415
    from connector.edges.destination_file import read_destination_file  # noqa: PLC0415

    destination = read_destination_file(settings.destination_file).compile(api_key="")
    if settings.encharge_api_key is None:
        raise ConfigurationError(Problem("is required; or set …_FILE", path="CONNECTOR_ENCHARGE_API_KEY"))
    endpoints = Endpoints(settings.encharge_api_key, api_url=settings.encharge_api_url)
    return _World(destination.id, destination.deletion.erase, endpoints)


async def _finds(world: _World, event: Event, *, with_archived: bool) -> bool:
    from connector.edges.encharge_api import EnchargeApi, RequestFailed  # noqa: PLC0415

    async with EnchargeApi(world.endpoints) as api:
        try:
            return await api.finds(event, with_archived=with_archived)
        except RequestFailed as error:
            raise OperationalError(f"Encharge did not say whether it knows the person ({error})") from error


async def _delete(settings: Settings, world: _World, event: Event, *, erase: bool) -> None:
    """Delete; what would bring the person back is held off first, as an interruption may follow."""
    from connector.edges.encharge_api import EnchargeApi, RequestFailed  # noqa: PLC0415
    from connector.edges.suppression import suppress  # noqa: PLC0415

    await suppress(settings, world.destination, event)
    async with EnchargeApi(world.endpoints) as api:
        try:
            await api.delete(event, encode=True, erase=erase)
        except RequestFailed as error:
            if error.failure.status != NOT_FOUND:
                raise OperationalError(f"Encharge did not delete the person ({error}); try again") from error


async def _finds_after(world: _World, event: Event, *, with_archived: bool) -> bool:
    for look in range(LOOKS):
        if look:
            await asyncio.sleep(BETWEEN_LOOKS_S)
        if not await _finds(world, event, with_archived=with_archived):
            return False
    return True


def _report(found: bool | None, found_after: bool | None, *, erased: bool) -> None:
    if found is not None:
        click.echo(f"before: {'known to Encharge' if found else 'not known to Encharge'}")
    click.echo(f"{'erased' if erased else 'archived'} at Encharge")
    click.echo("dead letters and replays of the person are not sent any more")
    match found_after:
        case None:
            click.echo("after: not looked at")
        case True:
            click.secho("after: STILL known to Encharge", fg="red")
        case False:
            click.echo("after: not known to Encharge")
