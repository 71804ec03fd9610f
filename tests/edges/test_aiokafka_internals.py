"""What we use of aiokafka without its leave: these tests fail when an upgrade changes it."""

import asyncio
import gc
import inspect
from collections import OrderedDict
from contextlib import asynccontextmanager
from importlib.metadata import version

import pytest
from aiokafka import AIOKafkaClient, AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import OAuthAuthenticator
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import KafkaError, SaslAuthenticationFailed
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from connector.delivery.offset_map import LONGEST
from connector.edges import aiokafka_internals
from connector.edges.aiokafka_internals import (
    committed_with_metadata,
    describe_topics,
    end_fetches_first,
    hear_late_commits,
    is_member,
    let_others_first,
    notice_refused_tokens,
    rejoin,
    stay_in_group,
)
from connector.embedded import EmbeddedKafka
from tests.eventually import eventually_async

# Parts that exist; these tests need no Kafka.


def test_the_module_was_checked_against_the_installed_version():
    major_and_minor = ".".join(version("aiokafka").split(".")[:2])

    assert f"Checked against aiokafka {major_and_minor};" in aiokafka_internals.__doc__


def test_a_coordinator_fetches_offsets_of_partitions():
    assert inspect.iscoroutinefunction(GroupCoordinator.fetch_committed_offsets)
    assert list(inspect.signature(GroupCoordinator.fetch_committed_offsets).parameters) == [
        "self",
        "partitions",
    ]


def test_a_coordinator_can_be_asked_to_rejoin():
    assert not inspect.iscoroutinefunction(GroupCoordinator.request_rejoin)
    assert list(inspect.signature(GroupCoordinator.request_rejoin).parameters) == ["self"]


async def test_a_coordinator_has_a_generation_that_is_not_positive_outside_of_a_group():
    coordinator = GroupCoordinator(AIOKafkaClient(), SubscriptionState())

    assert coordinator.generation <= 0
    await coordinator.close()


class OneToken:
    async def token(self):
        return "the-token"


async def test_a_broker_that_answers_a_token_with_a_text_refuses_it():
    notice_refused_tokens()
    login = OAuthAuthenticator(sasl_oauth_token_provider=OneToken())
    sent, _ = await login.step(None)

    with pytest.raises(SaslAuthenticationFailed):
        await login.step(b'{"status":"invalid_token"}')

    assert b"Bearer the-token" in sent


async def test_a_broker_that_answers_a_token_with_nothing_takes_it():
    notice_refused_tokens()
    login = OAuthAuthenticator(sasl_oauth_token_provider=OneToken())
    await login.step(None)

    assert await login.step(b"") is None


async def test_a_commit_that_fails_when_nobody_waits_any_more_is_not_told(monkeypatch):
    async def fails_late(self, assignment, offsets):
        await asyncio.sleep(0)
        raise KafkaError("late")

    monkeypatch.setattr(GroupCoordinator, "_do_commit_offsets", fails_late)
    hear_late_commits()
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))

    commit = asyncio.ensure_future(GroupCoordinator._do_commit_offsets(None, None, None))
    asyncio.shield(commit).cancel()
    await asyncio.wait([commit])
    del commit
    gc.collect()

    assert told == []


async def test_a_fetcher_that_waits_for_a_request_can_be_closed_at_any_time():
    end_fetches_first()
    fetcher = Fetcher(AIOKafkaClient(), SubscriptionState())
    fetcher._pending_tasks.add(asyncio.ensure_future(asyncio.sleep(60)))
    await asyncio.sleep(0)

    await fetcher.close()

    assert fetcher._fetch_task.done()
    assert not fetcher._pending_tasks


async def test_a_fetcher_keeps_prefetched_records_in_an_ordered_dictionary():
    fetcher = Fetcher(AIOKafkaClient(), SubscriptionState())

    assert type(fetcher._records) is OrderedDict
    await fetcher.close()


