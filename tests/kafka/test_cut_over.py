"""What docs/howto/cut-over.md tells to do with the group before the first worker starts."""

import time

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition

from tests.eventually import eventually
from tests.kafka.stack import track

pytestmark = pytest.mark.kafka


def test_a_group_that_was_moved_to_a_time_begins_there_and_sends_nothing_from_before(stack):
    stack.produce(track(f"old{number}", 1) for number in range(20))
    cut_ms = until_the_next_millisecond()
    stack.produce(track(f"new{number}", 1) for number in range(20))

    move(stack, f"{stack.group}.ingest", cut_ms)
    stack.start_worker()

    eventually(lambda: people(stack) >= {f"new{number}" for number in range(20)}, 60, what="all new people")
    assert people(stack) == {f"new{number}" for number in range(20)}
    assert stack.dead_letters() == []


def until_the_next_millisecond():
    """Give a time that no record before has, as Kafka's records know milliseconds only."""
    now_ms = int(time.time() * 1000)
    eventually(lambda: int(time.time() * 1000) > now_ms + 1, 5)
    return now_ms + 1


def move(stack, group, time_ms):
    """Do what `kafka-consumer-groups.sh --reset-offsets --to-datetime --execute` does."""
    consumer = Consumer({"bootstrap.servers": stack.bootstrap_servers, "group.id": "unused"})
    try:
        times = [TopicPartition(stack.source, number, time_ms) for number in range(stack.partitions)]
        ends = stack.ends(stack.source, consumer)
        found = consumer.offsets_for_times(times, timeout=10)
    finally:
        consumer.close()
    offsets = [
        TopicPartition(
            stack.source, each.partition, each.offset if each.offset >= 0 else ends[each.partition]
        )
        for each in found
    ]
    # A broker that has just started says at first that it still reads what groups there are.
    eventually(lambda: errors(stack.admin, group, offsets) == [], 30, what="the move of the group")


def errors(admin, group, offsets):
    [future] = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, offsets)]).values()
    return [each.error for each in future.result(30).topic_partitions if each.error is not None]


def people(stack):
    return {request["person"] for request in stack.simulator.requests() if request["method"] != "GET"}
