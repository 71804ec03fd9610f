"""`encharge-connector simulator`: a stand-in for Encharge, with faults on demand."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import click
import orjson

from connector.cli.output import print_json, run_async
from connector.simulator import SimulatorConfig, serve, setting_texts

_JSON_SETTINGS = ("tokens", "object_types", "fail_people", "fail_matching")


def _options(command: Any) -> Any:
    """Make one option of each of the simulator's settings."""
    for name, text in reversed(setting_texts().items()):
        shape = " (JSON)" if name in _JSON_SETTINGS else ""
        option = click.option(f"--{name.replace('_', '-')}", name, metavar="VALUE", help=text + shape)
        command = option(command)
    return command


@click.command("simulator")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8077, show_default=True, help="0: any free port."
)
@_options
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
def command(*, host: str, port: int, as_json: bool, **values: str | None) -> None:
    """Run a fake Encharge until Ctrl-C. It keeps every request and shows them under /_sim/.

    \b
    Example, every tenth request fails and answers take about 80 ms:
      encharge-connector simulator --latency lognormal:80,0.5 --rate-500 0.1
    """
    given = {name: _parsed(name, value) for name, value in values.items() if value is not None}
    config = SimulatorConfig().changed(given)
    run_async(_serve(config, host, port, _say_json if as_json else _say))


def _parsed(name: str, value: str) -> object:
    if name in ("latency", "retry_after"):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        # Without the value, as one of the settings holds keys.
        raise click.BadParameter("is not JSON", param_hint=f"--{name.replace('_', '-')}") from None


async def _serve(config: SimulatorConfig, host: str, port: int, say: Callable[[str], None]) -> None:
    import asyncio  # noqa: PLC0415

    task = asyncio.ensure_future(serve(config, host=host, port=port, on_start=say))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return


def _say_json(url: str) -> None:
    print_json({"url": url})


def _say(url: str) -> None:
    click.echo(f"Encharge is simulated at {url}; state under {url}/_sim/; Ctrl-C ends it")
    click.echo(f"  export CONNECTOR_ENCHARGE_INGEST_URL={url}/v1 CONNECTOR_ENCHARGE_API_URL={url}")
