"""What a report says of what was seen: every finding, every answer, and nothing of hostile heartbeats."""

from dataclasses import replace

import pytest

from connector.edges.lag import GroupState, PartitionLag
from connector.edges.status_report import GroupSeen, Limits, Seen, make_report

NOW = 1_790_000_000.0
LIMITS = Limits(silent_after_s=20.0, stuck_after_s=300.0)
GROUP, TOPIC = "g.deliver.production", "by-user"


def lag(partition=0, committed=5, end=10, **more):
    return PartitionLag(TOPIC, partition, 0, end, committed, **more)


def group(*lags, ages=None, members=1, stage="deliver", **more):
    oldest = {(TOPIC, number): None if age is None else NOW - age for number, age in (ages or {}).items()}
    return GroupSeen(
        stage, GROUP, TOPIC, GroupState("Stable" if members else "Empty", members), lags, oldest, **more
    )


def beat(age_s=1.0, waits=(), partitions=(0,), reading=True, stage="deliver", **more):
    reader = {
        "stage": stage, "group": GROUP, "topic": TOPIC, "partitions": list(partitions), "reading": reading,
        "waits": list(waits), "waits_left_out": 0,
    }  # fmt: skip
    facts = {"destination": "production", "config_version": "v1", "readers": [reader]}
    return {"at": NOW - age_s, **facts, **more}


def report(*groups, control=None, unmoved=(), limits=LIMITS):
    control = {} if control is None else control
    return make_report(Seen(NOW, "kafka:9092", groups, control, frozenset(unmoved)), limits)


def codes(found):
    return [finding.code for finding in found.findings]


RETRY = {
    "partition": 0,
    "watermark": 5,
    "held": 3,
    "kind": "retry",
    "for_s": 12.0,
    "next_in_s": 4.0,
    "detail": "500",
}


def test_a_healthy_system_has_no_findings():
    found = report(group(lag(committed=10)), control={"worker/a": beat()})

    assert found.findings == []
    assert [each.waits_for for each in found.groups[0].partitions] == [None]


def test_what_a_partition_waits_for_is_told_by_the_worker_that_owns_it():
    found = report(group(lag(), ages={0: 12.0}), control={"worker/a": beat(waits=[RETRY])})

    [partition] = found.groups[0].partitions
    assert (partition.worker, partition.held, partition.lag, partition.oldest_age_s) == ("a", 3, 5, 12.0)
    assert partition.waits_for == {
        "kind": "retry", "for_s": 12.0, "next_in_s": 4.0, "detail": "500", "as_of_s": 1.0,
        "text": "person's request retrying since 12 s: 500, next attempt in 4 s",
    }  # fmt: skip
    assert found.findings == []


def test_of_two_that_say_they_own_a_partition_the_one_heard_last_is_right():
    control = {"worker/new": beat(age_s=1.0), "worker/old": beat(age_s=6.0)}

    assert report(group(lag()), control=control).groups[0].partitions[0].worker == "new"


def test_a_silent_worker_owns_nothing():
    found = report(group(lag()), control={"worker/a": beat(age_s=21.0), "worker/b": beat(partitions=[1])})

    assert [(each.instance, each.silent) for each in found.workers] == [("b", False), ("a", True)]
    assert found.groups[0].partitions[0].worker is None
    assert found.groups[0].partitions[0].waits_for["kind"] == "nobody"


def test_a_worker_of_another_group_is_not_ours():
    facts = beat()
    facts["readers"][0]["group"] = "other.deliver.production"

    assert report(group(lag()), control={"worker/a": facts}).workers == []


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        pytest.param(
            {"shut": [{"reason": "outage", "since": NOW - 5, "detail": "503"}]}, "outage", id="shut"
        ),
        pytest.param({"reading": False}, "rebalance", id="in a rebalance"),
        pytest.param({}, "reading", id="nothing is held"),
    ],
)
def test_a_partition_of_which_nothing_is_held_waits_for_what_its_worker_does(facts, kind):
    found = report(group(lag()), control={"worker/a": beat(**facts)})

    assert found.groups[0].partitions[0].waits_for["kind"] == kind


