"""Why a worker exposes no lag: what it knows of the end of a partition stands still while it does not fetch."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition


async def read_one(consumer, place):
    return await asyncio.wait_for(consumer.getone(place), 30)


@pytest.mark.kafka
async def test_the_known_end_of_a_paused_partition_does_not_move(cluster):
    paused, other = TopicPartition(cluster.topic(), 0), TopicPartition(cluster.topic(), 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap_servers, auto_offset_reset="earliest")
    consumer.assign([paused, other])
    await consumer.start()
    try:
        cluster.write(paused.topic, [b"1"])
        await read_one(consumer, paused)
        consumer.pause(paused)
        cluster.write(other.topic, [b"the fetch that may have been under way ends with this"])
        await read_one(consumer, other)
        cluster.write(paused.topic, [b"2"])
        cluster.write(other.topic, [b"fetching goes on"])
        await read_one(consumer, other)

        known, real = consumer.highwater(paused), (await consumer.end_offsets([paused]))[paused]
    finally:
        await consumer.stop()

    assert (known, real) == (1, 2)
