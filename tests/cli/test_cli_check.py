"""`encharge-connector check`."""

import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AclOperation, ResourceType

from tests.cli.cluster import Cluster
from tests.cli.command import run
from tests.cli.conftest import API_KEY
from tests.eventually import eventually

NOBODY = "http://127.0.0.1:1"
WORLD = {
    "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "CONNECTOR_ENCHARGE_API_URL": NOBODY,
    "CONNECTOR_ENCHARGE_INGEST_URL": NOBODY,
    "CONNECTOR_ENCHARGE_API_KEY": API_KEY,
    "CONNECTOR_WEB_PORT": "0",
}


def check(**environment):
    """Give (whether it is right, what was seen) by side and thing, as --json tells it, and the exit code."""
    done = run("check", "--json", **environment)
    return {(row["side"], row["what"]): (row["ok"], row["seen"]) for row in done.json}, done.code


@pytest.fixture
def destination(here):
    """A destination file at its default place."""
    file = here / "destination.yaml"
    file.write_text("id: production\n")
    return file


@pytest.fixture
def world(cluster, destination, encharge):
    """Everything a worker needs, but for the topics."""
    return {
        **WORLD,
        **cluster.environment,
        "CONNECTOR_ENCHARGE_API_URL": encharge.url,
        "CONNECTOR_ENCHARGE_INGEST_URL": f"{encharge.url}/v1",
    }


def test_every_side_is_checked_when_another_one_fails(encharge):
    done = run("check", **{**WORLD, "CONNECTOR_ENCHARGE_API_URL": encharge.url})

    assert done.code == 1
    assert [": ".join(line.split(": ")[:2]) for line in done.out.splitlines()] == [
        "FAIL configuration: destination",
        "FAIL kafka: broker",
        "ok   encharge: credentials",
        "ok   machine: clock",
        "FAIL encharge: ingest address",
        "ok   machine: web port",
    ]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        pytest.param("id: x\n", "destination.yaml: 5 enabled mappings", id="fine"),
        pytest.param("id: x\nmappings: []\n", "destination.yaml: 0 enabled mappings", id="no mapping"),
        pytest.param("id: [x\n", "destination.yaml:2:1: while parsing a flow sequence", id="broken"),
        pytest.param("id: x\nmappings:\n- {name: A, action: no, trigger: 'type = \"page\"'}\n", "destination.yaml:3:21: mappings[0].action: ", id="action"),
        pytest.param(None, "destination.yaml: No such file or directory; `encharge-connector init`", id="missing"),
    ],
)  # fmt: skip
def test_a_destination_file_is_told_with_what_is_wrong_and_where(here, text, seen):
    if text is not None:
        (here / "destination.yaml").write_text(text)

    found, code = check(**WORLD)

    ok, told = found["configuration", "destination"]
    assert told.startswith(seen)
    assert ok is told.endswith("enabled mappings")
    assert code == 1


def test_every_problem_of_a_destination_file_is_a_line(destination):
    destination.write_text("id: x\nwhen_disabled: never\nmappings: 3\n")

    done = run("check", **WORLD)

    assert [line for line in done.out.splitlines() if "configuration" in line] == [
        "FAIL configuration: destination: destination.yaml:2:16: when_disabled: must be hold or discard",
        "FAIL configuration: destination: destination.yaml:3:11: mappings: must be a list",
    ]


