"""A real Kafka for the tests of this folder."""

import pytest

from tests.kafka.stack import Stack
from tests.kafka_choice import docker_answers


@pytest.fixture(scope="session")
def broker():
    """A broker that all tests share; each test makes its own topics and groups on it."""
    if docker_answers():
        from testcontainers.kafka import KafkaContainer

        with KafkaContainer("apache/kafka:4.3.1") as container:
            yield ContainerBroker(container)
        return
    from connector.embedded import EmbeddedKafka

    with EmbeddedKafka() as kafka:
        yield kafka


class ContainerBroker:
    """The part of EmbeddedKafka that tests of a shared broker need."""

    def __init__(self, container):
        self.bootstrap_servers = container.get_bootstrap_server()


@pytest.fixture
def stack(broker, tmp_path):
    """Topics, groups, a stand-in Encharge and workers of this test alone."""
    with Stack(broker.bootstrap_servers, tmp_path) as stack:
        yield stack
