"""One test's world on a real Kafka: topics, a stand-in Encharge, workers, and the evidence for the judge.

Reading and writing is done with confluent-kafka, another client than the worker's, and nothing here asks
the worker what it did.
"""

import json
import time
import uuid
from contextlib import ExitStack, suppress

import psutil
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from connector.demo.events import Produced
from connector.demo.judge import Accepted, Letter, id_in_body, judge
from connector.demo.workers import WorkerProcess
from connector.simulator import SimulatorConfig, running_simulator
from tests.eventually import eventually

PARTITIONS = 8
QUIET = {"log_level": 2}  # a broker that goes away is part of the story
API_KEY = "test-key"


def track(person, sequence, **more):
    """One event and what the judge has to know of it."""
    id_ = f"{person}.{sequence}"
    event = {
        "type": "track",
        "event": "Order Completed",
        "userId": person,
        "messageId": id_,
        "timestamp": "2026-11-24T04:15:00.000Z",
        "properties": {"total": sequence, "note": "é雪"},
        "context": {"traits": {"email": f"{person}@example.com"}},
        **more,
    }
    return Produced(id_, person, sequence, json.dumps(event).encode())


def round_robin(people, per_person):
    """The events of so many people, one of each in turn."""
    for sequence in range(1, per_person + 1):
        for number in range(people):
            yield track(f"u{number}", sequence)


