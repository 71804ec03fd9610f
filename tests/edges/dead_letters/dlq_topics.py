"""A dead-letter topic of one test on a real Kafka, written and read with another client than the connector's."""

import json
import time
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from connector.core import Destination
from connector.delivery.dead_letter import Reason, make_dead_letter
from connector.delivery.letter import Selection
from connector.edges.dead_letters.plan import plan_redrive
from connector.edges.dead_letters.reader import DeadLetterReader, Scanned
from connector.edges.dead_letters.redriver import Redriver
from connector.settings import Settings
from tests.builders import record
from tests.eventually import eventually

PARTITIONS = 4
MAPPING = {
    "name": "Track",
    "action": "trackEvent",
    "trigger": 'type = "track"',
    "fields": {"type": {"@path": "$.type"}, "event": {"@path": "$.event"}, "userId": {"@path": "$.userId"}},
}
DESTINATION = Destination.from_config({"id": "test", "mappings": [MAPPING]}, api_key="")
REJECTED = Reason("rejected", "HTTP 400 after 1 attempt", "HTTPError", "Track", "trackEvent", attempts=1)


class DeadLetters:
    """The topics of one test, what is written to them and what is redriven."""

    def __init__(self, bootstrap_servers):
        self.bootstrap_servers = bootstrap_servers
        self._written_ms = 0
        self.admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
        unique = uuid.uuid4().hex[:8]
        self.source, self.by_user, self.dead, self.control = (
            f"{unique}.{name}" for name in ("source", "by-user", "dead", "control")
        )
        self.environment = {
            "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "CONNECTOR_SOURCE_TOPIC": self.source,
            "CONNECTOR_BY_USER_TOPIC": self.by_user,
            "CONNECTOR_DEAD_LETTER_TOPIC": self.dead,
            "CONNECTOR_CONTROL_TOPIC": self.control,
            "CONNECTOR_GROUP_ID": unique,
        }
        self.create(self.source, self.by_user, self.dead)
        self.create(self.control, partitions=1, **{"cleanup.policy": "compact"})
        # As the connector's own client does, and unlike librdkafka by itself.
        self.producer = Producer(
            {"bootstrap.servers": bootstrap_servers, "partitioner": "murmur2_random", "log_level": 0}
        )

    @property
    def settings(self):
        return Settings.from_environment(self.environment)

    def create(self, *names, partitions=PARTITIONS, **config):
        topics = [NewTopic(name, partitions, 1, config=config) for name in names]
        for future in self.admin.create_topics(topics).values():
            future.result(30)

        def are_known():
            known = self.admin.list_topics(timeout=10).topics
            return all(name in known and len(known[name].partitions) == partitions for name in names)

        eventually(are_known, 10)

    def write(self, topic, key, value, headers=(), **more):
        written = []
        self._written_ms = max(self._written_ms + 1, time.time_ns() // 1_000_000)  # no two at the same time
        self.producer.produce(
            topic,
            value,
            key=key,
            headers=list(headers),
            on_delivery=lambda *done: written.append(done),
            **{"timestamp": self._written_ms, **more},
        )
        assert self.producer.flush(30) == 0
        [(error, message)] = written
        assert error is None
        return message.partition(), message.offset()

    def letter(
        self,
        user="u1",
        number=0,
        reason=REJECTED,
        *,
        destination="test",
        event=None,
        value=None,
        origin=None,
        **more,
    ):
        """Write one dead letter; give its place."""
        body = track(user, number) if value is None else value
        letter = make_dead_letter(
            origin
            or record(number, user, json.dumps(body).encode() if isinstance(body, dict) else body, **more),
            reason,
            destination=destination,
            config_version="v1",
            event=event,
        )
        return self.write(self.dead, letter.key, letter.value, letter.headers)

    def say(self, key, value):
        self.write(self.control, key, json.dumps(value))

    def read(self, topic):
        """Give the committed records of a topic, partition by partition."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap_servers,
                "group.id": uuid.uuid4().hex,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 10,
                "auto.offset.reset": "earliest",  # the beginning may be deleted
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        found = []
        try:
            for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
                consumer.assign([TopicPartition(topic, partition, 0)])
                while (message := consumer.poll(10)) is not None and message.error() is None:
                    found.append(message)
                assert message is not None, f"{topic} cannot be read"
            return found
        finally:
            consumer.close()

    def told(self):
        """Give what the control topic says was redriven: partition -> offsets."""
        newest = {message.key().decode(): json.loads(message.value()) for message in self.read(self.control)}
        prefix = f"redriven/{self.dead}/"
        return {
            int(key.removeprefix(prefix)): value["offsets"]
            for key, value in newest.items()
            if key.startswith(prefix)
        }

    async def plan(self, selection=None, limit=None, max_redrives=3):
        return await plan_redrive(
            self.settings,
            DESTINATION,
            selection or Selection(destination="test"),
            limit=limit,
            max_redrives=max_redrives,
            progress=lambda *_: None,
        )

    async def redrive(self, plan=None, **options):
        """Redrive; give how many letters were sent."""
        redriver = Redriver(self.settings, **options)
        await redriver.run(plan or await self.plan())
        return redriver.sent

    async def states(self, selection=None):
        """Give place -> what became of the letter there, and what else was seen."""
        scanned = Scanned()
        async with DeadLetterReader(self.settings, "test") as reader:
            found = reader.scan(selection or Selection(destination="test"), scanned)
            return {tuple(letter.place): str(state) async for letter, state in found}, scanned


def track(user, number=0):
    return {"type": "track", "event": "Paid", "userId": user, "messageId": f"{user}.{number}"}
