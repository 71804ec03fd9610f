"""How far groups are behind, as a real Kafka tells it."""

import asyncio
import socket

import pytest
from confluent_kafka import TopicPartition

from connector.edges.lag import LagReader, PartitionLag
from connector.errors import OperationalError
from connector.settings import Settings
from tests.eventually import eventually_async


@pytest.fixture
async def reader(cluster):
    async with LagReader(Settings(kafka_bootstrap_servers=cluster.bootstrap_servers)) as reader:
        yield reader


@pytest.mark.parametrize(
    ("begin", "end", "committed", "lag"),
    [
        pytest.param(0, 10, None, 10, id="never committed"),
        pytest.param(4, 10, None, 6, id="never committed, the beginning is gone"),
        pytest.param(0, 10, 0, 10, id="committed the beginning"),
        pytest.param(0, 10, 7, 3, id="in the middle"),
        pytest.param(0, 10, 10, 0, id="at the end"),
        pytest.param(8, 10, 3, 2, id="what was next is gone"),
        pytest.param(0, 10, 12, 0, id="committed more than there is"),
        pytest.param(0, 0, None, 0, id="empty"),
    ],
)
def test_lag_is_what_is_there_and_not_committed(begin, end, committed, lag):
    assert PartitionLag("events", 0, begin, end, committed).lag == lag


@pytest.mark.kafka
async def test_a_group_that_never_committed_has_all_before_it(reader, cluster):
    topic, group = cluster.topic(), cluster.name("group")
    cluster.write(topic, [b"1", b"2", b"3"])

    [found] = await reader.read(topic, group)

    assert found == PartitionLag(topic, 0, begin=0, end=3, committed=None)


@pytest.mark.kafka
async def test_partitions_come_in_order_each_with_its_own_offsets(reader, cluster):
    topic, group = cluster.topic(partitions=12), cluster.name("group")
    cluster.write(topic, [b"1", b"2"], partition=3)
    cluster.write(topic, [b"1"], partition=11)
    cluster.commit(group, {(topic, 3): 1, (topic, 11): 1})

    found = await reader.read(topic, group)

    assert [each.partition for each in found] == list(range(12))
    assert {each.partition: (each.end, each.committed) for each in found if each.end} == {
        3: (2, 1),
        11: (1, 1),
    }
    assert sum(each.lag for each in found) == 1


@pytest.mark.kafka
async def test_lag_follows_writes_and_commits(reader, cluster):
    topic, group = cluster.topic(), cluster.name("group")
    cluster.write(topic, [b"1", b"2"])
    cluster.commit(group, {(topic, 0): 2})
    before = await reader.read(topic, group)
    cluster.write(topic, [b"3", b"4", b"5"])

    after = await reader.read(topic, group)

    assert [each.lag for each in (*before, *after)] == [0, 3]


@pytest.mark.kafka
async def test_records_that_were_deleted_are_not_waited_for(reader, cluster):
    topic, group = cluster.topic(), cluster.name("group")
    cluster.write(topic, [b"1", b"2", b"3", b"4"])
    cluster.commit(group, {(topic, 0): 1})
    [future] = cluster.admin.delete_records([TopicPartition(topic, 0, 3)]).values()
    future.result(10)

    [found] = await reader.read(topic, group)

    assert (found.begin, found.committed, found.lag) == (3, 1, 1)


@pytest.mark.kafka
async def test_a_topic_that_does_not_exist_has_no_lag_of_zero(reader, cluster, monkeypatch):
    monkeypatch.setattr("connector.edges.lag.PATIENCE_S", 0.3)
    topic = cluster.name("missing")

    with pytest.raises(OperationalError, match=f"lag of none on {topic}: the topic does not exist"):
        await reader.read(topic, "none")


@pytest.mark.kafka
async def test_a_topic_that_is_being_made_is_waited_for(reader, cluster, monkeypatch):
    topic, asked, ask = cluster.name(), [], reader._partitions
    monkeypatch.setattr(reader, "_partitions", lambda name: asked.append(name) or ask(name))
    reading = asyncio.create_task(reader.read(topic, "none"))
    await eventually_async(lambda: len(asked) > 1, 5)

    await asyncio.to_thread(cluster.create, topic, 2)

    assert [each.partition for each in await reading] == [0, 1]


async def test_a_broker_that_cannot_be_reached_is_an_operational_error():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{free.getsockname()[1]}"

        with pytest.raises(OperationalError, match=f"Kafka at {server} cannot be reached"):
            async with LagReader(Settings(kafka_bootstrap_servers=server)):
                pass
