"""The simulator as a child process: its configuration comes in by standard input, whose end is its end.

In:  one line {"port": 0, "config": {…}}
Out: one line with the address
"""

from __future__ import annotations

import asyncio
import sys

import orjson
import uvloop

from connector.errors import ConnectorError
from connector.simulator.config import SimulatorConfig
from connector.simulator.server import Simulator


async def main() -> None:
    """Serve until the parent closes the pipe, also by dying."""
    pipe = asyncio.StreamReader(limit=2**26)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(pipe), sys.stdin)
    order = orjson.loads(await pipe.readline())
    simulator = Simulator(SimulatorConfig().changed(order["config"]))
    print(await simulator.start(port=order["port"]), flush=True)  # noqa: T201  told to the parent
    await pipe.read()
    await simulator.stop()


if __name__ == "__main__":
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    except ConnectorError as exc:
        sys.exit(str(exc))
