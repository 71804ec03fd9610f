"""Topics of one test on the shared Kafka, written and read with another client than the connector's."""

import uuid

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from tests.edges.certificates import make_authority
from tests.eventually import eventually


class Cluster:
    """The part of a cluster that one test has to itself: names nobody else uses."""

    def __init__(self, bootstrap_servers):
        self.bootstrap_servers = bootstrap_servers
        self.admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})

    def name(self, kind="topic"):
        return f"{kind}-{uuid.uuid4().hex[:8]}"

    def topic(self, partitions=1, **config):
        """Create a topic; settings with underscores for points."""
        name = self.name()
        self.create(name, partitions, {key.replace("_", "."): value for key, value in config.items()})
        return name

    def create(self, name, partitions, config=None):
        topic = NewTopic(name, partitions, 1, config=config or {})
        self.admin.create_topics([topic])[name].result(30)

        def is_known():
            found = self.admin.list_topics(timeout=10).topics.get(name)
            return (
                found is not None
                and sum(each.leader >= 0 for each in found.partitions.values()) == partitions
            )

        eventually(is_known, 10)

    def write(self, topic, values, partition=0, **more):
        """Write values, acknowledged by Kafka."""
        producer = Producer({"bootstrap.servers": self.bootstrap_servers, "message.max.bytes": 2**26})
        failed = []
        for value in values:
            producer.produce(
                topic,
                value,
                partition=partition,
                on_delivery=lambda error, _: failed.append(error) if error else None,
                **more,
            )
        assert producer.flush(30) == 0
        assert failed == []

    def read(self, topic, partition=0):
        """Read all that is there of one partition."""
        with_group = {"bootstrap.servers": self.bootstrap_servers, "group.id": self.name("reader")}
        consumer = Consumer({**with_group, "enable.auto.commit": False, "fetch.message.max.bytes": 2**26})
        try:
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
            consumer.assign([TopicPartition(topic, partition, 0)])
            messages = []
            while not messages or messages[-1].offset() + 1 < end:
                if not end:
                    break
                message = consumer.poll(10)
                assert message is not None, f"{topic} cannot be read"
                assert message.error() is None, message.error()
                messages.append(message)
            return messages
        finally:
            consumer.close()

    def settings(self, topic):
        """Give the settings of a topic, each with its value."""
        [future] = self.admin.describe_configs([ConfigResource("topic", topic)]).values()
        return {name: entry.value for name, entry in future.result(10).items()}

    def partitions(self, topic):
        return len(self.admin.list_topics(topic, timeout=10).topics[topic].partitions)

    def commit(self, group, offsets):
        """Commit offsets: (topic, partition) -> offset."""
        consumer = self._member(group)
        try:
            places = [TopicPartition(*place, offset) for place, offset in offsets.items()]
            consumer.commit(offsets=places, asynchronous=False)
        finally:
            consumer.close()

    def committed(self, group, topic, partition=0):
        """Give the offset that a group committed, None when it did not."""
        consumer = self._member(group)
        try:
            [found] = consumer.committed([TopicPartition(topic, partition)], timeout=10)
            return found.offset if found.offset >= 0 else None
        finally:
            consumer.close()

    def _member(self, group):
        return Consumer(
            {"bootstrap.servers": self.bootstrap_servers, "group.id": group, "enable.auto.commit": False}
        )


@pytest.fixture
def cluster(broker):
    return Cluster(broker.bootstrap_servers)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """An authority that signs certificates for servers of these tests."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusting_the_authority(monkeypatch, authority):
    """Trust the authority, and have no proxy unless a test names one."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
