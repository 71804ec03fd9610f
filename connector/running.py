"""Running something until it is done or somebody ends it: signals, and what is given up on the way."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Sequence
from typing import Any, Final

# systemd and `docker compose` may signal a supervisor and its worker, who then hears it twice.
SAME_SIGNAL_S: Final = 1.0


def stop_on_signals() -> asyncio.Event:
    """Give an event that SIGTERM and SIGINT set; a second signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    first_s = 0.0

    def on_signal() -> None:
        nonlocal first_s
        if not stop.is_set():
            first_s = loop.time()
            stop.set()
        elif loop.time() - first_s > SAME_SIGNAL_S:
            os._exit(130)  # the second signal: no draining, no commit; at least once holds

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    return stop


async def or_stop(work: Awaitable[Any], stop: asyncio.Event) -> Any:
    """Give the result of some work, None when told to stop first."""
    task = asyncio.ensure_future(work)
    await first_of(task, stop.wait())
    return task.result() if task.done() and not task.cancelled() else None


async def first_of(*awaitables: Awaitable[Any]) -> None:
    """Wait until one of them is done, and cancel the others."""
    tasks: Sequence[asyncio.Future[Any]] = [asyncio.ensure_future(each) for each in awaitables]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
