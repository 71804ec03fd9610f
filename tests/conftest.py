"""Options and helpers that all tests share."""

from pathlib import Path

import pytest

from tests.kafka_choice import choice, docker_answers

HERE = Path(__file__).parent


def pytest_addoption(parser):
    parser.addoption(
        "--vectors",
        type=Path,
        default=HERE / "vectors",
        help="folder of the golden cases (*.jsonl), default tests/vectors",
    )


def pytest_report_header(config):
    return f"Kafka for the tests: {choice()}"


@pytest.fixture(scope="session")
def broker():
    """A real Kafka that all tests share; each test makes its own topics and groups on it."""
    if docker_answers():
        from testcontainers.kafka import KafkaContainer

        container = KafkaContainer("apache/kafka:4.3.1")
        # As with the embedded broker: a topic exists only when a test makes it.
        with container.with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false"):
            yield ContainerBroker(container)
        return
    from connector.embedded import EmbeddedKafka

    with EmbeddedKafka() as kafka:
        yield kafka


@pytest.fixture(scope="session")
def secured():
    """A Kafka with users and rights, see tests/secured_kafka.py."""
    from tests.secured_kafka import secured_kafka

    with secured_kafka() as kafka:
        yield kafka


class ContainerBroker:
    """The part of EmbeddedKafka that tests of a shared broker need."""

    def __init__(self, container):
        self.bootstrap_servers = container.get_bootstrap_server()
