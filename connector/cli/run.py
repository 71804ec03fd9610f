"""`encharge-connector run`: the worker."""

from __future__ import annotations

import click

from connector.cli.output import read_settings, run_async
from connector.edges.logs import set_up_logs
from connector.edges.process_guard import tell_where_it_crashed, warn_of_open_files


@click.command("run")
@click.option(
    "--role",
    type=click.Choice(["all", "ingest", "deliver"]),
    default="all",
    show_default=True,
    help="Which stages to run.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Worker processes on this machine, each a member of the groups.",
)
def command(role: str, processes: int) -> None:
    """Run a worker until SIGTERM or Ctrl-C; a second signal ends it without draining.

    \b
    Example:
      CONNECTOR_ENCHARGE_API_KEY_FILE=./encharge-api-key encharge-connector run --processes 2
    """
    settings = read_settings()
    set_up_logs(settings.log_level, settings.log_format)
    tell_where_it_crashed()
    if processes > 1:
        from connector.supervisor import supervise  # noqa: PLC0415

        raise SystemExit(supervise(settings, role, processes))
    warn_of_open_files(settings)
    from connector.wiring import run_worker  # noqa: PLC0415  imports Faust

    run_async(run_worker(settings, role), quiet=False)  # type: ignore[arg-type]
