"""Dead letters on a real Kafka."""

import asyncio

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

from connector.delivery.dead_letter import DeadLetter, Reason, make_dead_letter
from connector.edges.dead_letter_topic import DeadLetterTopic
from connector.edges.producer import start_producer
from connector.errors import OperationalError
from connector.settings import Settings
from tests.builders import record

pytestmark = pytest.mark.kafka


@pytest.fixture
async def producer(cluster):
    producer = await start_producer(Settings(kafka_bootstrap_servers=cluster.bootstrap_servers))
    yield producer
    await producer.stop()


def letter(value, key=b"u1", headers=()):
    return DeadLetter(key, value, list(headers), "rejected")


async def test_a_letter_is_there_as_it_was_made_once_put_returns(cluster, producer):
    topic = cluster.topic()
    made = make_dead_letter(
        record(7, value=b"\xff", headers=(("theirs", b"1"), ("null", None))),
        Reason("rejected", "HTTP 400", mapping="Käufe"),
        destination="production",
        config_version="v1",
    )

    await DeadLetterTopic(producer, topic).put(made)

    [message] = cluster.read(topic)
    assert (message.key(), message.value(), message.headers()) == (b"u1", b"\xff", made.headers)


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        pytest.param(b"u1", None, (b"u1", None), id="no value"),
        pytest.param(None, b"x", (None, b"x"), id="no key"),
        pytest.param(None, None, (b"", None), id="neither, which aiokafka does not send"),
        pytest.param(b"", b"", (b"", b""), id="both empty"),
    ],
)
async def test_records_without_key_or_value_are_kept(cluster, producer, key, value, kept):
    topic = cluster.topic()

    await DeadLetterTopic(producer, topic).put(letter(value, key))

    [message] = cluster.read(topic)
    assert (message.key(), message.value()) == kept


async def test_a_letter_that_is_too_large_says_how_to_make_room_and_can_be_put_then(cluster, producer):
    topic = cluster.topic(max_message_bytes="1000")
    dead_letters = DeadLetterTopic(producer, topic)
    await dead_letters.put(letter(b"first"))
    with pytest.raises(
        OperationalError, match=f"{topic} refuses a record of 5000 bytes; raise its max.message.bytes"
    ):
        await dead_letters.put(letter(b"x" * 5000))
    raise_limit(cluster, topic)

    async with asyncio.timeout(30):
        await dead_letters.put(letter(b"x" * 5000))
        await dead_letters.put(letter(b"last"))

    assert [message.value() for message in cluster.read(topic)] == [b"first", b"x" * 5000, b"last"]


def raise_limit(cluster, topic):
    entry = ConfigEntry("max.message.bytes", "100000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource("topic", topic, incremental_configs=[entry])
    [future] = cluster.admin.incremental_alter_configs([resource]).values()
    future.result(10)


async def test_a_letter_that_the_topic_refuses_is_an_operational_error_and_others_can_be_put(
    cluster, producer
):
    topic = cluster.topic(cleanup_policy="compact")  # takes no record without a key
    dead_letters = DeadLetterTopic(producer, topic)

    with pytest.raises(OperationalError, match=f"{topic}: "):
        await dead_letters.put(letter(b"x", key=None))
    await dead_letters.put(letter(b"y"))

    assert [message.value() for message in cluster.read(topic)] == [b"y"]