async def test_a_consumer_has_both_once_it_is_started():
    consumer = AIOKafkaConsumer()

    assert (consumer._coordinator, consumer._fetcher) == (None, None)
    await consumer.stop()


# What they do, on a real Kafka.


class Rebalances(ConsumerRebalanceListener):
    """Notes what a group tells."""

    def __init__(self):
        self.revoked = []
        self.assigned = []

    async def on_partitions_revoked(self, revoked):
        self.revoked.append(revoked)

    async def on_partitions_assigned(self, assigned):
        self.assigned.append(assigned)


@pytest.fixture
def member(cluster):
    """Make consumers in groups of their own."""

    @asynccontextmanager
    async def make(topic, *, group=None, listener=None, **more):
        consumer = AIOKafkaConsumer(
            bootstrap_servers=cluster.bootstrap_servers,
            group_id=group or cluster.name("group"),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            **more,
        )
        consumer.subscribe([topic], listener=listener)
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    return make


async def prefetched(consumer, *partitions):
    """Wait until records of these partitions are there."""
    await eventually_async(lambda: set(partitions) <= consumer._fetcher._records.keys(), 10)


@pytest.mark.kafka
async def test_metadata_of_commits_is_read_back(cluster, member):
    topic, group = cluster.topic(partitions=3), cluster.name("group")
    partitions = [TopicPartition(topic, number) for number in range(3)]
    async with member(topic, group=group) as consumer:
        await consumer.commit(
            {partitions[0]: OffsetAndMetadata(5, "1:1.1"), partitions[1]: OffsetAndMetadata(7, "")}
        )

        found = await committed_with_metadata(consumer, partitions)

    assert found == {
        partitions[0]: OffsetAndMetadata(5, "1:1.1"),
        partitions[1]: OffsetAndMetadata(7, ""),
    }


@pytest.mark.kafka
async def test_metadata_of_another_member_is_read_back_whole(cluster, member):
    topic, group, longest = cluster.topic(), cluster.name("group"), "1:".ljust(LONGEST, "f")
    partition = TopicPartition(topic, 0)
    async with member(topic, group=group) as consumer:
        await consumer.commit({partition: OffsetAndMetadata(3, longest)})

    async with member(topic, group=group) as consumer:
        found = await committed_with_metadata(consumer, frozenset({partition}))

    assert found == {partition: OffsetAndMetadata(3, longest)}


@pytest.mark.kafka
async def test_a_consumer_is_a_member_until_it_leaves(cluster, member):
    async with member(cluster.topic()) as consumer:
        before = is_member(consumer)

    assert (before, is_member(consumer)) == (True, False)


@pytest.mark.kafka
async def test_staying_in_the_group_takes_no_records_and_drops_none(cluster, member):
    topic = cluster.topic()
    cluster.write(topic, [b"1", b"2"])
    partition = TopicPartition(topic, 0)
    async with member(topic) as consumer:
        await prefetched(consumer, partition)
        kept = consumer._fetcher._records[partition]
        consumer.pause(partition)

        await stay_in_group(consumer)

        assert consumer._fetcher._records[partition] is kept
        consumer.resume(partition)
        found = await consumer.getmany()
    assert [record.value for record in found[partition]] == [b"1", b"2"]


@pytest.mark.kafka
async def test_asking_for_paused_partitions_would_drop_their_records(cluster, member):
    topic = cluster.topic()
    cluster.write(topic, [b"1", b"2"])
    partition = TopicPartition(topic, 0)
    async with member(topic) as consumer:
        await prefetched(consumer, partition)
        consumer.pause(partition)

        await consumer.getmany(partition)

        assert partition not in consumer._fetcher._records


