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
    assert applied.err.splitlines() == missing
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
        "specified": 8,
        "grow_to": None,
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
    [error] = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert error.startswith(f"error: {cluster.source}: ")
    assert "replication factor" in error
    assert cluster.partitions() == {}


@pytest.fixture
def small(cluster):
    """All topics as they should be, each of one partition."""
    cluster.create(cluster.source, cluster.by_user, cluster.dead, cluster.control)
    assert run("topics", "apply", **cluster.environment).code == 0
    return cluster


@pytest.mark.kafka
def test_fewer_partitions_than_a_new_topic_gets_are_told_and_are_no_difference(small):
    text = run("topics", "diff", **small.environment)
    rows = run("topics", "diff", "--json", **small.environment).json

    assert text.code == 0
    assert text.out.splitlines() == [
        f"{small.source}: as it should be, 1 partitions (a new one gets 8)",
        f"{small.by_user}: as it should be, 1 partitions (a new one gets 8)",
        f"{small.dead}: as it should be, 1 partitions (a new one gets 4)",
        f"{small.control}: as it should be, 1 partitions",
    ]
    assert [(row["partitions"], row["specified"]) for row in rows] == [(1, 8), (1, 8), (1, 4), (1, 1)]


@pytest.mark.kafka
def test_partitions_are_added_after_a_warning_about_the_order_and_a_yes(small):
    asked = ["topics", "apply", "--partitions", "by-user=3"]
    plan = f"{small.by_user}: would get 3 partitions, has 1"

    dry = run(*asked, "--dry-run", **small.environment)
    refused = run(*asked, stdin=b"n\n", **small.environment)
    after_refusal = small.partitions()
    done = run(*asked, stdin=b"y\n", **small.environment)

    assert (dry.code, dry.out.splitlines()[1], dry.err) == (0, plan, "")
    first, warning, question = refused.err.splitlines()[:3]
    assert first == plan
    assert warning.startswith(f"warning: {small.by_user} goes from 1 to 3 partitions.")
    assert "overtake" in warning
    assert question.startswith("Add these partitions? [y/N]")
    assert (refused.code, refused.err.endswith("Nothing was done.\n")) == (1, True)
    assert after_refusal[small.by_user] == 1
    assert done.code == 0
    assert f"{small.by_user}: has 3 partitions now" in done.out.splitlines()
    assert small.partitions() == {small.source: 1, small.by_user: 3, small.dead: 1, small.control: 1}


@pytest.mark.kafka
def test_yes_adds_partitions_and_changes_settings_without_a_question(small):
    small.set(small.dead, {"retention.ms": "1000"})

    done = run("topics", "apply", "--partitions", f"{small.dead}=2", "--yes", "--json", **small.environment)

    assert done.code == 0
    assert [line.partition(":")[0] for line in done.err.splitlines()] == ["warning"]
    dead = done.json[2]
    assert (dead["needs"], dead["partitions"], dead["grow_to"]) == ("change", 1, 2)
    assert small.partitions()[small.dead] == 2
    assert small.config(small.dead)["retention.ms"] == "2592000000"


@pytest.mark.kafka
def test_partitions_can_be_given_for_topics_that_are_new(cluster):
    done = run(
        "topics", "apply", "--partitions", "source=3", "--partitions", "by-user=5", **cluster.environment
    )

    assert done.code == 0
    assert cluster.partitions() == {
        cluster.source: 3, cluster.by_user: 5, cluster.dead: 4, cluster.control: 1,
    }  # fmt: skip


WISHES = {
    "by-user=1": "and Kafka cannot take any away; for fewer, name a new topic by CONNECTOR_BY_USER_TOPIC",
    "control=2": "must have one partition",
    "source=2": "is the topic of your producers",
    "nothing=2": "is no topic of ours; known are source, by-user, dead-letter, control",
}


@pytest.mark.kafka
def test_a_number_of_partitions_that_cannot_be_is_refused_and_nothing_is_done(small):
    run("topics", "apply", "--partitions", "by-user=2", "--yes", **small.environment)

    flags = [flag for wish in WISHES for flag in ("--partitions", wish)]
    done = run("topics", "apply", *flags, "--partitions", "dead-letter=7", "--yes", **small.environment)

    assert (done.code, done.out) == (2, "")
    for line, (wish, words) in zip(done.err.splitlines(), WISHES.items(), strict=True):
        assert line.startswith(f"error: --partitions {wish}: ")
        assert words in line
    assert small.partitions()[small.dead] == 1


@pytest.mark.parametrize("value", ["by-user", "by-user=", "=3", "by-user=0", "by-user=x", "by-user=99999999"])
def test_what_is_no_number_of_partitions_is_a_usage_error(value):
    done = run("topics", "apply", "--partitions", value, CONNECTOR_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")

    assert done.code == 2
    assert f"'{value}' is no TOPIC=COUNT" in done.err
