"""Dead letters of a broken mapping, and sending them again when it is mended; on a real Kafka."""

import signal

import pytest

from tests.cli.command import Process, run
from tests.eventually import eventually
from tests.kafka.stack import round_robin

pytestmark = pytest.mark.kafka

EACH = 5  # events of each person
BROKEN = """\
id: test
mappings:
  - name: Track Event
    action: trackEvent
    trigger: type = "track"
    fields:
      type: {"@path": $.type}
      userId: {"@path": $.userId}
      messageId: {"@path": $.messageId}
      event: {"@path": $.properties.nmae}
  - name: Identify
    action: identifyUser
    trigger: type = "track"
    fields: {type: identify, userId: {"@path": $.userId}, messageId: {"@path": $.messageId}}
"""
MENDED = BROKEN.replace("$.properties.nmae", "$.event")


@pytest.fixture
def letters(stack, request):
    """A worker gives up every event of so many people by a broken mapping; the one beside it works."""
    people = request.param
    stack.environment["CONNECTOR_FLOOD_RUN"] = "0"
    stack.environment["CONNECTOR_FLOOD_SHARE"] = "1"
    file = stack.directory / "destination.yaml"
    file.write_text(BROKEN)
    worker = stack.start_worker()
    stack.produce(round_robin(people, per_person=EACH))
    eventually(lambda: stack.simulator.stats()["accepted"] == people * EACH, 60)
    eventually(lambda: len(stack.dead_letters()) == people * EACH, 30)
    file.write_text(MENDED)
    eventually(lambda: "configuration is in force" in worker.log.read_text(), 30)
    return people * EACH


def tracked(stack):
    """Who was tracked with which event, in the order of their arrival."""
    bodies = [request["body"] for request in stack.simulator.requests() if request["method"] != "GET"]
    return [tuple(body["messageId"].split(".")) for body in bodies if body["type"] == "track"]


def assert_each_once_and_in_order(found, count):
    assert len(found) == count
    for person in {person for person, _ in found}:
        assert [int(sequence) for who, sequence in found if who == person] == list(range(1, EACH + 1))


@pytest.mark.parametrize("letters", [200], indirect=True)
def test_letters_of_a_mended_mapping_are_sent_once_and_in_order(stack, letters):
    before = run("dlq", "list", "--json", **stack.environment)
    dry = run("dlq", "redrive", "--dry-run", "--json", **stack.environment)
    done = run("dlq", "redrive", "--yes", "--json", **stack.environment)
    eventually(lambda: len(tracked(stack)) >= letters, 30)
    again = run("dlq", "redrive", "--yes", "--json", **stack.environment)
    after = run("dlq", "list", "--state", "all", "--group-by", "none", "--json", **stack.environment)
    eventually(lambda: stack.lag() <= stack.partitions, 20)
    stack.stop_workers()

    assert [(row["code"], row["count"]) for row in before.json_lines] == [("invalid_payload", letters)]
    assert (dry.json["to_send"], dry.json["sent"], dry.json["left"]) == (letters, 0, {})
    assert (done.code, done.json["sent"]) == (0, letters)
    assert (again.code, again.json["to_send"], again.json["redriven_before"]) == (0, 0, letters)
    assert_each_once_and_in_order(tracked(stack), letters)
    assert stack.simulator.stats()["accepted"] == 2 * letters  # nothing else was sent again
    assert {row["state"] for row in after.json_lines} == {"redriven"}


@pytest.mark.parametrize("letters", [40], indirect=True)
def test_a_redrive_that_is_killed_is_continued_and_each_letter_is_sent_once(stack, letters, tmp_path):
    command = ("dlq", "redrive", "--yes", "--json")
    first = Process((*command, "--batch", "5", "--rate", "50"), tmp_path, tmp_path, stack.environment)
    try:
        eventually(lambda: len(tracked(stack)) >= 20, 30)
        first.send(signal.SIGKILL)
        first.wait()
    finally:
        first.close()
    second = run(*command, **stack.environment)
    eventually(lambda: len(tracked(stack)) >= letters, 30)
    third = run(*command, **stack.environment)
    stack.stop_workers()

    assert 0 < second.json["sent"] < letters
    assert second.json["sent"] + second.json["redriven_before"] == letters
    assert third.json["to_send"] == 0
    assert_each_once_and_in_order(tracked(stack), letters)
