"""docs/kafka-rights.md is true: its rows are enough for each command, and each of them is needed."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka.admin import AclOperation, ResourceType

from connector.demo.events import Produced
from tests.cli.command import run
from tests.eventually import eventually
from tests.kafka.stack import Stack, track

pytestmark = pytest.mark.kafka
PAGE = Path(__file__).parents[2] / "docs" / "kafka-rights.md"
ROW = re.compile(
    r"\| `(?P<command>[^`]+)` \| (?P<kind>[a-z ]+) \| `(?P<name>[^`]+)` \| (?P<operations>[A-Z_, ]+) \|"
)
UNREADABLE = Produced(
    "unreadable", "u2", 1, b"no JSON", "unreadable_not_json"
)  # so that a dead letter is written
KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "cluster": ResourceType.BROKER,
    "transactional id": ResourceType.TRANSACTIONAL_ID,
}


class Right(NamedTuple):
    command: str
    kind: str
    name: str
    operation: str


RIGHTS = [
    Right(row["command"], row["kind"], row["name"], operation)
    for row in map(ROW.fullmatch, PAGE.read_text().splitlines())
    if row
    for operation in row["operations"].split(", ")
]
COMMANDS = sorted({right.command for right in RIGHTS} - {"run"})


@pytest.fixture
def stack(secured, tmp_path):
    """Topics on the secured broker; commands and workers log in, the test itself need not."""
    with Stack(secured.bootstrap_servers, tmp_path, partitions=1) as stack:
        stack.environment |= secured.environment
        yield stack


def acl(right, stack):
    names = {"<group>": stack.group, "<id>": "test", "kafka-cluster": "kafka-cluster"} | {
        name: value for name, value in stack.environment.items() if name.endswith("_TOPIC")
    }
    name = right.name
    for placeholder, value in names.items():
        name = name.replace(placeholder, value)
    return KINDS[right.kind], name, AclOperation[right.operation]


def rights_of(command, stack, *, but=None):
    return [acl(right, stack) for right in RIGHTS if right.command == command and right != but]


def test_the_page_has_rows():
    assert len(RIGHTS) > 8


def test_a_worker_with_these_rights_delivers(secured, stack):
    with secured.rights(*rights_of("run", stack)):
        stack.start_worker()
        stack.produce([track("u1", 1), track("u2", 1)])
        verdict = stack.await_all()
        eventually(lambda: stack.lag() == 0, 20)
        stack.stop_workers()

    assert (verdict.lost, verdict.violations, verdict.wrong) == ([], [], [])


@pytest.mark.parametrize(
    "missing",
    [right for right in RIGHTS if right.command == "run"],
    ids=lambda right: f"{right.name}-{right.operation}",
)
def test_a_worker_that_lacks_a_right_says_which_and_loses_nothing(secured, stack, missing):
    with secured.rights(*rights_of("run", stack, but=missing)):
        worker = stack.start_worker()
        stack.produce([track("u1", 1), UNREADABLE])
        name = acl(missing, stack)[1]
        eventually(
            lambda: any("no right" in line and name in line for line in worker.log.read_text().splitlines()),
            30,
        )
    with secured.rights(*rights_of("run", stack)):
        verdict = stack.await_all()
        stack.stop_workers()

    assert (verdict.lost, verdict.violations, verdict.wrong) == ([], [], [])


# Commands


def mapping(fields):
    return (
        "id: test\nmappings:\n  - {name: Orders, action: trackEvent, trigger: 'type = \"track\"',"
        f" fields: {{type: track, userId: {{'@path': $.userId}}{fields}}}}}\n"
    )


@pytest.fixture
def lived(stack, tmp_path):
    """A cluster on which everything happened: a dead letter whose mapping is mended since, a replay that is planned."""
    opened = {
        name: value
        for name, value in stack.environment.items()
        if name not in ("CONNECTOR_KAFKA_SECURITY_PROTOCOL", "CONNECTOR_KAFKA_SASL_MECHANISM")
        and not name.startswith("CONNECTOR_KAFKA_SASL")
    } | {"CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers}
    secured_environment, stack.environment = stack.environment, opened
    file = tmp_path / "destination.yaml"
    file.write_text(mapping(""))
    stack.start_worker()
    stack.produce([track("u1", 1)])
    eventually(lambda: len(stack.dead_letters()) == 1, 30)
    stack.stop_workers()
    file.write_text(mapping(", event: {'@path': $.event}, messageId: {'@path': $.messageId}"))
    assert run("replay", "plan", "--out", tmp_path / "plan.json", **opened).code == 0
    stack.environment = secured_environment
    return stack


def test_every_command_with_these_rights_does_its_work(secured, lived, tmp_path):
    (tmp_path / "events.jsonl").write_bytes(track("u2", 1).value + b"\n")
    plan = tmp_path / "plan.json"
    lines = {
        "send": ("send", tmp_path / "events.jsonl"),
        "pause": ("pause",),
        "resume": ("resume",),
        "status": ("status", "--json"),
        "dlq list": ("dlq", "list"),
        "dlq redrive": ("dlq", "redrive", "--yes", "--json"),
        "dlq purge": ("dlq", "purge", "--yes"),
        "replay plan": ("replay", "plan", "--out", tmp_path / "another.json"),
        "replay run": ("replay", "run", plan, "--automations-may-fire", "--json"),
        "replay list": ("replay", "list"),
        "replay cancel": ("replay", "cancel", json.loads(plan.read_text())["id"]),
        "person delete": ("person", "delete", "--user-id", "u9", "--yes"),
    }
    assert sorted(lines) == COMMANDS
    done = {}
    for command, line in lines.items():
        with secured.rights(*rights_of(command, lived)):
            done[command] = run(*line, **lived.environment)

    said = {command: (each.code, each.err) for command, each in done.items() if each.code not in (0, 1)}
    assert said == {}
    # Nobody works just now, which status tells by its exit code.
    assert {command for command, each in done.items() if each.code == 1} <= {"status"}
    assert not [command for command, each in done.items() if "no right" in each.out + each.err]