@pytest.mark.parametrize(
    ("key", "ok", "seen"),
    [
        pytest.param(API_KEY, True, "answers HTTP 200 OK", id="right"),
        pytest.param("wrong-key", False, "answers HTTP 401 Unauthorized", id="wrong"),
    ],
)
def test_the_key_is_tried(destination, encharge, key, ok, seen):
    world = {**WORLD, "CONNECTOR_ENCHARGE_API_URL": encharge.url, "CONNECTOR_ENCHARGE_API_KEY": key}

    found, _code = check(**world)

    assert found["encharge", "credentials"] == (ok, f"{encharge.url} {seen}")


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        pytest.param({}, f"Encharge at {NOBODY} cannot be reached (ConnectError)", id="unreachable"),
        pytest.param({"CONNECTOR_ENCHARGE_API_KEY": None}, "CONNECTOR_ENCHARGE_API_KEY (or …_FILE) is not set", id="missing"),
        pytest.param({"CONNECTOR_ENCHARGE_API_KEY": "ключ"}, "CONNECTOR_ENCHARGE_API_KEY: holds a character", id="key"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_tried_is_a_finding(destination, change, seen):
    found, code = check(**{**WORLD, **change})

    ok, told = found["encharge", "credentials"]
    assert not ok
    assert told.startswith(seen)
    assert found["configuration", "destination"][0]
    assert code == 1


def test_a_write_key_that_cannot_be_sent_is_a_finding(destination, encharge):
    world = {**WORLD, "CONNECTOR_ENCHARGE_API_URL": encharge.url, "CONNECTOR_ENCHARGE_WRITE_KEY": "ключ"}

    found, code = check(**world)

    ok, seen = found["encharge", "write key"]
    assert not ok
    assert seen.startswith("CONNECTOR_ENCHARGE_WRITE_KEY: holds a character")
    assert found["encharge", "credentials"][0]
    assert code == 1


@pytest.mark.kafka
def test_a_world_in_order_exits_0_and_leaves_one_probe_behind(world, cluster):
    run("topics", "apply", **world)

    text, as_json = run("check", **world), run("check", "--json", **world)

    assert (text.code, text.err) == (as_json.code, as_json.err) == (0, "")
    assert [f"ok   {row['side']}: {row['what']}: {row['seen']}" for row in as_json.json][:2] == (
        text.out.splitlines()[:2]
    )
    assert [(row["side"], row["what"]) for row in as_json.json] == [
        ("configuration", "destination"),
        ("kafka", "broker"),
        ("kafka", f"topic {cluster.source}"),
        ("kafka", f"topic {cluster.by_user}"),
        ("kafka", f"topic {cluster.dead}"),
        ("kafka", f"topic {cluster.control}"),
        ("kafka", f"group {world['CONNECTOR_GROUP_ID']}.ingest"),
        ("kafka", f"group {world['CONNECTOR_GROUP_ID']}.deliver.production"),
        ("kafka", f"transactional id {world['CONNECTOR_GROUP_ID']}.redrive"),
        ("kafka", "dead letters"),
        ("kafka", "control topic"),
        ("kafka", "ingest"),
        ("encharge", "credentials"),
        ("machine", "clock"),
        ("encharge", "ingest address"),
        ("machine", "web port"),
    ]
    assert {(row["ok"], row["fix"]) for row in as_json.json} == {(True, "")}
    probes = cluster.messages(cluster.dead)
    assert [(probe.value(), dict(probe.headers())) for probe in probes] == [
        (b"{}", {"encharge.code": b"probe"})
    ] * 2
    control = cluster.records(cluster.control)
    assert len({key for key, _ in control}) == 2
    assert [value for _, value in control] == [b'{"probe": true}', None] * 2
    assert cluster.records(cluster.source) == cluster.records(cluster.by_user) == []


@pytest.mark.kafka
def test_a_topic_that_is_missing_or_differs_is_a_finding_that_says_what_to_do(cluster, destination):
    cluster.create(cluster.by_user, retention_ms="1000")

    rows = {row["what"]: row for row in run("check", "--json", **{**WORLD, **cluster.environment}).json}

    assert rows["broker"]["ok"]
    for name in (cluster.source, cluster.dead, cluster.control):
        assert rows[f"topic {name}"] == {
            "side": "kafka",
            "what": f"topic {name}",
            "ok": False,
            "is_warning": False,
            "seen": "missing",
            "fix": "`encharge-connector topics apply` creates it",
        }
    differs = rows[f"topic {cluster.by_user}"]
    assert not differs["ok"]
    assert "retention.ms is 1000, wanted 604800000" in differs["seen"]
    assert differs["fix"] == "`encharge-connector topics apply` sets what differs"
    assert "dead letters" not in rows
    assert "control topic" not in rows


@pytest.mark.kafka
def test_another_group_that_forwards_to_the_same_topic_is_a_finding(world, cluster):
    run("topics", "apply", **world)
    reader = {"stage": "ingest", "group": "other.ingest", "topic": cluster.source, "writes": cluster.by_user}
    beat = {"at": time.time(), "readers": [reader]}

    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "log_level": 0})
    producer.produce(cluster.control, json.dumps(beat).encode(), key=b"worker/theirs")
    assert producer.flush(20) == 0

    [row] = [row for row in run("check", "--json", **world).json if row["what"] == "ingest"]
    assert (row["ok"], row["fix"]) == (False, "give all workers of these topics the same CONNECTOR_GROUP_ID")
    assert row["seen"].startswith(f"other.ingest forwards {cluster.source} to {cluster.by_user}")


