"""`status` of two real workers on a real Kafka, through what an operator may meet at 3 a.m."""

import time

import pytest

from tests.cli.command import run
from tests.eventually import eventually
from tests.kafka.stack import round_robin, track
from tests.test_schemas import validator

pytestmark = pytest.mark.kafka

SICK = "u7"


@pytest.fixture
def status(stack):
    """Give the report as JSON, and keep what the exit code was."""

    def status(*options):
        done = run("status", "--json", *options, **stack.environment)
        assert done.code == (0 if done.json["ok"] else 1), done.err
        validator("status.json").validate(done.json)
        return done.json

    return status


def deliver(report):
    [group] = [each for each in report["groups"] if each["stage"] == "deliver"]
    return group


def behind(report):
    return [each for each in deliver(report)["partitions"] if each["lag"]]


def kinds(report):
    return {each["waits_for"]["kind"] for each in behind(report)}


def codes(report):
    return {finding["code"] for finding in report["findings"]}


def test_status_tells_what_is_stuck_and_why_also_when_all_workers_are_gone(stack, status):
    other = stack.directory / "other.yaml"
    other.write_text("id: test\n# another version\n")
    stack.simulator.configure(fail_people={SICK: 500})
    stack.start_worker()
    stack.start_worker(CONNECTOR_DESTINATION_FILE=str(other))
    eventually(
        lambda: (
            sorted(len(each["facts"]["readers"][1]["partitions"]) for each in status()["workers"]) == [4, 4]
        ),
        30,
        "both workers have partitions",
    )

    # One person's events fail: their partition alone is behind.
    stack.produce(round_robin(people=20, per_person=5))
    [produced_at] = [at for event, at in stack.produced if event.id == f"{SICK}.1"]
    eventually(lambda: stack.simulator.stats()["accepted"] == 95, 30)
    settled_s = time.time() - produced_at
    report = eventually(
        lambda: len(behind(found := status())) == 1 and kinds(found) == {"retry"} and found, 15, "a retry"
    )
    oldest_s = time.time() - produced_at
    [partition] = behind(report)
    others = {each["partition"] for each in deliver(report)["partitions"]} - {partition["partition"]}
    assert "person's request retrying since" in partition["waits_for"]["text"]
    assert partition["waits_for"]["detail"] == "500"
    assert partition["lag"] == deliver(report)["lag"] == stack.lag()
    assert partition["lag"] - partition["settled_above"] == partition["held"] == 5
    # The report was made while we waited for it, and gives tenths of a second.
    assert settled_s - 0.05 <= partition["oldest_age_s"] <= oldest_s + 0.05
    assert partition["worker"] in {each["instance"] for each in report["workers"]}
    assert len(others) == stack.partitions - 1

    # Two versions of the destination are in force; then one.
    [versions] = [each["text"] for each in report["findings"] if each["code"] == "versions"]
    assert versions.startswith("2 versions of destination test are in force: ")
    assert codes(report) == {"versions"}
    other.write_text("id: test\n")
    healthy = eventually(lambda: (found := status())["ok"] and found, 15, "one version")
    assert healthy["findings"] == []

    # The key does not work, then does again.
    stack.simulator.configure(tokens=["another-key"])
    stack.produce(track(f"v{n}", 1) for n in range(50))
    report = eventually(lambda: "credentials" in codes(found := status()) and found, 15, "credentials")
    eventually(
        lambda: len(behind(found := status())) > 3 and kinds(found) == {"credentials"},
        15,
        "all wait for the key",
    )
    stack.simulator.configure(tokens=["test-key"])
    eventually(lambda: len(behind(status())) == 1, 20, "only the sick person is left")

    # Paused by command.
    assert run("pause", "--by", "ops", "--note", "maintenance", **stack.environment).code == 0
    report = eventually(lambda: kinds(found := status()) == {"paused"} and found, 15, "paused")
    [paused] = [each["text"] for each in report["findings"] if each["code"] == "paused"]
    assert paused.startswith("test is paused by ops since ")
    assert "maintenance" in paused
    assert run("resume", **stack.environment).code == 0

    # All workers die.
    for worker in stack.workers:
        worker.kill()
    report = eventually(
        lambda: {"nobody", "unheard"} <= codes(found := status("--silent-after", "6s")) and found,
        30,
        "nobody",
    )
    assert [each["silent"] for each in report["workers"]] == [True, True]
    assert partition["committed"] <= behind(report)[0]["committed"]
    assert deliver(report)["lag"] == stack.lag() >= 5
    assert deliver(report)["members"] == 0
    assert behind(report)[0]["waits_for"]["kind"] == "nobody"
    text = run("status", "--silent-after", "6s", **stack.environment)
    assert text.code == 1
    assert "no worker has been heard within 6 s" in text.out
    for secret in (SICK, "test-key", "example.com"):
        assert secret not in text.out
        assert secret not in str(report)


def test_a_worker_of_another_group_that_forwards_the_same_is_found(stack, status):
    stack.start_worker()
    eventually(lambda: status()["ok"] and len(status()["workers"]) == 1, 30)

    stack.start_worker(CONNECTOR_GROUP_ID=f"{stack.group}.other")

    report = eventually(lambda: "ingested_twice" in codes(found := status()) and found, 30)
    [text] = [each["text"] for each in report["findings"] if each["code"] == "ingested_twice"]
    assert f"{stack.group}.ingest on " in text
    assert f"{stack.group}.other.ingest on " in text
    found = run("check", "--json", **stack.environment).json
    [ingest] = [each for each in found if each["what"] == "ingest"]
    assert ingest["seen"].startswith(f"{stack.group}.other.ingest forwards {stack.source}")


def test_a_worker_that_stops_is_not_missed(stack, status):
    stack.start_worker()
    eventually(lambda: len(status()["workers"]) == 1, 20)

    stack.stop_workers()

    report = status()
    assert report["workers"] == []
    assert report["findings"] == []
