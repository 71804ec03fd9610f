"""Every command against a world that is not as it should be: one clear line, the right exit code, nothing half done.

A command that is not in the table below fails the first test.
"""

import socket
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from connector.cli import cli
from connector.edges.replay.plan_file import write_plan
from connector.settings import Settings
from tests.cli.command import run
from tests.cli.conftest import API_KEY
from tests.delivery.test_replay_plan import plan

NOBODY = "127.0.0.1:1"
EVENT = b'{"type": "track", "event": "Order", "userId": "u1"}\n'


@dataclass(frozen=True)
class Command:
    """How a command is called here, and what it needs to do anything.

    topics      settings of the topics it cannot work without
    reports     a trouble with Kafka is what it reports, not what stops it: exit code 1
    """

    arguments: tuple[str, ...]
    kafka: bool = True
    destination: bool = True
    topics: tuple[str, ...] = ()
    reports: bool = False


COMMANDS = {
    "init": Command(("init",), kafka=False, destination=False),
    "check": Command(("check",), reports=True),
    "run": Command(("run",)),
    "explain": Command(("explain", "--destination", "destination.yaml", "--events", "events.jsonl"), kafka=False),
    "lint": Command(("lint",), kafka=False),
    "test": Command(("test",), kafka=False),
    "diff": Command(("diff", "destination.yaml", "destination.yaml"), kafka=False),
    "import-segment": Command(("import-segment", "events.jsonl"), kafka=False, destination=False),
    "topics list": Command(("topics", "list"), kafka=False, destination=False),
    "topics diff": Command(("topics", "diff"), destination=False),
    "topics apply": Command(("topics", "apply"), destination=False),
    "send": Command(("send", "events.jsonl"), destination=False, topics=("CONNECTOR_SOURCE_TOPIC",)),
    "pause": Command(("pause",), topics=("CONNECTOR_CONTROL_TOPIC",)),
    "resume": Command(("resume",), topics=("CONNECTOR_CONTROL_TOPIC",)),
    "status": Command(("status",), destination=False),
    "dlq list": Command(("dlq", "list"), topics=("CONNECTOR_DEAD_LETTER_TOPIC",)),
    "dlq show": Command(("dlq", "show", "0:0"), topics=("CONNECTOR_DEAD_LETTER_TOPIC",)),
    "dlq redrive": Command(("dlq", "redrive", "--yes"), topics=("CONNECTOR_DEAD_LETTER_TOPIC",)),
    "dlq purge": Command(("dlq", "purge", "--yes"), topics=("CONNECTOR_DEAD_LETTER_TOPIC",)),
    "replay plan": Command(("replay", "plan", "--out", "plan.json"), topics=("CONNECTOR_BY_USER_TOPIC",)),
    "replay run": Command(("replay", "run", "replay.json", "--automations-may-fire"), topics=("CONNECTOR_CONTROL_TOPIC",)),
    "replay list": Command(("replay", "list"), destination=False, topics=("CONNECTOR_CONTROL_TOPIC",)),
    "replay cancel": Command(("replay", "cancel", "abcd1234"), destination=False, topics=("CONNECTOR_CONTROL_TOPIC",)),
    "settings": Command(("settings",), kafka=False, destination=False),
    "schema": Command(("schema",), kafka=False, destination=False),
    "object-types": Command(("object-types",), kafka=False, destination=False),
    "person delete": Command(
        ("person", "delete", "--user-id", "u1", "--yes"), topics=("CONNECTOR_CONTROL_TOPIC",)
    ),
    "demo": Command(("demo",), kafka=False, destination=False),
    "kafka": Command(("kafka",), kafka=False, destination=False),
    "simulator": Command(("simulator",), kafka=False, destination=False),
}  # fmt: skip
# `run` waits for Kafka, as a worker should; that is told in test_cli_run.py.
ASKS_KAFKA = [pytest.param(each, id=name) for name, each in COMMANDS.items() if each.kafka and name != "run"]
NEEDS_A_FILE = [
    pytest.param(each, id=name)
    for name, each in COMMANDS.items()
    if each.destination and not each.reports  # `check` tells it as a finding
]


def leaves(group, path=()):
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield " ".join((*path, name))


def test_every_command_is_in_the_table():
    assert sorted(leaves(cli)) == sorted(COMMANDS)


