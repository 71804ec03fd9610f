"""What changes a running worker: pause and resume, files, keys; on a real Kafka."""

import pytest

from tests.cli.command import run
from tests.eventually import eventually
from tests.kafka.stack import API_KEY, round_robin, track

pytestmark = pytest.mark.kafka


@pytest.fixture
def command(stack, monkeypatch):
    """Run a command with the settings of the stack."""
    return lambda *arguments: run(*arguments, **stack.environment)


def accepted(stack):
    return stack.simulator.stats()["accepted"]


def test_a_pause_holds_everything_survives_a_restart_and_a_resume_loses_nothing(stack, command):
    worker = stack.start_worker()
    stack.produce(round_robin(people=20, per_person=5))
    eventually(lambda: accepted(stack) == 100, 30)

    assert command("pause", "--note", "maintenance").code == 0
    eventually(lambda: "maintenance" in worker.log.read_text(), 20)
    stack.produce(track(f"v{n}", 1) for n in range(50))
    eventually(lambda: stack.lag(stack.source, f"{stack.group}.ingest") == 0, 20)
    stack.stop_workers()
    second = stack.start_worker()
    eventually(lambda: "maintenance" in second.log.read_text(), 20)
    eventually(lambda: "partitions assigned" in second.log.read_text(), 20)
    while_paused = accepted(stack)
    assert command("resume").code == 0
    verdict = stack.await_all()
    stack.stop_workers()

    assert while_paused == 100
    assert (verdict.lost, verdict.violations, verdict.wrong, verdict.duplicates) == ([], [], [], 0)


def test_a_changed_destination_is_in_force_without_a_restart_and_a_broken_one_changes_nothing(stack):
    file = stack.directory / "destination.yaml"
    worker = stack.start_worker()
    stack.produce([track("u1", 1)])
    eventually(lambda: accepted(stack) == 1, 30)

    file.write_text("id: test\nmappings: nonsense\n")
    eventually(lambda: "configuration is broken" in worker.log.read_text(), 30)
    stack.produce([track("u1", 2)])
    eventually(lambda: accepted(stack) == 2, 30)
    file.write_text(
        "id: test\nmappings:\n"
        "  - {name: Renamed, action: trackEvent, trigger: 'type = \"track\"',"
        " fields: {event: Renamed, type: {'@path': $.type}, userId: {'@path': $.userId}, messageId: {'@path': $.messageId}}}\n"
    )
    eventually(lambda: "configuration is in force" in worker.log.read_text(), 30)
    stack.produce([track("u1", 3)])
    eventually(lambda: accepted(stack) == 3, 30)
    stack.stop_workers()

    events = [request["body"]["event"] for request in stack.simulator.requests()]
    assert events == ["Order Completed", "Order Completed", "Renamed"]
    assert "destination.yaml:2:11: mappings: must be a list" in worker.log.read_text()


def test_a_revoked_key_pauses_and_a_new_one_in_its_file_heals_without_losing_anything(stack):
    key = stack.directory / "key"
    key.write_text(API_KEY)
    environment = {
        name: value for name, value in stack.environment.items() if name != "CONNECTOR_ENCHARGE_API_KEY"
    }
    stack.environment = {**environment, "CONNECTOR_ENCHARGE_API_KEY_FILE": str(key)}
    worker = stack.start_worker()
    stack.produce(round_robin(people=20, per_person=5))
    eventually(lambda: accepted(stack) == 100, 30)

    stack.simulator.configure(tokens=["another-key"])
    stack.produce(track(f"v{n}", 1) for n in range(50))
    eventually(lambda: "Encharge refuses the key" in worker.log.read_text(), 30)
    before = accepted(stack)
    key.write_text("another-key")
    verdict = stack.await_all()
    stack.stop_workers()

    assert before == 100
    assert (verdict.lost, verdict.violations, verdict.wrong, verdict.duplicates) == ([], [], [], 0)
    assert API_KEY not in worker.log.read_text()
    assert "another-key" not in worker.log.read_text()


@pytest.mark.parametrize("when_disabled", ["hold", "discard"])
def test_a_disabled_destination_holds_or_discards_events(stack, when_disabled):
    file = stack.directory / "destination.yaml"
    file.write_text(f"id: test\nenabled: false\nwhen_disabled: {when_disabled}\n")
    worker = stack.start_worker()
    stack.produce(round_robin(people=20, per_person=2))
    if when_disabled == "discard":
        eventually(lambda: stack.lag() == 0 and stack.lag(stack.source, f"{stack.group}.ingest") == 0, 30)
    else:
        eventually(lambda: stack.lag() == 40, 30)
    while_disabled = accepted(stack)
    file.write_text("id: test\n")
    eventually(lambda: "configuration is in force" in worker.log.read_text(), 30)
    stack.produce([track("w1", 1)])

    expected = 1 if when_disabled == "discard" else 41
    eventually(lambda: accepted(stack) == expected, 30)
    stack.stop_workers()
    assert while_disabled == 0
