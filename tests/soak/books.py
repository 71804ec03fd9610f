"""Writes the load and reads what came of it, past the proxies and with another Kafka client than the worker's."""

import re
import time
import uuid
from array import array
from bisect import bisect_left, bisect_right
from contextlib import ExitStack, suppress
from threading import Event, Thread

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from connector.demo.judge import id_in_body
from tests.kafka.stack import QUIET
from tests.soak.ledger import BROKEN, Ledger

LOOK_EVERY_S = 0.5
DELAYS_EVERY_S = 10.0
_ID = re.compile(rb'"messageId"\s*:\s*"([^"]+)"')


class Books:
    """Threads that run until the `with` block is left.

    ledger       what was produced and what became of it
    forwarded_s  when each record of the by-user topic was written, epoch seconds, about in order
    produced_s   when Kafka acknowledged each event
    """

    def __init__(self, stack, failed):
        self._stack, self._failed = stack, failed
        self.source = stack.source
        self.ledger = Ledger()
        self.forwarded_s = array("d")
        self.produced_s = array("d")
        self._ending = Event()
        self._threads = []
        self._seq = 0
        self._exits = ExitStack()

    def __enter__(self):
        self.start(self._read_accepted)
        self.start(self._follow, self._stack.dead, self._bury)
        self.start(self._follow, self._stack.by_user, self._forward)
        return self

    def __exit__(self, *error):
        self._end()

    def start(self, function, *arguments):
        """Run something in a thread; when it fails, the run has failed."""

        def guarded():
            try:
                function(*arguments)
            except Exception as error:
                self._failed(f"{function.__name__} of the soak failed: {error!r}")
                raise

        thread = Thread(target=guarded, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def accepted_between(self, begin_s, end_s):
        return _count(self.ledger.accepted_s, begin_s, end_s)

    def forwarded_between(self, begin_s, end_s):
        return _count(sorted(self.forwarded_s), begin_s, end_s)

    # What is written

    def producer(self, **more):
        """A producer that keeps trying for as long as it takes: a broker that is away is part of the story."""
        return Producer(
            {
                "bootstrap.servers": self._stack.bootstrap_servers,
                "enable.idempotence": True,
                "message.timeout.ms": 0,
                "linger.ms": 5,
                **QUIET,
                **more,
            }
        )

    def write(self, producer, event):
        """Write an event; it counts as produced when Kafka has acknowledged it."""

        def note(error, _):
            assert error is None, error
            at_s = time.time()
            self.produced_s.append(at_s)
            self.ledger.produce(event, at_s)

        while True:
            try:
                producer.produce(self.source, event.value, key=event.person.encode(), on_delivery=note)
            except BufferError:
                producer.poll(0.5)
            else:
                producer.poll(0)
                return

    def delays(self, begun_at_s):
        """Give (elapsed seconds, median, 99th percentile, longest) of the delay of events, in seconds, by span."""
        spans = {}
        ledger = self.ledger
        for at_s, delay_s in zip(ledger.delayed_at_s, ledger.delays_s, strict=True):
            spans.setdefault(int((at_s - begun_at_s) / DELAYS_EVERY_S), []).append(delay_s)
        found = []
        for span, delays_s in sorted(spans.items()):
            delays_s.sort()
            last = len(delays_s) - 1
            found.append(
                (
                    span * DELAYS_EVERY_S,
                    delays_s[last // 2],
                    delays_s[min(int(len(delays_s) * 0.99), last)],
                    delays_s[last],
                )
            )
        return found

    # What is read

    def read_rest(self):
        """Read what was accepted up to now, when nothing comes any more."""
        self._end()
        self._read_accepted_once()

    def _end(self):
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _read_accepted(self):
        while not self._ending.wait(LOOK_EVERY_S):
            self._read_accepted_once()

    def _read_accepted_once(self):
        found = self._stack.simulator.requests(after=self._seq)
        for request in found:
            assert request["seq"] == self._seq + 1, "the simulator forgot requests before they were read"
            self._seq = request["seq"]
            if request["method"] != "GET":  # the key being tried
                self.ledger.accept(id_in_body(request["body"]), request["accepted_at"])

    def _follow(self, topic, note):
        """Read a topic from its begin, through all that happens to the broker."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._stack.bootstrap_servers,
                "group.id": f"reader-{uuid.uuid4().hex}",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                **QUIET,
            }
        )
        partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        try:
            while not self._ending.is_set():
                message = consumer.poll(LOOK_EVERY_S)
                if message is not None and message.error() is None:
                    note(message)
        finally:
            with suppress(KafkaException):
                consumer.close()

    def _bury(self, message):
        key = (message.key() or b"").decode(errors="replace")
        found = _ID.search(message.value() or b"")
        id_ = key if key.startswith(BROKEN) or found is None else found[1].decode(errors="replace")
        self.ledger.bury(id_, dict(message.headers())["encharge.code"].decode())

    def _forward(self, message):
        self.forwarded_s.append(message.timestamp()[1] / 1000)


def _count(ascending, begin_s, end_s):
    return bisect_right(ascending, end_s) - bisect_left(ascending, begin_s)
