"""Topics, records and groups through librdkafka, a client the connector does not use."""

import time

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

QUIET = {"log_level": 0}


def client(kafka, **settings):
    """Settings of a client on the main listener; underscores stand for dots."""
    named = {name.replace("_", "."): value for name, value in settings.items()}
    return {"bootstrap.servers": kafka.bootstrap_servers, **QUIET, **named}


def create_topic(kafka, name, partitions=1, **config):
    config = {key.replace("_", "."): str(value) for key, value in config.items()}
    admin = AdminClient(client(kafka))
    admin.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(20)


def produce(kafka, topic, values, *, key=None, compression="none", **settings):
    errors = []
    producer = Producer(client(kafka, acks="all", compression_type=compression, **settings))
    for value in values:
        producer.produce(topic, value, key=key, on_delivery=lambda error, _: error and errors.append(error))
    assert producer.flush(30) == 0
    assert errors == []


def consume(kafka, topic, count, *, group="test", max_poll=500, within_s=30, **settings):
    """The values of the next records of a group, which commits what it got."""
    consumer = Consumer(
        client(kafka, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False, **settings)
    )
    values, deadline_s = [], time.monotonic() + within_s
    try:
        consumer.subscribe([topic])
        while len(values) < count:
            assert time.monotonic() < deadline_s, f"{len(values)} of {count} records"
            for record in consumer.consume(min(max_poll, count - len(values)), 0.2):
                assert record.error() is None
                values.append(record.value())
                consumer.commit(record, asynchronous=False) if len(values) == count else None
    finally:
        consumer.close()
    return values
