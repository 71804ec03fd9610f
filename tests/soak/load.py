"""The load: a small shop's events at a steady rate, and bursts that others ask for. Each person's are numbered."""

import json
import time
from collections import Counter
from threading import Event, Lock

from connector.demo.events import Produced, shop_events
from tests.kafka.stack import track

FOR_EVER = 10**12
BROKEN_EVERY = 400  # events


class Load:
    """Writes from when `run` is called until `stop` is; all methods may be called by any thread."""

    def __init__(self, books, *, rate, people, seed):
        self._books, self._rate = books, rate
        self._good = (event for event in shop_events(FOR_EVER, people, seed) if not event.code)
        self._broken = (event for event in shop_events(FOR_EVER, people, seed + 1) if event.code)
        self._numbers = Counter()
        self._lock = Lock()  # events of a person must be written in the order in which they are numbered
        self._producer = books.producer()
        self._ending = Event()

    def run(self):
        begun_s, written = time.monotonic(), 0
        while not self._ending.is_set():
            # After a stop of the machine it goes on from here, without a flood.
            begun_s = max(begun_s, time.monotonic() - written / self._rate - 1.0)
            self._ending.wait(max(begun_s + written / self._rate - time.monotonic(), 0.0))
            written += 1
            with self._lock:
                self._write(next(self._good))
                if written % BROKEN_EVERY == 0:
                    self._write(next(self._broken))
        assert self._producer.flush(120) == 0, "Kafka did not take the last events"

    def stop(self):
        self._ending.set()

    def hostile(self, count):
        """Write events that nobody can deliver."""
        with self._lock:
            for _ in range(count):
                self._write(next(self._broken))

    def busy(self, person, count):
        """Write many events of one person at once."""
        with self._lock:
            for event in self._next_of(person, count):
                self._write(event)

    def transaction(self, producer, person, count, *, is_aborted):
        """Write events of one person in a transaction; those of an aborted one are nobody's and never produced."""
        with self._lock:
            producer.begin_transaction()
            events = self._ghosts(count) if is_aborted else self._next_of(person, count)
            for event in events:
                producer.produce(self._books.source, event.value, key=event.person.encode())
            producer.flush(60)
            if is_aborted:
                producer.abort_transaction(60)
                return
            producer.commit_transaction(60)
            for event in events:
                self._books.ledger.produce(event, time.time())

    def _write(self, event):
        self._books.write(self._producer, event)

    def _next_of(self, person, count):
        first = self._numbers[person] + 1
        self._numbers[person] += count
        return [track(person, number) for number in range(first, first + count)]

    def _ghosts(self, count):
        return [Produced("", "ghost", 0, json.dumps({"type": "track", "event": "Ghost", "userId": "ghost",
                                                     "messageId": f"ghost.{n}"}).encode()) for n in range(1, count + 1)]  # fmt: skip
