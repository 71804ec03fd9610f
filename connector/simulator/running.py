"""A simulator beside the caller, for tests without an event loop or with one of their own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from threading import Thread

import orjson
import uvloop

from connector.errors import OperationalError
from connector.simulator.client import SimulatorClient
from connector.simulator.config import SimulatorConfig
from connector.simulator.server import Simulator


@contextmanager
def running_simulator(
    config: SimulatorConfig | None = None, *, port: int = 0, own_process: bool = False
) -> Iterator[SimulatorClient]:
    """Run a simulator for the length of a `with` block and give its client; the address is `client.url`.

    In a thread it starts within milliseconds, but shares the interpreter with the caller. A process of
    its own takes half a second to start and does not disturb measurements.
    """
    run = _process if own_process else _thread
    with run(config or SimulatorConfig(), port) as url, SimulatorClient(url) as client:
        yield client


@contextmanager
def _thread(config: SimulatorConfig, port: int) -> Iterator[str]:
    simulator = Simulator(config)
    with _looping_thread() as loop:
        url = asyncio.run_coroutine_threadsafe(simulator.start(port=port), loop).result()
        try:
            yield url
        finally:
            asyncio.run_coroutine_threadsafe(simulator.stop(), loop).result()


@contextmanager
def _looping_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = uvloop.new_event_loop()
    thread = Thread(target=loop.run_forever, name="encharge-simulator", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def _process(config: SimulatorConfig, port: int) -> Iterator[str]:
    # Tokens must not be seen in the list of processes, so the configuration goes in by the pipe.
    order = orjson.dumps({"port": port, "config": asdict(config)})
    child = subprocess.Popen(
        [sys.executable, "-m", "connector.simulator"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # The child looks for modules where we do, whatever its working directory is.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,  # ended by us, not by the terminal
    )
    with child:  # leaving closes the pipe, at which the child ends
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(order + b"\n")
        child.stdin.flush()
        url = child.stdout.readline().decode().strip()
        if not url:
            raise OperationalError("the process of the simulator ended at once, see its error above")
        yield url
