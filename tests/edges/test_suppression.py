"""Who was deleted, kept on the control topic of a real Kafka."""

import time
import uuid

import pytest
from aiokafka.errors import KafkaTimeoutError
from confluent_kafka.admin import AdminClient, NewTopic

from connector.edges.producer import start_producer
from connector.edges.suppression import ControlTopicMemory, Suppressions, read_suppressions, suppress
from connector.errors import OperationalError
from connector.settings import Settings

EVENT = {"type": "delete", "userId": "u1", "anonymousId": "a1"}
AT = 1_789_000_000.0


@pytest.fixture
def settings(broker):
    """A control topic of this test alone."""
    name = f"control-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    admin.create_topics([NewTopic(name, 1, config={"cleanup.policy": "compact"})])[name].result(30)
    return Settings(kafka_bootstrap_servers=broker.bootstrap_servers, control_topic=name)


@pytest.mark.kafka
async def test_what_a_worker_remembers_holds_back_what_came_before(settings):
    producer = await start_producer(settings)
    try:
        await ControlTopicMemory(producer, settings.control_topic).remember("test", EVENT, AT)
    finally:
        await producer.stop()

    found = await read_suppressions(settings, "test")

    assert found.covers({"userId": "u1"}, AT)
    assert found.covers({"anonymousId": "a1", "userId": "another"}, AT - 1)
    assert not found.covers({"userId": "u1"}, AT + 1)
    assert not found.covers({"userId": "a1"}, AT)
    assert not await read_suppressions(settings, "another")


@pytest.mark.kafka
async def test_what_a_command_remembers_holds_back_what_came_until_now(settings):
    before = time.time()
    await suppress(settings, "test", EVENT)

    found = await read_suppressions(settings, "test")

    assert found.covers({"userId": "u1"}, before)
    assert not found.covers({"userId": "u1"}, time.time() + 1)


class KeepingProducer:
    """Keeps the keys of what it is given."""

    def __init__(self):
        self.keys = []

    async def send_and_wait(self, _topic, _value, *, key, headers):
        self.keys.append(key.decode())


class BrokenProducer:
    async def send_and_wait(self, *_arguments, **_options):
        raise KafkaTimeoutError


async def test_what_cannot_be_written_is_an_error_that_names_the_topic_and_nobody():
    with pytest.raises(OperationalError) as caught:
        await ControlTopicMemory(BrokenProducer(), "control").remember("test", EVENT, AT)

    assert str(caught.value) == "control: KafkaTimeoutError"


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        pytest.param({"at": AT}, True, id="a time"),
        pytest.param({"at": "yesterday"}, False, id="text"),
        pytest.param({"at": None}, False, id="no time"),
        pytest.param({}, False, id="empty"),
        pytest.param(3, False, id="a number"),
        pytest.param(None, False, id="null"),
    ],
)
async def test_only_what_is_a_deletion_holds_somebody_back(value, holds):
    producer = KeepingProducer()
    await ControlTopicMemory(producer, "control").remember("test", {"userId": "u1"}, AT)
    [key] = producer.keys

    assert Suppressions("test", {key: value}).covers({"userId": "u1"}, AT) is holds
    assert "u1" not in key