class Stack:
    """A context manager; everything it starts ends with it."""

    def __init__(self, bootstrap_servers, directory, partitions=PARTITIONS):
        self.bootstrap_servers = bootstrap_servers
        self.directory = directory
        self.partitions = partitions
        unique = uuid.uuid4().hex[:8]
        self.source, self.by_user, self.dead, self.control = (
            f"{unique}.{name}" for name in ("source", "by-user", "dead", "control")
        )
        self.group = f"{unique}.group"
        self.produced = []
        self.places = {}
        self.workers = []
        self._exits = ExitStack()

    def __enter__(self):
        self.simulator = self._exits.enter_context(
            running_simulator(SimulatorConfig(tokens=(API_KEY,)), own_process=True)
        )
        self._exits.callback(self._kill_workers)
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, **QUIET})
        topics = [
            NewTopic(self.source, self.partitions, config={"max.message.bytes": str(16 * 1024**2)}),
            NewTopic(self.by_user, self.partitions),
            NewTopic(self.dead, 2, config={"max.message.bytes": str(64 * 1024**2)}),
            NewTopic(self.control, 1, config={"cleanup.policy": "compact"}),
        ]
        for future in self.admin.create_topics(topics).values():
            future.result(30)
        file = self.directory / "destination.yaml"
        file.write_text("id: test\n")
        self.environment = {
            "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "CONNECTOR_SOURCE_TOPIC": self.source,
            "CONNECTOR_BY_USER_TOPIC": self.by_user,
            "CONNECTOR_DEAD_LETTER_TOPIC": self.dead,
            "CONNECTOR_CONTROL_TOPIC": self.control,
            "CONNECTOR_GROUP_ID": self.group,
            "CONNECTOR_DESTINATION_FILE": str(file),
            "CONNECTOR_ENCHARGE_API_KEY": API_KEY,
            "CONNECTOR_ENCHARGE_INGEST_URL": f"{self.simulator.url}/v1",
            "CONNECTOR_ENCHARGE_API_URL": self.simulator.url,
            "CONNECTOR_SESSION_TIMEOUT": "6s",
            "CONNECTOR_WEB_PORT": "0",
        }
        return self

    def __exit__(self, *error):
        if error[0] is not None:
            self.show_logs()
        self._exits.close()

    def show_logs(self):
        """Print how the logs of the workers end, and how far Encharge is."""
        for worker in self.workers:
            print(f"--- {worker.name}, exit code {worker.exit_code}")
            print("\n".join(worker.log.read_text(errors="replace").splitlines()[-40:]))
        print(f"--- simulator: {self.simulator.stats()}")

    # Workers

    def start_worker(self, **environment):
        worker = WorkerProcess(
            f"worker-{len(self.workers) + 1}", {**self.environment, **environment}, self.directory
        )
        self.workers.append(worker)
        return worker

    def stop_workers(self):
        """SIGTERM to all that run; they must end by themselves and well."""
        running = [worker for worker in self.workers if worker.exit_code is None]
        for worker in running:
            # One that has said nothing yet is still importing, and would end of the signal itself.
            eventually(lambda worker=worker: worker.log.stat().st_size or worker.exit_code is not None, 30)
            worker.begin_stop()
        assert [worker.finish_stop() for worker in running] == [0] * len(running)

    def _kill_workers(self):
        for worker in self.workers:
            if worker.exit_code is None:
                jobs = psutil.Process(worker.pid).children(recursive=True)  # of its console; they would go on
                worker.kill()
                for job in jobs:
                    with suppress(psutil.NoSuchProcess):
                        job.kill()

    @staticmethod
    def memory_mb(worker):
        return psutil.Process(worker.pid).memory_info().rss / 1024**2

    # Records

    def produce(self, events, rate=None):
        """Write events to the source topic, acknowledged by Kafka; `rate` in events a second."""
        producer = Producer(
            {
                "bootstrap.servers": self.bootstrap_servers,
                "enable.idempotence": True,  # without it a retry inside the client breaks the order
                "message.max.bytes": 2**26,
                "linger.ms": 5,
                **QUIET,
            }
        )
        begun_s = time.monotonic()

        def on_delivery(event):
            def note(error, message):
                assert error is None, error
                self.produced.append((event, time.time()))
                self.places[message.partition(), message.offset()] = event.id

            return note

        for number, event in enumerate(events):
            if rate:
                time.sleep(max(begun_s + number / rate - time.monotonic(), 0))
            producer.produce(
                self.source, event.value, key=event.person.encode(), on_delivery=on_delivery(event)
            )
            producer.poll(0)
        assert producer.flush(60) == 0

    def dead_letters(self):
        """All records of the dead-letter topic."""
        return self.records(self.dead)

    def records(self, topic):
        """All records of a topic, partition by partition."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap_servers,
                "group.id": f"reader-{uuid.uuid4().hex}",
                "fetch.message.max.bytes": 2**26,
                "enable.auto.commit": False,
                **QUIET,
            }
        )
        try:
            found = []
            for partition, end in self.ends(topic, consumer).items():
                if not end:
                    continue
                consumer.assign([TopicPartition(topic, partition, 0)])
                position = 0
                while position < end:
                    message = consumer.poll(10)
                    assert message is not None, f"{topic} cannot be read"
                    assert message.error() is None, message.error()
                    found.append(message)
                    position = message.offset() + 1
            return found
        finally:
            consumer.close()

    def ends(self, topic, consumer):
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1]
            for number in partitions
        }

    def lag(self, topic=None, group=None):
        """Records of a topic that a group has not committed; of the deliver stage when left out."""
        topic, group = topic or self.by_user, group or f"{self.group}.deliver.test"
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap_servers,
                "group.id": group,
                "enable.auto.commit": False,
                **QUIET,
            }
        )
        try:
            ends = self.ends(topic, consumer)
            committed = consumer.committed([TopicPartition(topic, number) for number in ends], timeout=10)
            return sum(ends[each.partition] - max(each.offset, 0) for each in committed)
        finally:
            consumer.close()

    # Evidence

    def accounted(self):
        """How many events were accepted, repeats included, or dead-lettered."""
        return self.simulator.stats()["accepted"] + len(self.dead_letters())

    def await_all(self, within_s=60):
        """Wait until every produced event arrived somewhere."""

        def everything_arrived():
            verdict = self.verdict()
            return not verdict.lost and verdict

        return eventually(everything_arrived, within_s)

    def verdict(self):
        """Let the judge compare what was produced with what arrived."""
        accepted = [
            Accepted(id_in_body(request["body"]), request["accepted_at"])
            for request in self.simulator.requests()
            if request["method"] != "GET"  # the key being tried
        ]
        letters = [self._letter(message) for message in self.dead_letters()]
        return judge(self.produced, accepted, letters)

    def _letter(self, message):
        headers = dict(message.headers())
        if "encharge.source" in headers:
            place = tuple(map(int, headers["encharge.source"].split(b"/")[1:3]))
        else:
            place = tuple(int(headers[f"__connect.errors.{name}"]) for name in ("partition", "offset"))
        return Letter(self.places.get(place, f"unknown {place}"), headers["encharge.code"].decode())
