"""Bounded ranges of a topic on a real Kafka."""

import pytest
from confluent_kafka import Producer

from connector.delivery.selection import Range
from connector.edges.replay.reading import Wanted, range_reader
from connector.errors import ConfigurationError, OperationalError
from connector.settings import Settings
from tests.eventually import eventually_async

pytestmark = pytest.mark.kafka

BASE = 1_764_000_000
EVERYTHING = Wanted()


def write_at(cluster, topic, seconds, partition=0):
    """Write one record for each time, in epoch seconds."""
    for at in seconds:
        cluster.write(topic, [b"%d" % at], partition=partition, timestamp=at * 1000)


def transaction(cluster, topic, values, *, commit):
    producer = Producer(
        {"bootstrap.servers": cluster.bootstrap_servers, "transactional.id": cluster.name("tx")}
    )
    producer.init_transactions(20)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(20) == 0  # an abort would take back what is not sent yet
    (producer.commit_transaction if commit else producer.abort_transaction)(20)


async def ranges_and_records(cluster, topic, wanted=EVERYTHING):
    async with range_reader(Settings(kafka_bootstrap_servers=cluster.bootstrap_servers), topic) as reader:
        ranges = await reader.ranges(wanted)
        return ranges, [record.value async for records in reader.read(ranges) for record in records]


@pytest.mark.parametrize(
    ("wanted", "ranges"),
    [
        pytest.param(Wanted(), {0: Range(0, 4), 1: Range(0, 2)}, id="everything"),
        pytest.param(Wanted(since=BASE + 20), {0: Range(2, 4), 1: Range(1, 2)}, id="since"),
        pytest.param(Wanted(since=BASE + 11, until=BASE + 30), {0: Range(2, 3), 1: Range(1, 2)}, id="between"),
        pytest.param(Wanted(since=BASE + 99), {}, id="later than all"),
        pytest.param(Wanted(until=BASE - 1), {}, id="earlier than all"),
        pytest.param(Wanted(offsets={0: (1, None)}), {0: Range(1, 4)}, id="from an offset"),
        pytest.param(Wanted(offsets={0: (1, 3), 1: (0, 99)}), {0: Range(1, 3), 1: Range(0, 2)}, id="offsets"),
        pytest.param(Wanted(offsets={0: (2, None)}, until=BASE + 30), {0: Range(2, 3)}, id="offset and until"),
    ],
)  # fmt: skip
async def test_a_range_is_found_by_time_and_by_offsets(cluster, wanted, ranges):
    topic = cluster.topic(partitions=3)
    write_at(cluster, topic, [BASE, BASE + 10, BASE + 20, BASE + 30])
    write_at(cluster, topic, [BASE + 10, BASE + 20], partition=1)

    found, records = await ranges_and_records(cluster, topic, wanted)

    assert found == ranges
    assert len(records) == sum(range_.end - range_.start for range_ in ranges.values())


async def test_ends_that_are_markers_or_aborted_are_reached(cluster):
    topic = cluster.topic()
    cluster.write(topic, [b"1"])
    transaction(cluster, topic, [b"2", b"3"], commit=True)
    transaction(cluster, topic, [b"4"], commit=False)

    async def settled():  # markers are written after the client was answered
        ranges, records = await ranges_and_records(cluster, topic)
        return ranges == {0: Range(0, 6)} and records

    records = await eventually_async(settled, 10)

    assert records == [b"1", b"2", b"3"]


async def test_a_missing_topic_or_partition_is_told(cluster):
    topic = cluster.topic()

    with pytest.raises(OperationalError, match="nowhere does not exist"):
        await ranges_and_records(cluster, "nowhere")
    with pytest.raises(ConfigurationError, match=r"--from-offsets: .* has no partition 4"):
        await ranges_and_records(cluster, topic, Wanted(offsets={4: (0, None)}))
