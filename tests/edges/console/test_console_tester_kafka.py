"""Events of a real Kafka for the tester."""

import json
import time

import pytest
from confluent_kafka import Producer

from connector.delivery.letter import Place
from connector.edges.console.tester_events import NEWEST, KafkaRecords
from connector.errors import OperationalError
from tests.edges.dead_letters.dlq_topics import DeadLetters, track

pytestmark = pytest.mark.kafka


@pytest.fixture
def topics(broker):
    return DeadLetters(broker.bootstrap_servers)


def offsets(records):
    return [(each.partition, each.offset) for each in records]


async def test_the_newest_records_of_all_partitions_come_newest_first(topics):
    for number in range(30):
        topics.producer.produce(
            topics.by_user,
            json.dumps({"n": number}).encode(),
            partition=number % 4,
            timestamp=1_700_000_000_000 + number,
        )
    topics.producer.flush()

    found = await KafkaRecords().newest(topics.settings)

    assert [json.loads(each.value)["n"] for each in found] == list(range(29, 29 - NEWEST, -1))


async def test_what_a_transaction_took_back_is_not_shown(topics):
    producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "transactional.id": topics.by_user})
    producer.init_transactions()
    for number, end in ((1, producer.commit_transaction), (2, producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(topics.by_user, json.dumps({"n": number}).encode(), partition=0)
        end()

    found = await KafkaRecords().newest(topics.settings)

    assert [json.loads(each.value)["n"] for each in found] == [1]


async def test_one_record_is_found_at_its_place_and_nothing_elsewhere(topics):
    partition, offset = topics.write(topics.by_user, b"u1", b"{}", [])
    records = KafkaRecords()

    found = await records.at(topics.settings, Place(partition, offset))

    assert offsets([found]) == [(partition, offset)]
    for place in (Place(partition, offset + 1), Place(99, 0)):
        assert await records.at(topics.settings, place) is None


async def test_an_empty_topic_has_nothing_and_a_missing_one_is_told(topics):
    assert await KafkaRecords().newest(topics.settings) == []
    settings = topics.settings.__class__.from_environment(
        {**topics.environment, "CONNECTOR_BY_USER_TOPIC": "missing-x"}
    )

    with pytest.raises(OperationalError, match="topics apply"):
        await KafkaRecords().newest(settings)


async def test_a_dead_letter_is_found_at_its_place(topics):
    partition, offset = topics.letter("u1", 0)

    found = await KafkaRecords().letter(topics.settings, "test", Place(partition, offset))

    assert found.events(largest=10_000) == [track("u1", 0)]
    assert await KafkaRecords().letter(topics.settings, "test", Place(partition, offset + 1)) is None


async def test_large_records_are_read_within_the_limit_of_bytes(topics):
    for number in range(15):
        topics.producer.produce(topics.by_user, b"x" * 900_000, partition=number % 4)
    topics.producer.flush()
    begun = time.monotonic()

    found = await KafkaRecords().newest(topics.settings)

    assert 8 <= len(found) <= 15
    assert time.monotonic() - begun < 15
