"""`python -m connector` and the command `encharge-connector`."""

from __future__ import annotations

import io
import sys
from types import TracebackType

import click

from connector.errors import ConnectorError


def main() -> None:
    """Run the command line; errors of ours are lines on standard error and an exit code."""
    from connector.cli import cli  # noqa: PLC0415  so that a broken import is told like other errors

    sys.excepthook = _uncaught
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Half an emoji of an event, or a bullet on a terminal that is not UTF-8, is no reason to stop.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(prog_name="encharge-connector", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except ConnectorError as error:
        for line in str(error).splitlines():
            click.echo(f"error: {line}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    from connector.edges.logs import log_uncaught  # noqa: PLC0415  most commands never need it

    log_uncaught(kind, error, trace)


if __name__ == "__main__":
    main()