def forwards(age_s=1.0, group="g.ingest", source="events", writes=TOPIC):
    reader = {"stage": "ingest", "group": group, "topic": source, "writes": writes, "partitions": []}
    return {"at": NOW - age_s, "readers": [reader]}


def ingest(*, topic="events"):
    return GroupSeen("ingest", "g.ingest", topic, GroupState("Stable", 1), (), {})


def test_two_groups_that_forward_the_same_to_the_same_topic_are_found():
    control = {"worker/a": forwards(), "worker/b": forwards(group="h.ingest"), "worker/c": forwards()}

    [finding] = report(ingest(), group(), control=control).findings

    assert finding.code == "ingested_twice"
    assert finding.text == (
        "2 groups forward events to by-user, so every event is there as often:"
        " g.ingest on a, c; h.ingest on b; give all the same CONNECTOR_GROUP_ID"
    )


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(forwards(), id="the same group"),
        pytest.param(forwards(age_s=21.0, group="h.ingest"), id="silent"),
        pytest.param(forwards(group="h.ingest", source="others"), id="another source"),
        pytest.param(forwards(group="h.ingest", writes="others"), id="to another topic"),
        pytest.param(beat(stage="ingest", at="soon"), id="no heartbeat"),
    ],
)
def test_who_forwards_nothing_twice_is_no_finding(other):
    control = {"worker/a": forwards(), "worker/b": other}

    assert report(ingest(), group(), control=control).findings == []


def test_a_forwarding_that_fails_is_what_an_ingest_partition_waits_for():
    facts = beat(stage="ingest")
    facts["readers"][0]["trouble"] = "KafkaTimeoutError"

    [partition] = report(group(lag(), stage="ingest"), control={"worker/a": facts}).groups[0].partitions

    assert partition.waits_for["text"] == "forwarding fails: KafkaTimeoutError"


def test_where_only_marks_of_transactions_are_left_there_is_no_lag():
    found = report(group(lag(committed=9), ages={0: None}), control={"worker/a": beat()})

    assert (found.groups[0].lag, found.groups[0].partitions[0].waits_for) == (0, None)


def test_an_old_partition_is_stuck_only_when_it_does_not_move():
    seen = group(lag(0), lag(1), lag(2), ages={0: 301.0, 1: 301.0, 2: 299.0})
    control = {"worker/a": beat(waits=[RETRY], partitions=[0, 1, 2])}

    found = report(seen, control=control, unmoved=[(GROUP, 0), (GROUP, 2)])

    [finding] = found.findings
    assert (finding.code, finding.group, finding.partitions) == ("stuck", GROUP, [0])
    assert finding.text == (
        "deliver: partition 0 does not move, its oldest record waits since 5 min 1 s;"
        " waits for: person's request retrying since 12 s: 500, next attempt in 4 s"
    )


def test_partitions_that_wait_for_the_same_are_one_finding_and_not_all_are_named():
    lags = [lag(number) for number in range(12)]
    shut = [{"reason": "outage", "since": NOW - 900, "detail": "503"}]
    control = {"worker/a": beat(partitions=range(12), shut=shut)}
    ages = {number: 400.0 + number for number in range(12)}

    found = report(group(*lags, ages=ages), control=control, unmoved=[(GROUP, n) for n in range(12)])

    [finding] = [each for each in found.findings if each.code == "stuck"]
    assert finding.partitions == list(range(12))
    assert finding.text == (
        "deliver: 12 partitions do not move (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …), the oldest record waits since"
        " 6 min 51 s; waits for: paused: outage (503)"
    )


def test_lag_that_nobody_reads_is_a_finding_and_no_lag_is_none():
    assert codes(report(group(lag(), members=0))) == ["nobody", "unheard"]
    assert codes(report(group(lag(committed=10), members=0))) == []


def test_without_a_control_topic_nobody_is_missed():
    seen = Seen(NOW, "kafka:9092", [group(lag())], None)

    assert codes(make_report(seen, LIMITS)) == []


