"""`encharge-connector status`, without workers; what it says of real ones is in tests/kafka/test_status.py."""

import json
import os
import pty
import re
import signal

import pytest

from connector.cli.status_text import lines
from connector.edges.status_report import (
    Finding,
    GroupStatus,
    PartitionStatus,
    Report,
    WorkerStatus,
)
from tests.cli.command import run
from tests.eventually import eventually

WAIT = {"kind": "retry", "text": "person's request retrying since 12 s: 500, next attempt in 4 s"}
FACTS = {
    "at": 1_790_000_000.0, "started_at": 1_789_989_200.0, "role": "all", "version": "1.2.3", "web": "127.0.0.1:6066",
    "config_version": "1f0c9a2b", "not_ready": ["paused"],
    "limiter": {"window": 64, "in_flight": 12, "per_s": 40.0}, "failing_persons": 1,
    "counts": {"received": 12000, "delivered": 11000, "dead_letters": {"rejected": 3}},
}  # fmt: skip


COUNTS = "received 12,000, delivered 11,000, dead letters rejected 3"


def report(**changes):
    partition = PartitionStatus(3, 10_233, 10_240, 7, 3, 12.0, "host-1-a", 4, WAIT)
    fine = PartitionStatus(4, 10, 10, 0, 0, None, "host-1-a", None, None)
    group = GroupStatus("deliver", "g.deliver.p", "by-user", "Stable", 1, 7, 12.0, [partition, fine])
    workers = [WorkerStatus("host-1-a", False, 1.0, FACTS), WorkerStatus("host-1-b", True, 180.0, FACTS)]
    parts = {"groups": [group], "workers": workers, "pauses": [], **changes}
    return Report(at=1_790_000_000.0, kafka="kafka:9092", **parts)


def text_of(report):
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines(report)))


def test_the_text_tells_of_each_partition_that_is_behind_and_of_each_worker():
    found = text_of(report()).splitlines()[1:]

    assert found == [
        "nothing is stuck",
        "",
        "deliver by-user: lag 7, the oldest since 12 s; 2 partitions, Stable, 1 member (g.deliver.p)",
        "  partition  committed     end  lag  above  oldest  held  worker    waits for",
        "          3     10,233  10,240    7      3    12 s     4  host-1-a  " + WAIT["text"],
        "",
        "workers",
        "  host-1-a: all, up 3 h, 1.2.3, configuration 1f0c9a2b, http://127.0.0.1:6066",
        "    in flight 12 of 64, 40.0/s, failing persons 1; " + COUNTS,
        "    not ready: paused",
        "  host-1-b: silent since 3 min",
    ]


def test_a_worker_with_partitions_that_do_not_move_says_how_many():
    stuck = [WorkerStatus("host-1-a", False, 1.0, {**FACTS, "stuck": 3})]

    assert "    partitions that do not move: 3" in text_of(report(workers=stuck)).splitlines()
    assert "do not move" not in text_of(report())


def test_what_was_said_a_while_ago_says_so():
    [partition] = [PartitionStatus(3, 1, 9, 8, 0, 12.0, "host-1-a", 4, {**WAIT, "as_of_s": 4.2})]
    group = GroupStatus("deliver", "g.deliver.p", "by-user", "Stable", 1, 8, 12.0, [partition])

    assert f"{WAIT['text']} (said 4 s ago)" in text_of(report(groups=[group]))


def test_of_hundreds_of_partitions_the_oldest_are_shown():
    partitions = [PartitionStatus(n, 1, 9, 8, 0, float(n), "host-1-a", 4, WAIT) for n in range(100)]
    group = GroupStatus("deliver", "g.deliver.p", "by-user", "Stable", 1, 800, 99.0, partitions)

    found = text_of(report(groups=[group])).splitlines()

    rows = [int(line.split()[0]) for line in found if WAIT["text"] in line]
    assert rows == list(range(60, 100))
    assert "  the 40 oldest of 100 that are behind; --json has all" in found


def test_findings_come_first():
    found = text_of(report(findings=[Finding("nobody", "nobody reads")], notes=["a note"]))

    assert found.splitlines()[1:3] == ["! nobody reads", "note: a note"]


def test_a_terminal_is_not_told_what_a_heartbeat_says_to_it():
    worker = WorkerStatus("a\x1b]0;owned\x07", False, 1.0, {"role": "\x1b[2J", "web": "x\r\ny"})

    found = "".join(lines(report(workers=[worker])))

    assert "\x07" not in found
    assert "\x1b]" not in found
    assert "\x1b[2J" not in found
    assert "\r" not in found


def test_without_kafka_it_is_an_operational_error_that_names_the_setting():
    done = run("status", CONNECTOR_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")

    assert (done.code, done.out) == (3, "")
    assert "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS" in done.err


@pytest.mark.parametrize(
    ("option", "value"), [("--stuck-after", "soon"), ("--silent-after", "-1s"), ("--watch", "0")]
)
def test_a_time_that_is_none_is_a_usage_error(option, value):
    done = run("status", option, value)

    assert done.code == 2
    assert option in done.err


@pytest.mark.kafka
def test_with_topics_and_nothing_to_do_nothing_is_stuck(cluster):
    cluster.create(cluster.source, cluster.by_user)
    cluster.create(cluster.control, cleanup_policy="compact")

    text = run("status", **cluster.environment)
    found = run("status", "--json", **cluster.environment)

    assert (text.code, found.code) == (0, 0)
    assert "nothing is stuck" in text.out
    assert "workers: none has been heard" in text.out
    assert (found.json["ok"], [each["topic"] for each in found.json["groups"]]) == (True, [cluster.source])
    [note] = found.json["notes"]
    assert "destination.yaml" in note


@pytest.mark.kafka
def test_missing_topics_are_findings(cluster):
    done = run("status", "--json", **cluster.environment)

    assert done.code == 1
    assert [each["code"] for each in done.json["findings"]] == ["topic_missing"]


@pytest.mark.kafka
def test_a_watch_prints_an_object_for_each_look_until_ctrl_c(cluster, start):
    cluster.create(cluster.source, cluster.by_user)
    process = start("status", "--watch", "0.2", "--json", **cluster.environment)
    eventually(lambda: process.out.count("\n") >= 3, 20)

    process.press_ctrl_c()
    done = process.done()

    assert done.code == 130
    assert all(json.loads(line)["ok"] for line in done.out.splitlines())
    assert done.err.split() == ["Interrupted."]


@pytest.mark.kafka
def test_a_watch_on_a_terminal_redraws_and_leaves_it_as_it_was(cluster, start):
    cluster.create(cluster.source, cluster.by_user)
    ours, theirs = pty.openpty()
    process = start(
        "status", "--watch", "0.2", options={"stdout": theirs}, TERM="xterm", **cluster.environment
    )
    os.close(theirs)
    seen = b""
    while seen.count(b"nothing is stuck") < 2:
        seen += os.read(ours, 65536)

    process.send(signal.SIGINT)
    try:
        while more := os.read(ours, 65536):
            seen += more
    except OSError:  # the terminal ends with the process
        pass
    os.close(ours)

    assert process.wait() == 130
    assert seen.count(b"\x1b[?1049h") == seen.count(b"\x1b[?1049l") == 1
