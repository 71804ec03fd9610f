"""How a download is shown: a bar on a terminal, a few lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as RichProgress

from connector.embedded.jars import KAFKA_VERSION

Advance: TypeAlias = Callable[
    [int], None
]  # bytes; fewer than none when a jar is begun again; from any thread
Progress: TypeAlias = Callable[[int, int], AbstractContextManager[Advance]]  # (jars, bytes in all)


def on_stderr(jars: int, size_bytes: int) -> AbstractContextManager[Advance]:
    """Show a bar when stderr is a terminal, lines otherwise."""
    return (bar if sys.stderr.isatty() else lines)(jars, size_bytes)


@contextmanager
def bar(jars: int, size_bytes: int) -> Iterator[Advance]:
    """Draw rich's progress bar with amount, speed and time left."""
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with RichProgress(TextColumn("{task.description}"), *columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(f"Kafka {KAFKA_VERSION}, {jars} jars", total=size_bytes)
        yield lambda size: progress.advance(task, size)


@contextmanager
def lines(jars: int, size_bytes: int) -> Iterator[Advance]:
    """Write one line at the start, at each full quarter and at the end."""
    lock, received, quarters = Lock(), 0, 0

    def say(text: str) -> None:
        sys.stderr.write(f"Kafka {KAFKA_VERSION}: {text}\n")
        sys.stderr.flush()

    def advance(size: int) -> None:
        nonlocal received, quarters
        with lock:
            received += size
            if received * 4 // size_bytes > quarters:
                quarters = received * 4 // size_bytes
                say(f"{quarters * 25} %")

    started_s = time.monotonic()
    say(f"downloading {jars} jars, {size_bytes / 1e6:.1f} MB")
    yield advance
    say(f"downloaded in {time.monotonic() - started_s:.1f} s")
