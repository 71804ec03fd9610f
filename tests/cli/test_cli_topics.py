"""`encharge-connector topics`."""

import pytest

from tests.cli.command import run
from topics import load_topics

NAMES = {
    "CONNECTOR_SOURCE_TOPIC": "mine",
    "CONNECTOR_BY_USER_TOPIC": "mine.by-user",
    "CONNECTOR_DEAD_LETTER_TOPIC": "mine.dead",
    "CONNECTOR_CONTROL_TOPIC": "mine.control",
}


def test_the_topics_in_use_are_listed_by_the_names_of_the_settings_without_asking_kafka():
    done = run("topics", "list", CONNECTOR_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1", **NAMES)

    assert done.code == 0
    assert [line for line in done.out.splitlines() if not line.startswith(" ")] == [
        "mine  (CONNECTOR_SOURCE_TOPIC, 8 partitions when new)",
        "mine.by-user  (CONNECTOR_BY_USER_TOPIC, 8 partitions when new)",
        "mine.dead  (CONNECTOR_DEAD_LETTER_TOPIC, 4 partitions when new)",
        "mine.control  (CONNECTOR_CONTROL_TOPIC, 1 partitions when new)",
    ]
    assert "    written by  the ingest stage\n" in done.out


def test_json_lists_everything_that_the_files_say():
    done = run("topics", "list", "--json", **NAMES)

    assert [row["name"] for row in done.json] == list(NAMES.values())
    for row, spec in zip(done.json, load_topics(), strict=True):
        assert (row["setting"], row["partitions"], row["settings"]) == (
            spec.setting,
            spec.partitions,
            spec.settings,
        )
        assert (row["key"], row["value"], row["schema"]) == (spec.key, spec.value, spec.value_schema)
        assert (row["written_by"], row["read_by"], row["why"]) == (spec.written_by, spec.read_by, spec.why)


def test_a_topic_that_the_settings_leave_out_is_not_listed():
    done = run("topics", "list", "--json", CONNECTOR_PARTITIONING="source")

    assert [row["name"] for row in done.json] == [
        "segment.events",
        "encharge.dead-letter",
        "encharge.control",
    ]


@pytest.mark.kafka
def test_apply_creates_what_diff_misses_and_a_dry_run_does_not(cluster):
    partitions = {cluster.source: 8, cluster.by_user: 8, cluster.dead: 4, cluster.control: 1}
    missing = [
        f"{name}: missing, would be created with {count} partitions" for name, count in partitions.items()
    ]

    before = run("topics", "diff", **cluster.environment)
    dry = run("topics", "apply", "--dry-run", **cluster.environment)
    after_dry = cluster.partitions()
    applied = run("topics", "apply", **cluster.environment)
    after = run("topics", "diff", **cluster.environment)
    again = run("topics", "apply", **cluster.environment)

    assert (before.code, before.out.splitlines()) == (1, missing)
    assert (dry.code, dry.out.splitlines()) == (0, missing)
    assert after_dry == {}
    assert (applied.code, applied.out.splitlines()) == (0, [f"{name}: created" for name in partitions])
    assert cluster.partitions() == partitions
    assert (after.code, after.out.splitlines()) == (
        0, [f"{name}: as it should be, {count} partitions" for name, count in partitions.items()],
    )  # fmt: skip
    assert (again.code, again.out.splitlines()) == (0, [f"{name}: as it should be" for name in partitions])
    for spec, name in zip(load_topics(), partitions, strict=True):
        config = cluster.config(name)
        assert {setting: config[setting] for setting in spec.settings} == spec.settings


@pytest.mark.kafka
def test_json_tells_what_is_and_what_is_wanted(cluster):
    created = run("topics", "apply", "--json", **cluster.environment)
    cluster.set(cluster.dead, {"retention.ms": "1000"})

    diff = run("topics", "diff", "--json", **cluster.environment)

    assert [(row["exists"], row["needs"]) for row in created.json] == [(False, "create")] * 4
    source, by_user, dead, _control = diff.json
    assert source == {
        "name": cluster.source,
        "exists": True,
        "partitions": 8,
        "needs": "nothing",
        "changes": {},
    }
    assert by_user["needs"] == "nothing"
    assert dead["needs"] == "change"
    assert dead["changes"] == {"retention.ms": {"is": "1000", "wanted": "2592000000"}}
    assert diff.code == 1


@pytest.mark.kafka
def test_apply_sets_what_differs_and_leaves_alone_what_others_set(cluster):
    run("topics", "apply", **cluster.environment)
    cluster.set(cluster.by_user, {"retention.ms": "1000", "segment.bytes": "1048576"})

    differs = run("topics", "diff", **cluster.environment)
    applied = run("topics", "apply", **cluster.environment)

    assert differs.code == 1
    assert f"{cluster.by_user}: differs: retention.ms is 1000, wanted 604800000" in differs.out.splitlines()
    assert (applied.code, applied.out.splitlines()[1]) == (0, f"{cluster.by_user}: changed")
    config = cluster.config(cluster.by_user)
    assert (config["retention.ms"], config["segment.bytes"]) == ("604800000", "1048576")
    assert config["message.timestamp.type"] == "LogAppendTime"
    assert run("topics", "diff", **cluster.environment).code == 0


@pytest.mark.kafka
def test_a_source_topic_of_somebody_else_is_never_changed(cluster):
    cluster.create(cluster.source, retention_ms="1000")

    applied = run("topics", "apply", **cluster.environment)

    assert applied.out.splitlines()[0] == f"{cluster.source}: as it should be"
    assert cluster.config(cluster.source)["retention.ms"] == "1000"
    assert cluster.partitions()[cluster.source] == 1


@pytest.mark.kafka
def test_more_replicas_than_brokers_is_told_as_kafka_says_it(cluster):
    done = run("topics", "apply", CONNECTOR_TOPIC_REPLICATION="3", **cluster.environment)

    assert done.code == 3
    assert done.err.startswith(f"error: {cluster.source}: ")
    assert "replication factor" in done.err
    assert cluster.partitions() == {}
