"""A stand-in for Encharge that costs little: counts, judges order, answers after a fixed time.

The product's simulator understands Encharge and keeps every request; at benchmark rates it would be what
is measured. This one knows HTTP/1.1 with Content-Length and the ids that `load.py` writes, no more.

    python -m tests.bench.sink [--port N] [--latency MS]     prints its address
    POST /_bench/reset?latency=MS    empty books
    GET  /_bench/progress            {"requests", "unique"}, at no cost
    GET  /_bench/stats               all of the books
"""

import argparse
import asyncio
import json
import time
from array import array
from urllib.parse import parse_qs, urlsplit

import uvloop

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n" + b'{"success":true}'
ID = b'"messageId":"'
SLOT_S = 0.1


class Books:
    """What arrived. An id is PERSON.SEQUENCE.MILLISECONDS, sequences count from 1 per person."""

    def __init__(self, latency_s):
        self.latency_s = latency_s
        self.requests = self.unique = self.duplicates = self.violations = self.overlaps = 0
        self.in_flight = self.peak_in_flight = self.connections = 0
        self.first_at = self.last_at = None
        self.delays_s = array("d")
        self.slots = {}
        self._latest = {}
        self._missing = {}
        self._under_way = set()

    def arrive(self, id_):
        """Enter one request; give the person it is for."""
        now = time.time()
        person, sequence, at_ms = id_.split(b".")
        sequence = int(sequence)
        self.requests += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        self.overlaps += person in self._under_way
        self._under_way.add(person)
        self._judge(person, sequence)
        self.first_at = self.first_at or now
        self.last_at = now
        self.delays_s.append(now - int(at_ms) / 1000)
        slot = int((now - self.first_at) / SLOT_S)
        self.slots[slot] = self.slots.get(slot, 0) + 1
        return person

    def leave(self, person):
        self.in_flight -= 1
        self._under_way.discard(person)

    def _judge(self, person, sequence):
        latest = self._latest.get(person, 0)
        if sequence > latest:
            if sequence > latest + 1:
                self._missing.setdefault(person, set()).update(range(latest + 1, sequence))
            self._latest[person] = sequence
            self.unique += 1
        elif sequence in self._missing.get(person, ()):
            self._missing[person].remove(sequence)
            self.violations += 1
            self.unique += 1
        else:
            self.duplicates += 1

    def stats(self):
        ascending = sorted(self.delays_s[len(self.delays_s) // 10 :])  # the first tenth warms up
        return {
            "requests": self.requests,
            "unique": self.unique,
            "duplicates": self.duplicates,
            "violations": self.violations,
            "overlaps": self.overlaps,
            "peak_in_flight": self.peak_in_flight,
            "connections": self.connections,
            "first_at": self.first_at,
            "last_at": self.last_at,
            "steady_per_s": self._steady(),
            "p50_s": percentile(ascending, 0.50),
            "p99_s": percentile(ascending, 0.99),
        }

    def _steady(self):
        """Events a second between the first and the last tenth of them."""
        marks, before = [], 0
        wanted = [self.requests * 0.1, self.requests * 0.9]
        for slot in sorted(self.slots):
            count = self.slots[slot]
            while len(marks) < 2 and before + count >= wanted[len(marks)]:
                marks.append((slot + (wanted[len(marks)] - before) / count) * SLOT_S)
            before += count
        if len(marks) < 2 or marks[1] <= marks[0]:
            return None
        return 0.8 * self.requests / (marks[1] - marks[0])


def percentile(ascending, share):
    return ascending[min(int(len(ascending) * share), len(ascending) - 1)] if ascending else None


class Connection(asyncio.Protocol):
    """One connection; requests are answered in order, one at a time."""

    def __init__(self, server):
        self.server = server
        self.received = b""

    def connection_made(self, transport):
        self.transport = transport
        self.server.books.connections += 1

    def data_received(self, data):
        received = self.received + data if self.received else data
        while (end := received.find(b"\r\n\r\n")) >= 0:
            head = received[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(received) < end + 4 + length:
                break
            body, received = received[end + 4 : end + 4 + length], received[end + 4 + length :]
            self.answer(head, body)
        self.received = received

    def answer(self, head, body):
        books = self.server.books
        at = body.find(ID)
        if at < 0:
            self.transport.write(self.server.control(head.split(b" ", 2)[1].decode()))
            return
        person = books.arrive(body[at + len(ID) : body.index(b'"', at + len(ID))])
        if books.latency_s:
            self.server.loop.call_later(books.latency_s, self.finish, books, person)
        else:
            self.finish(books, person)

    def finish(self, books, person):
        books.leave(person)
        self.transport.write(OK)


class Server:
    def __init__(self, loop, latency_s):
        self.loop = loop
        self.books = Books(latency_s)

    def control(self, target):
        url = urlsplit(target)
        if url.path == "/_bench/reset":
            latency_ms = float(parse_qs(url.query).get("latency", ["0"])[0])
            self.books = Books(latency_ms / 1000)
        books = self.books
        progress = {"requests": books.requests, "unique": books.unique}
        body = json.dumps(books.stats() if url.path == "/_bench/stats" else progress).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
            len(body),
            body,
        )


async def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0, help="milliseconds until each answer")
    options = parser.parse_args()
    loop = asyncio.get_running_loop()
    server = Server(loop, options.latency / 1000)
    listening = await loop.create_server(lambda: Connection(server), "127.0.0.1", options.port, backlog=4096)
    print(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