@pytest.mark.kafka
def test_a_topic_that_is_not_used_is_not_checked(cluster, destination):
    found, _code = check(**{**WORLD, **cluster.environment, "CONNECTOR_PARTITIONING": "source"})

    assert ("kafka", f"topic {cluster.source}") in found
    assert ("kafka", f"topic {cluster.by_user}") not in found
    assert ("kafka", f"group {cluster.environment['CONNECTOR_GROUP_ID']}.ingest") not in found


@pytest.mark.kafka
def test_members_without_a_partition_are_a_finding(world, cluster):
    cluster.create(cluster.source, cluster.by_user)
    group = f"{world['CONNECTOR_GROUP_ID']}.ingest"

    with members(cluster, group, cluster.source, 2):
        eventually(lambda: check(**world)[0]["kafka", f"group {group}"] == (False, "2 members share 1 partitions, so 1 have nothing to do"), 20)  # fmt: skip


@contextmanager
def members(cluster, group, topic, count):
    """Let some consumers be in a group."""
    settings = {"bootstrap.servers": cluster.bootstrap_servers, "group.id": group, "log_level": 0}
    consumers = [Consumer(settings) for _ in range(count)]
    stop = threading.Event()

    def poll(consumer):
        consumer.subscribe([topic])
        while not stop.is_set():
            consumer.poll(0.1)
        consumer.close()

    threads = [threading.Thread(target=poll, args=[each]) for each in consumers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def guarded(secured, tmp_path, destination, encharge):
    """Topics on a Kafka that asks for rights, and settings that lead a command to it."""
    cluster = Cluster(secured.bootstrap_servers, tmp_path)
    world = {
        **WORLD,
        **cluster.environment,
        **secured.environment,
        "CONNECTOR_ENCHARGE_API_URL": encharge.url,
        "CONNECTOR_ENCHARGE_INGEST_URL": f"{encharge.url}/v1",
    }
    run("topics", "apply", **{**world, **open_listener(cluster)})
    return cluster, world


def open_listener(cluster):
    return {
        "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap_servers,
        "CONNECTOR_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
        "CONNECTOR_KAFKA_SASL_USERNAME": None,
        "CONNECTOR_KAFKA_SASL_PASSWORD": None,
    }


@pytest.mark.kafka
def test_the_rights_of_a_worker_are_enough(guarded, secured):
    cluster, world = guarded
    group = world["CONNECTOR_GROUP_ID"]
    rights = [
        (ResourceType.TOPIC, cluster.source, AclOperation.READ),
        *((ResourceType.TOPIC, name, operation)
          for name in (cluster.by_user, cluster.dead, cluster.control)
          for operation in (AclOperation.READ, AclOperation.WRITE)),
        (ResourceType.GROUP, f"{group}.*", AclOperation.READ),
        (ResourceType.TRANSACTIONAL_ID, f"{group}.redrive", AclOperation.WRITE),
    ]  # fmt: skip

    with secured.rights(*rights):
        eventually(lambda: run("check", **world).code == 0, 20)
        done = run("check", "--json", **world)

    assert (done.code, done.err) == (0, "")
    [by_user] = [row["seen"] for row in done.json if row["what"] == f"topic {cluster.by_user}"]
    assert by_user == (
        "8 partitions, so at most 8 workers deliver; its settings are not compared, that takes DESCRIBE_CONFIGS"
    )


@pytest.mark.kafka
def test_each_right_that_is_missing_is_named_with_the_command_that_gives_it(guarded, secured):
    cluster, world = guarded
    group = world["CONNECTOR_GROUP_ID"]
    rights = [
        (ResourceType.TOPIC, cluster.source, AclOperation.READ),
        (ResourceType.TOPIC, cluster.by_user, AclOperation.READ),
        (ResourceType.TOPIC, cluster.dead, AclOperation.WRITE),
        (ResourceType.GROUP, f"{group}.ingest", AclOperation.READ),
        (ResourceType.GROUP, f"{group}.deliver.production", AclOperation.DESCRIBE),
    ]

    with secured.rights(*rights):
        eventually(lambda: f"topic {cluster.source}: 8 partitions" in run("check", **world).out, 20)
        done = run("check", "--json", **world)

    def told(kind, name, *operations):
        flags = " ".join(f"--operation {each.capitalize()}" for each in operations)
        seen = f"User:connector has no right to {' and '.join(operations)} on {kind} {name}"
        command = f"kafka-acls --add --allow-principal User:connector {flags} --{kind} {name}"
        return seen, f"{command} (docs/kafka-rights.md)"

    assert done.code == 1
    assert {row["what"]: (row["seen"], row["fix"]) for row in done.json if not row["ok"]} == {
        f"topic {cluster.by_user}": told("topic", cluster.by_user, "WRITE"),
        f"topic {cluster.dead}": told("topic", cluster.dead, "READ"),
        f"topic {cluster.control}": told("topic", cluster.control, "READ", "WRITE"),
        f"group {group}.deliver.production": told("group", f"{group}.deliver.production", "READ"),
        f"transactional id {group}.redrive": told("transactional-id", f"{group}.redrive", "WRITE"),
    }
    assert cluster.records(cluster.dead) == cluster.records(cluster.control) == []


@pytest.mark.parametrize(
    ("listens", "ok", "seen"),
    [
        pytest.param(False, True, "is free", id="free"),
        pytest.param(True, False, "cannot be used (Address already in use)", id="taken by a stranger"),
    ],
)
def test_the_web_port_is_tried(monkeypatch, listens, ok, seen):
    monkeypatch.setattr("connector.cli.checks.machine.ANSWER_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not listens:
            server.close()

        found, _code = check(**WORLD | {"CONNECTOR_WEB_PORT": str(port)})

    assert found["machine", "web port"] == (ok, f"127.0.0.1:{port} {seen}")


def test_a_worker_that_has_the_web_port_already_is_no_finding(answering):
    port = answering(b'{"live":true}')

    found, _code = check(**WORLD | {"CONNECTOR_WEB_PORT": str(port)})

    assert found["machine", "web port"] == (True, f"a worker listens on 127.0.0.1:{port} already")


@pytest.mark.parametrize(
    ("date", "ok", "seen"),
    [
        pytest.param("Tue, 01 Jan 2019 00:00:00 GMT", False, "s ahead of Encharge's", id="ahead"),
        pytest.param("Tue, 01 Jan 2069 00:00:00 GMT", False, "s behind Encharge's", id="behind"),
        pytest.param("yesterday", None, None, id="no date"),
    ],
)
def test_a_clock_that_differs_from_encharge_s_is_a_finding(answering, date, ok, seen):
    port = answering(b"{}", f"Date: {date}")

    found, _code = check(**WORLD | {"CONNECTOR_ENCHARGE_API_URL": f"http://127.0.0.1:{port}"})

    assert found["encharge", "credentials"][0]
    clock = found.get(("machine", "clock"))
    assert clock is None if ok is None else clock[0] is ok and clock[1].endswith(seen)


def test_the_ingest_address_is_reached_without_sending_anything(encharge):
    before = encharge.stats()["requests"]

    found, _code = check(**WORLD | {"CONNECTOR_ENCHARGE_INGEST_URL": f"{encharge.url}/v1"})

    assert found["encharge", "ingest address"] == (True, f"{encharge.url}/v1 can be reached")
    assert encharge.stats()["requests"] == before


def test_an_ingest_address_that_speaks_no_tls_is_a_finding(encharge):
    url = encharge.url.replace("http:", "https:")

    found, _code = check(**WORLD | {"CONNECTOR_ENCHARGE_INGEST_URL": url})

    ok, seen = found["encharge", "ingest address"]
    assert not ok
    assert seen.startswith(f"{url} cannot be trusted (")


@pytest.fixture
def answering():
    """Give a function that makes a server which answers everything with the same, and gives its port."""
    servers, threads = [], []

    def serve(server, answer):
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

    def make(body, *headers):
        server = socket.create_server(("127.0.0.1", 0))
        head = ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        answer = "\r\n".join([*head, "Connection: close", *headers, "", ""]).encode() + body
        thread = threading.Thread(target=serve, args=(server, answer))
        thread.start()
        servers.append(server)
        threads.append(thread)
        return server.getsockname()[1]

    yield make
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
    for thread in threads:
        thread.join()
