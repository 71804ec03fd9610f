"""`encharge-connector object-types`: what createUpdateObject can create in your account."""

from __future__ import annotations

import click

from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.core.account import Choices
from connector.errors import ConfigurationError, OperationalError, Problem
from connector.settings import Settings


@click.command("object-types")
@json_option
def command(*, as_json: bool) -> None:
    """List the object types of the account: the choices of the field objectType.

    \b
    Example:
      encharge-connector object-types
    """
    choices = run_async(_choices(read_settings()))
    if "error" in choices:
        error = choices["error"]
        raise OperationalError(f"Encharge did not tell its object types: {error['code']}: {error['message']}")
    found = choices.get("choices", [])
    if as_json:
        print_json(found)
        return
    for choice in found:
        click.echo(f"{choice.get('value', '')}  ({choice.get('label', 'no name')})")


async def _choices(settings: Settings) -> Choices:
    from connector.core.request import Endpoints  # noqa: PLC0415
    from connector.edges.encharge_api import EnchargeApi  # noqa: PLC0415

    if settings.encharge_api_key is None:
        raise ConfigurationError(Problem("is required; or set …_FILE", path="CONNECTOR_ENCHARGE_API_KEY"))
    endpoints = Endpoints(settings.encharge_api_key, api_url=settings.encharge_api_url)
    async with EnchargeApi(endpoints) as api:
        return await api.choices("createUpdateObject", "objectType")