@pytest.mark.kafka
async def test_who_does_not_show_life_leaves_the_group_and_who_does_stays(cluster, member):
    topic = cluster.topic()
    short = {"max_poll_interval_ms": 1000, "heartbeat_interval_ms": 100}
    async with member(topic, **short) as silent, member(topic, **short) as lively:
        generation = lively._coordinator.generation

        async def silent_has_left():
            await stay_in_group(lively)
            return not is_member(silent)

        await eventually_async(silent_has_left, 10)

        assert is_member(lively)
        assert lively._coordinator.generation == generation


@pytest.mark.kafka
async def test_a_rejoin_revokes_and_assigns_anew(cluster, member):
    topic, listener = cluster.topic(), Rebalances()
    async with member(topic, listener=listener) as consumer:
        generation = consumer._coordinator.generation

        rejoin(consumer)
        await eventually_async(lambda: len(listener.assigned) == 2, 10)

        mine = {TopicPartition(topic, 0)}
        assert listener.assigned == [mine, mine]
        assert listener.revoked == [set(), mine]
        assert consumer._coordinator.generation > generation


@pytest.mark.kafka
async def test_a_partition_that_lets_others_first_is_read_after_them(cluster, member):
    topic = cluster.topic(partitions=3)
    partitions = [TopicPartition(topic, number) for number in range(3)]
    for partition in partitions:
        cluster.write(topic, [b"%d" % number for number in range(10)], partition.partition)
    async with member(topic) as consumer:
        await prefetched(consumer, *partitions)
        order = []
        for _ in range(6):
            [(partition, [record])] = (await consumer.getmany(max_records=1)).items()
            order.append((partition, record.value))
            let_others_first(consumer, partition)

    assert [partition for partition, _ in order[:3]] == [partition for partition, _ in order[3:]]
    assert {partition for partition, _ in order} == set(partitions)
    assert [value for _, value in order] == [b"0"] * 3 + [b"1"] * 3


@pytest.mark.kafka
async def test_without_that_one_partition_is_emptied_before_the_next(cluster, member):
    topic = cluster.topic(partitions=2)
    partitions = [TopicPartition(topic, number) for number in range(2)]
    for partition in partitions:
        cluster.write(topic, [b"1", b"2"], partition.partition)
    async with member(topic) as consumer:
        await prefetched(consumer, *partitions)

        read = [next(iter(await consumer.getmany(max_records=1))) for _ in range(2)]

    assert read[0] == read[1]


@pytest.mark.kafka
async def test_a_partition_without_prefetched_records_has_nothing_to_let_go_first(cluster, member):
    topic = cluster.topic()
    async with member(topic) as consumer:
        let_others_first(consumer, TopicPartition(topic, 0))

        assert await asyncio.wait_for(consumer.getmany(), 5) == {}


@pytest.fixture(scope="module")
def creating_broker():
    """A broker that makes topics when somebody asks for them, as Kafka's default is."""
    with EmbeddedKafka(properties={"auto.create.topics.enable": "true"}) as kafka:
        yield kafka


@pytest.mark.kafka
async def test_describing_a_missing_topic_does_not_make_it(creating_broker):
    admin = AIOKafkaAdminClient(bootstrap_servers=creating_broker.bootstrap_servers)
    await admin.start()
    try:
        described = [await describe_topics(admin, ["missing"]) for _ in range(3)]
        topics = await admin.list_topics()
        await admin.describe_topics(["asked"])  # would be enough if it made nothing
        await eventually_async(lambda: asked_for(admin), 10)
    finally:
        await admin.close()

    assert [(topic["topic"], topic["error_code"]) for [topic] in described] == [("missing", 3)] * 3
    assert topics == []


async def asked_for(admin):
    return await admin.list_topics() == ["asked"]


@pytest.mark.kafka
async def test_topics_are_described_with_their_partitions(cluster):
    topic = cluster.topic(partitions=3)
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers)
    await admin.start()
    try:
        [described] = await describe_topics(admin, [topic])
    finally:
        await admin.close()

    assert (described["topic"], described["error_code"]) == (topic, 0)
    assert sorted(partition["partition"] for partition in described["partitions"]) == [0, 1, 2]
