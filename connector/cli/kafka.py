"""`encharge-connector kafka`: a real Apache Kafka without Docker and without Java."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from connector.cli.output import print_json
from connector.errors import OperationalError

LOG_LINES = 12


@click.command("kafka")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=9092, show_default=True, help="0: any free port."
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where topics are kept; a temporary directory, removed at the end, when left out.",
)
@click.option("--heap", default="1g", show_default=True, help="Memory of the broker.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
def command(*, port: int, data_dir: Path | None, heap: str, as_json: bool) -> None:
    """Run Apache Kafka until Ctrl-C: for trying things out and for tests, not for production.

    Needs the extra `embedded`. The broker's files are fetched once, about 60 MB, and kept in the cache
    directory.

    \b
    Example:
      encharge-connector kafka --data-dir ./kafka-data
    """
    from connector.embedded import EmbeddedKafka  # noqa: PLC0415

    stop = threading.Event()
    # Until it serves, either signal interrupts: the first start fetches 60 MB.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with EmbeddedKafka(data_dir, port=port, heap=heap) as kafka:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        if as_json:
            print_json({"bootstrap_servers": kafka.bootstrap_servers, "data_dir": str(kafka.data_dir)})
        else:
            click.echo(f"Kafka is up at {kafka.bootstrap_servers}, data in {kafka.data_dir}; Ctrl-C ends it")
        while not stop.wait(0.5):
            if not kafka.running:
                raise OperationalError(
                    "\n".join(["Kafka ended by itself; its log ends with", *_tail(kafka.log_path)])
                )


def _tail(log: Path) -> list[str]:
    """Give the end of a log: where no directory was given, it goes with the temporary one."""
    return log.read_text("utf-8", "replace").splitlines()[-LOG_LINES:]
