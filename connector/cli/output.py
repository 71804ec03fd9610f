"""What commands share: settings, JSON or text, running coroutines."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click
import uvloop

from connector.core.json_text import write_json
from connector.edges.log_redaction import secrets_of, secrets_of_environment
from connector.edges.logs import LIBRARIES, keep_out_of_logs, log_trouble_of_loop, set_up_logs
from connector.edges.process_guard import forbid_core_dumps
from connector.settings import Settings

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """Add --json to a command that reports."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(command)


def read_settings() -> Settings:
    """Read the environment; from then on the secrets in it are not logged, nor left behind by a crash.

    Raises: ConfigurationError
    """
    settings = Settings.from_environment(os.environ)
    keep_out_of_logs((*secrets_of(settings), *secrets_of_environment(os.environ)))
    if settings.core_dumps == "off":
        forbid_core_dumps()
    return settings


def print_json(value: Any) -> None:
    """Print one JSON value on one line."""
    click.echo(write_json(value).decode())


def run_async(work: Coroutine[Any, Any, T], *, quiet: bool = True) -> T:
    """Run a coroutine on uvloop; `quiet` hides the libraries' own log lines."""
    if quiet:
        set_up_logs("error", "console")
        for name in LIBRARIES:  # a command tells in one line what they tell in many
            logging.getLogger(name).setLevel(logging.CRITICAL)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.get_loop().set_exception_handler(log_trouble_of_loop)
        return runner.run(work)