@pytest.mark.parametrize("reason", ["outage", "credentials", "flood", "paused", "disabled"])
def test_every_reason_for_sending_nothing_is_a_finding_once(reason):
    shut = [{"reason": reason, "since": NOW - 65, "detail": "why"}]
    control = {"worker/a": beat(shut=shut), "worker/b": beat(shut=shut, partitions=[1])}

    [finding] = report(group(lag()), control=control).findings

    assert (finding.code, finding.text) == (reason, f"2 workers send nothing: {reason} (why) since 1 min 5 s")


def test_a_pause_is_a_finding_with_its_author_also_when_no_worker_runs():
    control = {
        "pause/production": {"paused": True, "at": NOW - 60, "by": "ops", "note": "maintenance"},
        "pause/other": {"paused": True, "at": NOW - 60},
        "worker/a": beat(shut=[{"reason": "paused", "since": NOW - 59, "detail": "ops maintenance"}]),
    }

    found = report(group(lag()), control=control)

    assert [finding.text for finding in found.findings] == [
        "production is paused by ops since 1 min: maintenance; `encharge-connector resume` ends it"
    ]
    assert [each.destination for each in found.pauses] == ["production"]


def test_two_versions_in_force_are_a_finding_that_names_the_workers():
    control = {
        "worker/a": beat(),
        "worker/b": beat(config_version="v2"),
        "worker/c": beat(age_s=60.0, config_version="v3"),
    }

    [finding] = report(group(lag(committed=10)), control=control).findings

    assert (finding.code, finding.text) == (
        "versions", "2 versions of destination production are in force: v1 on a; v2 on b",
    )  # fmt: skip


def test_a_broken_file_is_a_finding():
    control = {"worker/a": beat(config_problems=["destination.yaml:2:11: mappings: must be a list"])}

    [finding] = report(group(lag(committed=10)), control=control).findings

    assert finding.text.endswith("the file is broken: destination.yaml:2:11: mappings: must be a list")


def test_a_missing_topic_is_a_finding_with_its_fix():
    [finding] = report(group(is_missing=True), control={"worker/a": beat()}).findings

    assert finding.text == "topic by-user is missing; `encharge-connector topics apply` makes it"


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param("text", id="no object"),
        pytest.param({}, id="no time"),
        pytest.param({"at": "yesterday", "readers": []}, id="time is a text"),
        pytest.param({"at": NOW, "readers": 5}, id="readers are a number"),
        pytest.param({"at": NOW, "readers": ["x"]}, id="a reader is a text"),
        pytest.param({"at": NOW, "readers": [{"group": []}]}, id="a group is a list"),
        pytest.param(beat(waits=[RETRY | {"for_s": 1e300, "kind": []}]), id="a time beyond all times"),
        pytest.param(
            beat() | {"shut": "yes", "config_problems": "x", "destination": 5}, id="facts of other types"
        ),
        pytest.param(beat(waits=["x", {"partition": 0}, 5]), id="waits of other types"),
        pytest.param(
            beat(waits=[{"partition": 0, "kind": "of tomorrow", "for_s": "x"}]), id="an unknown kind"
        ),
        pytest.param(beat(partitions=["0", None, 0]), id="partitions of other types"),
        pytest.param(beat(shut=[{"reason": 5, "since": "x"}]), id="a reason that is none"),
    ],
)
def test_a_heartbeat_that_is_not_as_we_write_it_does_not_hide_the_rest(facts):
    control = {"worker/strange": facts, "worker/b": beat(partitions=[1], waits=[RETRY | {"partition": 1}])}

    found = report(group(lag(0), lag(1)), control=control)

    assert found.groups[0].lag == 10
    assert found.groups[0].partitions[1].waits_for["kind"] == "retry"


def test_what_is_older_than_a_day_is_forgotten():
    assert report(group(lag()), control={"worker/a": beat(age_s=86_401.0)}).workers == []


def test_settled_above_never_exceeds_the_lag():
    seen = group(replace(lag(committed=9), settled_above=3))

    assert report(seen).groups[0].partitions[0].settled_above == 1
