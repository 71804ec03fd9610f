"""Many browsers that look at the console's overview: reads and throws away, at next to no cost.

python -m tests.bench.watchers PORT NUMBER     prints `ready` when all are connected, at the end what came
"""

import asyncio
import os
import signal
import sys

import uvloop

REQUEST = b"GET /console/live/overview HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
EVENT = b"event: funnel"  # one of each update


class Watcher(asyncio.Protocol):
    def __init__(self, books):
        self.books = books
        self.is_first = True

    def connection_made(self, transport):
        transport.write(REQUEST)

    def data_received(self, data):
        if self.is_first:
            self.is_first = False
            self.books["answered"] += data.startswith(b"HTTP/1.1 200")
        self.books["updates"] += data.count(EVENT)
        self.books["bytes"] += len(data)

    def connection_lost(self, error):
        self.books["lost"] += 1


async def main():
    os.nice(19)  # browsers are elsewhere: they take nothing from broker, sink and worker
    port, number = map(int, sys.argv[1:])
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    books = {"answered": 0, "updates": 0, "bytes": 0, "lost": 0}
    for _ in range(number):
        await loop.create_connection(lambda: Watcher(books), "127.0.0.1", port)
    while books["answered"] < number:
        await asyncio.sleep(0.05)
    print("ready", flush=True)
    books["updates"] = books["bytes"] = 0
    begun_s = loop.time()
    await stop.wait()
    seconds = loop.time() - begun_s
    print(f"{books['updates'] / seconds:.0f} {books['bytes'] / seconds:.0f} {books['lost']}", flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
