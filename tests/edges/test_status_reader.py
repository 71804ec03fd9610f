"""The look at a real Kafka behind `status`: groups, ages, and what lies there without workers."""

import time

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from confluent_kafka import Producer

from connector.delivery.offset_map import encode_map
from connector.delivery.offsets import Run
from connector.edges import status_reader as module
from connector.edges.control_topic import tell
from connector.edges.status_reader import StatusReader
from connector.edges.status_report import Limits
from connector.settings import Settings
from tests.eventually import eventually_async

pytestmark = pytest.mark.kafka

LIMITS = Limits(silent_after_s=20.0, stuck_after_s=300.0)


@pytest.fixture
def settings(cluster, tmp_path):
    file = tmp_path / "destination.yaml"
    file.write_text("id: production\n")
    source, by_user = cluster.topic(), cluster.topic(partitions=2)
    return Settings(
        kafka_bootstrap_servers=cluster.bootstrap_servers,
        source_topic=source,
        by_user_topic=by_user,
        control_topic=cluster.topic(cleanup_policy="compact"),
        group_id=cluster.name("group"),
        destination_file=file,
    )


async def look(settings, limits=LIMITS):
    async with StatusReader(settings, limits) as reader:
        return await reader.read()


def deliver(report):
    [group] = [each for each in report.groups if each.stage == "deliver"]
    return group


def at(age_s):
    return round((time.time() - age_s) * 1000)


async def test_both_stages_are_shown_before_any_worker_ran(settings):
    report = await look(settings)

    assert [(each.stage, each.topic, each.state, each.lag) for each in report.groups] == [
        ("ingest", settings.source_topic, "Dead", 0),
        ("deliver", settings.by_user_topic, "Dead", 0),
    ]
    assert report.findings == []


async def test_the_age_is_that_of_the_first_record_that_is_not_committed(settings, cluster):
    group = settings.deliver_group("production")
    for age_s in (500, 200, 100):
        cluster.write(settings.by_user_topic, [b"{}"], timestamp=at(age_s))
    cluster.commit(group, {(settings.by_user_topic, 0): 1})

    found = deliver(await look(settings))

    assert (found.lag, [each.lag for each in found.partitions]) == (2, [2, 0])
    assert found.oldest_age_s == pytest.approx(200, abs=5)


async def test_what_is_settled_above_the_watermark_is_read_from_the_map_of_the_commit(settings, cluster):
    group, topic = settings.deliver_group("production"), settings.by_user_topic
    cluster.write(topic, [b"{}"] * 10)
    # The other client does not send what it is given as metadata.
    member = AIOKafkaConsumer(
        bootstrap_servers=cluster.bootstrap_servers, group_id=group, enable_auto_commit=False
    )
    await member.start()
    member.assign([TopicPartition(topic, 0)])
    await member.commit({TopicPartition(topic, 0): (2, encode_map(2, [Run(3, 5), Run(8, 8)]))})
    await member.stop()

    [first, _] = deliver(await look(settings)).partitions

    assert (first.committed, first.lag, first.settled_above) == (2, 8, 4)


async def test_marks_of_transactions_at_the_end_are_no_lag(settings, cluster):
    topic = settings.by_user_topic
    producer = Producer(
        {"bootstrap.servers": cluster.bootstrap_servers, "transactional.id": cluster.name("transaction")}
    )
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, b"{}", partition=0)
    producer.commit_transaction(20)
    producer.begin_transaction()
    producer.produce(topic, b"{}", partition=0)
    producer.flush(20)
    producer.abort_transaction(20)
    cluster.commit(settings.deliver_group("production"), {(topic, 0): 1})

    [first, _] = deliver(await look(settings)).partitions

    assert (first.end, first.lag) == (4, 0)


async def test_a_partition_that_is_old_is_looked_at_twice_before_it_is_called_stuck(
    settings, cluster, monkeypatch
):
    monkeypatch.setattr(module, "SECOND_LOOK_S", 0.1)
    cluster.write(settings.by_user_topic, [b"{}"] * 2, timestamp=at(500))

    report = await look(settings)

    assert [each.partitions for each in report.findings if each.code == "stuck"] == [[0]]
    async with StatusReader(settings, LIMITS) as reader:
        first = await reader.look()
        cluster.commit(settings.deliver_group("production"), {(settings.by_user_topic, 0): 1})
        second = await reader.look()
    assert [each.code for each in (*first.findings, *second.findings) if each.code == "stuck"] == []


async def test_missing_topics_are_told_each_in_its_way(settings, cluster):
    changed = {"control_topic": cluster.name("control"), "by_user_topic": cluster.name("by-user")}
    settings = Settings(**{name: getattr(settings, name) for name in NAMES} | changed)

    report = await look(settings)

    assert [(each.code, changed["by_user_topic"] in each.text) for each in report.findings] == [
        ("topic_missing", True)
    ]
    [note] = report.notes
    assert note.startswith(f"control topic {changed['control_topic']} is missing")
    assert report.workers == []
    topics = cluster.admin.list_topics(timeout=10).topics
    assert not topics.keys() & set(changed.values())


NAMES = ("kafka_bootstrap_servers", "source_topic", "group_id", "destination_file")


async def test_without_a_destination_file_the_groups_are_found_on_kafka(settings, cluster):
    group = settings.deliver_group("another")
    cluster.write(settings.by_user_topic, [b"{}"])
    cluster.commit(group, {(settings.by_user_topic, 0): 0})
    with_file = await look(settings)
    settings.destination_file.unlink()

    without = await look(settings)

    assert deliver(with_file).group == settings.deliver_group("production")
    assert (deliver(without).group, deliver(without).lag) == (group, 1)


async def test_one_who_follows_sees_what_is_said_later(settings):
    async with StatusReader(settings, LIMITS) as reader:
        assert (await reader.look()).pauses == []
        reader.follow()
        await tell(settings, "pause/production", {"paused": True, "at": time.time(), "by": "ops"})

        async def is_paused():
            return [each.by for each in (await reader.look()).pauses] == ["ops"]

        await eventually_async(is_paused, 10)
