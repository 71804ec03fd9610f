"""Topics as they are and as they should be, on a real Kafka."""

import socket

import pytest

from connector.edges.topic_admin import topic_admin, topics_in_use
from connector.errors import OperationalError
from connector.settings import Settings
from tests.eventually import eventually_async


@pytest.fixture
def settings(cluster):
    return Settings(
        kafka_bootstrap_servers=cluster.bootstrap_servers,
        source_topic=cluster.name("source"),
        by_user_topic=cluster.name("by-user"),
        dead_letter_topic=cluster.name("dead"),
        control_topic=cluster.name("control"),
    )


async def diffs(settings):
    """Compare; by role."""
    async with topic_admin(settings) as admin:
        return {diff.spec.role: diff for diff in await admin.diff()}


async def apply(settings):
    """Apply all, and wait until the broker shows what its controller has made."""
    async with topic_admin(settings) as admin:
        for diff in await admin.diff():
            await admin.apply(diff)

        async def everything_exists():
            return all(diff.exists for diff in await admin.diff())

        await eventually_async(everything_exists, 10)


def with_changes(settings, **changes):
    """Settings are slotted and frozen, so they are made anew."""
    known = {name: getattr(settings, name) for name in Settings.__slots__}
    return Settings(**{**known, **changes})


def test_topics_have_the_names_that_the_settings_give_them():
    settings = Settings(source_topic="a", by_user_topic="b", dead_letter_topic="c", control_topic="d")

    assert [(spec.role, name) for spec, name in topics_in_use(settings)] == [
        ("source", "a"),
        ("by-user", "b"),
        ("dead-letter", "c"),
        ("control", "d"),
    ]


def test_a_source_that_is_keyed_already_needs_no_by_user_topic():
    used = topics_in_use(Settings(partitioning="source"))

    assert [spec.role for spec, _ in used] == ["source", "dead-letter", "control"]


@pytest.mark.kafka
async def test_missing_topics_need_to_be_created(settings):
    found = await diffs(settings)

    assert list(found) == ["source", "by-user", "dead-letter", "control"]
    assert {(diff.exists, diff.needs) for diff in found.values()} == {(False, "create")}


@pytest.mark.kafka
async def test_topics_are_created_as_specified_and_need_nothing_then(settings, cluster):
    await apply(settings)

    found = await diffs(settings)
    assert {diff.needs for diff in found.values()} == {"nothing"}
    for diff in found.values():
        assert diff.partitions == diff.spec.partitions == cluster.partitions(diff.name)
        assert diff.spec.settings.items() <= cluster.settings(diff.name).items()


@pytest.mark.kafka
async def test_a_topic_that_somebody_else_created_meanwhile_is_no_error(settings):
    async with topic_admin(settings) as admin:
        old = await admin.diff()
        await apply(settings)

        for diff in old:
            await admin.apply(diff)

    assert {diff.needs for diff in (await diffs(settings)).values()} == {"nothing"}


@pytest.mark.kafka
async def test_settings_that_differ_are_told_as_they_are_and_as_wanted(settings, cluster):
    await apply(settings)
    own = with_changes(settings, by_user_topic=cluster.topic(retention_ms="60000"))

    found = (await diffs(own))["by-user"]

    assert (found.exists, found.needs, found.partitions) == (True, "change", 1)
    assert found.changes == {
        "retention.ms": ("60000", "604800000"),
        "message.timestamp.type": ("CreateTime", "LogAppendTime"),
        "max.message.bytes": ("1048588", "67108864"),
    }


@pytest.mark.kafka
async def test_a_change_sets_what_differs_and_keeps_what_others_set(settings, cluster):
    topic = cluster.topic(partitions=3, retention_ms="60000", retention_bytes="123456789")
    own = with_changes(settings, by_user_topic=topic)

    await apply(own)

    assert (await diffs(own))["by-user"].needs == "nothing"
    found = cluster.settings(topic)
    assert found["retention.ms"] == "604800000"
    assert found["retention.bytes"] == "123456789"
    assert cluster.partitions(topic) == 3


@pytest.mark.kafka
async def test_a_source_topic_that_exists_is_never_changed(settings, cluster):
    topic = cluster.topic(retention_ms="60000")
    own = with_changes(settings, source_topic=topic)

    found = (await diffs(own))["source"]
    await apply(own)

    assert (found.needs, found.changes) == ("nothing", {})
    assert cluster.settings(topic)["retention.ms"] == "60000"


@pytest.mark.kafka
async def test_the_replication_that_was_set_is_asked_for(settings):
    async with topic_admin(with_changes(settings, topic_replication=1)) as admin:
        for diff in await admin.diff():
            await admin.apply(diff)

    async with topic_admin(with_changes(settings, topic_replication=99, source_topic="new")) as admin:
        diff = (await admin.diff())[0]
        with pytest.raises(OperationalError, match=r"^new: .*replicat"):
            await admin.apply(diff)


@pytest.mark.kafka
async def test_partitions_are_counted_of_topics_that_exist(settings, cluster):
    topic = cluster.topic(partitions=5)

    async with topic_admin(settings) as admin:
        counts = await admin.partition_counts([topic, cluster.name("missing")])

    assert counts == {topic: 5}


@pytest.mark.kafka
async def test_a_topic_grows_but_never_shrinks(settings, cluster):
    topic = cluster.topic(partitions=2)

    async with topic_admin(settings) as admin:
        await admin.grow(topic, 4)
        await eventually_async(lambda: cluster.partitions(topic) == 4, 10)
        with pytest.raises(OperationalError, match=f"partitions of {topic} cannot be added"):
            await admin.grow(topic, 3)

    assert cluster.partitions(topic) == 4


@pytest.mark.kafka
async def test_a_name_that_kafka_refuses_is_told_with_its_reason(settings):
    async with topic_admin(settings) as admin:
        with pytest.raises(OperationalError, match="not a legal name!"):
            await admin.partition_counts(["not a legal name!"])


async def test_a_broker_that_cannot_be_reached_is_named_along_with_the_setting():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{free.getsockname()[1]}"

        with pytest.raises(OperationalError) as caught:
            async with topic_admin(Settings(kafka_bootstrap_servers=server)):
                pass

    assert f"Kafka at {server} cannot be reached" in str(caught.value)
    assert "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS" in str(caught.value)
