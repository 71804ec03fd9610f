"""How long the plain way takes that every event goes, beside the worker: into Kafka, out of it, to Encharge.

A process of its own writes a small record (`acks=all`), reads it and asks the simulator something, twenty times
a second. What broker, simulator and machine are late by shows here as well as in the worker's deliveries.
"""

import multiprocessing
import signal
import time
import uuid

EVERY_S = 0.05
QUIET_S = 0.02  # about three times the median that was seen beside hostile runs of two cores, 6 to 8 ms


class Trips:
    """A context manager; `seconds` after its end holds how long every trip took."""

    def __init__(self, stack, topic):
        self._arguments = stack.bootstrap_servers, topic, stack.simulator.url
        self.seconds = []

    def __enter__(self):
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_travel, args=(*self._arguments, there), daemon=True)
        self._process.start()
        assert self._pipe.recv() == "ready"
        return self

    def __exit__(self, *error):
        self._pipe.send("stop")
        if self._pipe.poll(60):
            self.seconds = self._pipe.recv()
        self._process.kill()
        self._process.join()

    @property
    def longest_s(self):
        return max(self.seconds, default=0.0)

    @property
    def median_s(self):
        return sorted(self.seconds)[len(self.seconds) // 2] if self.seconds else 0.0

    @property
    def slowness(self):
        """How many times as long as QUIET_S the plain way takes in the median; at least 1."""
        return max(self.median_s / QUIET_S, 1.0)


def _travel(servers, topic, url, pipe):
    import httpx
    from confluent_kafka import Consumer, Producer, TopicPartition

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    common = {"bootstrap.servers": servers, "log_level": 2}
    producer = Producer({**common, "acks": "all", "linger.ms": 0})
    consumer = Consumer(
        {**common, "group.id": uuid.uuid4().hex, "enable.auto.commit": False, "fetch.wait.max.ms": 10}
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    seconds = []
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
        while not pipe.poll():
            begun_s = time.monotonic()
            producer.produce(topic, b"trip")
            producer.flush(60)
            while (message := consumer.poll(60)) is None or message.error():
                pass
            http.get("/nothing")
            took_s = time.monotonic() - begun_s
            if not seconds:
                pipe.send("ready")  # the first one connects
            seconds.append(took_s if seconds else 0.0)
            time.sleep(max(EVERY_S - took_s, 0.0))
    consumer.close()
    pipe.recv()
    pipe.send(seconds)