@pytest.fixture
def files(here):
    (here / "destination.yaml").write_text("id: production\n")
    (here / "events.jsonl").write_bytes(EVENT)
    write_replay(Settings().by_user_topic)


def write_replay(topic):
    file = Path("replay.json")
    file.unlink(missing_ok=True)
    write_plan(plan(topic=topic, destination="production"), file)


@pytest.fixture
def world(files, encharge):
    """Everything that is not Kafka is as it should be."""
    return {
        "CONNECTOR_ENCHARGE_API_URL": encharge.url,
        "CONNECTOR_ENCHARGE_INGEST_URL": f"{encharge.url}/v1",
        "CONNECTOR_ENCHARGE_API_KEY": API_KEY,
    }


def told(command, **environment):
    """Run a command; give its lines of error, and of findings for one that reports."""
    done = run(*command.arguments, **environment)
    assert done.code == (1 if command.reports else 3), done
    lines = done.err.splitlines()
    assert [line for line in lines if not line.startswith("error: ")] == []
    if command.reports:
        lines = [line for line in done.out.splitlines() if line.startswith("FAIL")]
    assert "Traceback" not in done.err
    return lines


@pytest.mark.parametrize("command", ASKS_KAFKA)
def test_no_kafka(command, world):
    [line] = told(command, CONNECTOR_KAFKA_BOOTSTRAP_SERVERS=NOBODY, **world)

    assert f"Kafka at {NOBODY} cannot be reached" in line
    assert "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS" in line


@pytest.mark.kafka
@pytest.mark.parametrize("command", ASKS_KAFKA)
def test_a_wrong_password(command, world, secured):
    environment = {**world, **secured.environment, "CONNECTOR_KAFKA_SASL_PASSWORD": "not-the-password"}

    [line] = told(command, **environment)

    assert "refuses user or password" in line
    assert "CONNECTOR_KAFKA_SASL_PASSWORD" in line
    assert "not-the-password" not in line


@pytest.mark.kafka
def test_a_worker_does_not_wait_when_its_password_is_wrong(world, secured, start):
    environment = {**world, **secured.environment, "CONNECTOR_KAFKA_SASL_PASSWORD": "not-the-password"}

    done = start("run", **environment, CONNECTOR_WEB_PORT="0").done()

    assert done.code == 3
    assert done.err.splitlines()[-1].startswith("error: Kafka at 127.0.0.1:")
    assert "refuses user or password" in done.err
    assert "not-the-password" not in done.err


@pytest.mark.kafka
@pytest.mark.parametrize("command", ASKS_KAFKA)
def test_no_rights_on_anything(command, world, secured):
    with secured.rights():
        lines = told(command, **world, **secured.environment)

    assert lines
    assert any("no right" in line and "kafka-rights" in line for line in lines), lines


@pytest.mark.kafka
@pytest.mark.parametrize(
    "command", [pytest.param(each, id=name) for name, each in COMMANDS.items() if each.topics]
)
def test_missing_topics(command, world, cluster):
    environment = {**world, **cluster.environment}
    write_replay(cluster.by_user)

    lines = told(command, **environment)

    names = [environment[name] for name in command.topics]
    assert any(name in line and "topics apply" in line for name in names for line in lines), lines
    assert cluster.partitions() == {}  # and none was made by asking


@pytest.mark.parametrize("command", NEEDS_A_FILE)
def test_no_configuration(command, here):
    (here / "events.jsonl").write_bytes(EVENT)
    write_replay(Settings().by_user_topic)

    done = run(
        *command.arguments, CONNECTOR_ENCHARGE_API_KEY=API_KEY, CONNECTOR_KAFKA_BOOTSTRAP_SERVERS=NOBODY
    )

    assert done.code == 2, done
    assert "destination.yaml" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("command", [*ASKS_KAFKA, pytest.param(COMMANDS["run"], id="run")])
def test_ctrl_c_while_kafka_says_nothing(command, world, start):
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        process = start(
            *command.arguments, **world, CONNECTOR_KAFKA_BOOTSTRAP_SERVERS=address, CONNECTOR_WEB_PORT="0"
        )
        silent.settimeout(20)
        asked, _ = silent.accept()  # now it waits for an answer
        with asked:
            process.press_ctrl_c()
            done = process.done()

    # A worker that was told to stop and had nothing to finish ended well.
    assert done.code == (0 if command.arguments == ("run",) else 130), done
    assert "Traceback" not in done.err
    assert done.out == ""
