"""The producer on a real Kafka, and without one."""

import asyncio
import gc

import pytest
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from connector.edges.producer import LARGEST_REQUEST_BYTES, start_producer
from connector.settings import Settings
from tests.eventually import eventually_async


@pytest.fixture
async def producer(cluster):
    producer = await start_producer(Settings(kafka_bootstrap_servers=cluster.bootstrap_servers))
    yield producer
    await producer.stop()


async def send(producer, topic, *values):
    """Send values for one person; give the future of each."""
    return [await producer.send(topic, value, key=b"u1", headers=[]) for value in values]


@pytest.mark.kafka
async def test_records_are_there_in_order_once_they_are_acknowledged(cluster, producer):
    topic = cluster.topic()
    values = [b"%d" % number for number in range(1000)]

    await asyncio.gather(*await send(producer, topic, *values))

    assert [message.value() for message in cluster.read(topic)] == values


@pytest.mark.kafka
async def test_a_refused_record_does_not_end_the_writing_of_its_partition(cluster, producer):
    topic = cluster.topic(max_message_bytes="1000")
    [refused] = await send(producer, topic, b"x" * 5000)
    with pytest.raises(MessageSizeTooLargeError):
        await refused

    async with asyncio.timeout(30):
        await asyncio.gather(*await send(producer, topic, b"1", b"2", b"3"))

    assert [message.value() for message in cluster.read(topic)] == [b"1", b"2", b"3"]


@pytest.mark.kafka
async def test_what_is_on_its_way_when_a_client_is_replaced_still_arrives(cluster, producer):
    topic, other = cluster.topic(max_message_bytes="1000"), cluster.topic()
    [refused] = await send(producer, topic, b"x" * 5000)
    with pytest.raises(MessageSizeTooLargeError):
        await refused
    before = producer._client
    others = [
        asyncio.create_task(producer.send_and_wait(other, b"%d" % n, key=b"u1", headers=[]))
        for n in range(50)
    ]

    await asyncio.gather(*others)

    after = producer._client
    assert after is not before
    assert sorted(int(message.value()) for message in cluster.read(other)) == [*range(50)]
    await producer.send_and_wait(other, b"50", key=b"u1", headers=[])
    assert producer._client is after, "replaced although it works"
    await eventually_async(lambda: not producer._old, 10)


@pytest.mark.kafka
async def test_a_record_beyond_all_limits_is_refused_at_once(cluster, producer):
    with pytest.raises(MessageSizeTooLargeError):
        await producer.send_and_wait(cluster.topic(), b"x" * LARGEST_REQUEST_BYTES, key=None, headers=[])


@pytest.mark.kafka
async def test_a_stopped_producer_has_written_what_was_queued_and_takes_no_more(cluster):
    topic = cluster.topic()
    producer = await start_producer(Settings(kafka_bootstrap_servers=cluster.bootstrap_servers))
    await send(producer, topic, b"1", b"2")

    await producer.stop()

    assert [message.value() for message in cluster.read(topic)] == [b"1", b"2"]
    with pytest.raises(KafkaError):
        await send(producer, topic, b"3")


async def test_a_kafka_that_is_not_ready_is_tried_again(monkeypatch):
    monkeypatch.setattr("connector.edges.producer.RECONNECT_S", 0.05)
    attempts = []

    async def hang_up(reader, writer):
        attempts.append(writer)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        starting = asyncio.create_task(start_producer(Settings(kafka_bootstrap_servers=address)))
        await eventually_async(lambda: len(attempts) >= 3, 10)

        assert not starting.done()
        starting.cancel()
        await asyncio.wait({starting})


async def test_giving_up_on_a_kafka_that_does_not_answer_leaves_nothing_open():
    connected = asyncio.Event()

    async def never_answer(reader, writer):
        connected.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(never_answer, "127.0.0.1", 0) as silent:
        server = f"127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        starting = asyncio.create_task(start_producer(Settings(kafka_bootstrap_servers=server)))
        await connected.wait()

        starting.cancel()
        await asyncio.wait({starting})

    del starting
    gc.collect()  # a client that was not closed would warn now
