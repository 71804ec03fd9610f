"""Whether a worker goes on, seen from outside: a process that asks `/live` every 50 ms, and a control beside it.

The same process asks, at the same moments, a server that does nothing but answer: what the machine or the watcher
itself is late by shows there, too. A process with nothing to do is let run at once, however; one at work waits for
its turn of a busy processor. So the watcher also reads how long the worker's event loop was ready and not let run
(Linux counts it, /proc/PID/schedstat). What a worker was silent beyond the larger of the two is its own.
"""

import asyncio
import multiprocessing
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

EVERY_S = 0.05
MOST_S = 30.0  # after which an answer is given up


class Silence(NamedTuple):
    """What was seen of one worker.

    asked      questions that were answered
    longest_s  longest time without an answer while one was asked for
    control_s  longest such time of the control in the whole run
    starved_s  longest time in one silence in which the worker was ready and had no processor
    beyond_s   longest time that is left when the larger of what the control was silent at that time and what the worker
               was starved is taken off
    unanswered questions that ended without an answer
    """

    asked: int
    longest_s: float
    control_s: float
    starved_s: float
    beyond_s: float
    unanswered: int


class Watch:
    """A context manager; `seen` after its end holds a Silence for every port."""

    def __init__(self, ports, pids):
        self.ports, self.pids = ports, pids

    def __enter__(self):
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        ready_here, ready_there = context.Pipe()
        self._control = context.Process(target=_control, args=(ready_there,), daemon=True)
        self._control.start()
        port = ready_here.recv()
        self._watcher = context.Process(
            target=_watch, args=([port, *self.ports], [None, *self.pids], there), daemon=True
        )
        self._watcher.start()
        here.recv()
        self._pipe = here
        return self

    def __exit__(self, *error):
        self._pipe.send("stop")
        answers = self._pipe.recv() if self._pipe.poll(MOST_S + 10) else []
        for process in (self._watcher, self._control):
            process.kill()
            process.join()
        self.seen = [silence(each, answers[0]) for each in answers[1:]]


def silence(answers, control):
    """Compare the answers of a worker with those of the control: each (asked at, seconds, starved seconds, was answered)."""
    beyond_s, at = 0.0, 0
    for begun_s, took_s, starved_s, _ in answers:
        # Of the control: what it was late by at any time that overlaps.
        while at < len(control) and control[at][0] + control[at][1] < begun_s:
            at += 1
        late_s, index = 0.0, at
        while index < len(control) and control[index][0] <= begun_s + took_s:
            late_s = max(late_s, control[index][1])
            index += 1
        beyond_s = max(beyond_s, took_s - max(late_s, starved_s))
    return Silence(
        sum(was_answered for *_, was_answered in answers),
        max((took_s for _, took_s, *_ in answers), default=0.0),
        max((took_s for _, took_s, *_ in control), default=0.0),
        max((starved_s for *_, starved_s, _ in answers), default=0.0),
        beyond_s,
        sum(not was_answered for *_, was_answered in answers),
    )


def _control(pipe):
    async def main():
        async def answer(reader, writer):
            with suppress(ConnectionError, EOFError):
                while await reader.readuntil(b"\r\n\r\n"):
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(main())


def _watch(ports, pids, pipe):
    async def main():
        stop = asyncio.Event()
        tasks = [asyncio.create_task(_ask(*each, stop)) for each in zip(ports, pids, strict=True)]
        pipe.send("ready")
        asyncio.get_running_loop().add_reader(pipe.fileno(), stop.set)
        await stop.wait()
        pipe.send(await asyncio.gather(*tasks))

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(main())


async def _ask(port, pid, stop):
    """Ask again and again over one connection; give (asked at, seconds, starved seconds, was answered)."""
    answers, connection = [], None
    while not stop.is_set():
        begun_s, before_s = time.monotonic(), _starved_s(pid)
        try:
            async with asyncio.timeout(MOST_S):
                if connection is None:
                    connection = await asyncio.open_connection("127.0.0.1", port)
                await _answer(*connection)
            answered = True
        except (OSError, EOFError, TimeoutError):
            answered, connection = False, None
        took_s = time.monotonic() - begun_s
        answers.append((begun_s, took_s, _starved_s(pid) - before_s, answered))
        await asyncio.sleep(max(EVERY_S - took_s, 0.0))
    return answers


def _starved_s(pid):
    """Give how long the first thread of a process, which is its event loop, was ready to run and waited."""
    try:
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1]) / 1e9
    except OSError:  # no Linux, or the control, or a worker that ended
        return 0.0


async def _answer(reader, writer):
    writer.write(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length")
    )
    await reader.readexactly(length)


__all__ = ["EVERY_S", "Silence", "Watch", "silence"]
