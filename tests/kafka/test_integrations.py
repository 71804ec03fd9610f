"""The examples of docs/integrations with real workers on a real Kafka."""

import json
import signal
import subprocess
import sys
from collections import defaultdict

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewTopic

from connector.core import compile_fields, compile_trigger
from connector.simulator import SimulatorConfig, running_simulator
from tests.cli.command import Process, run
from tests.docs.pages import ROOT
from tests.eventually import eventually
from tests.kafka.stack import API_KEY, QUIET

pytestmark = pytest.mark.kafka

EXAMPLES = ROOT / "examples"


def write(stack, records):
    """Write (key, value, headers, partition) to the source topic, as a producer that is none of ours."""
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers, "enable.idempotence": True, **QUIET})
    failed = []
    for key, value, headers, partition in records:
        producer.produce(
            stack.source,
            value,
            key=key,
            headers=headers,
            partition=-1 if partition is None else partition,
            on_delivery=lambda error, _: failed.append(error),
        )
    assert producer.flush(30) == 0
    assert set(failed) == {None}


def bodies(simulator):
    return [request["body"] for request in simulator.requests() if request["method"] != "GET"]


def ids(simulator):
    return [body["messageId"] for body in bodies(simulator)]


def track(person, number, **more):
    return {
        "type": "track", "event": "Order Completed", "userId": person, "messageId": f"{person}.{number}",
        "timestamp": f"2026-11-24T04:{number // 60:02}:{number % 60:02}Z", **more,
    }  # fmt: skip


def encoded(value):
    return json.dumps(value).encode()


def assert_in_order(messages, people, each):
    for person in people:
        found = [int(id_.split(".")[1]) for id_ in messages if id_.split(".")[0] == person]
        assert found == list(range(each)), person


# Segment's Kafka destination


def as_segment_writes(mapping, events):
    """Do what the destination's code does with a mapping: key, value and headers as JSON.stringify makes them."""
    takes, fields = compile_trigger(mapping["trigger"]), compile_fields(mapping["settings"])
    for event in events:
        assert takes(event), event["type"]
        made = fields(event)
        value = json.dumps(made["payload"], separators=(",", ":"), ensure_ascii=False).encode()
        yield made["key"], value, made["headers"], made.get("partition")


@pytest.mark.parametrize("partitioning", ["repartition", "source"])
def test_what_segments_kafka_destination_writes_becomes_requests_in_order(stack, partitioning):
    mapping = json.loads((EXAMPLES / "segment-kafka/mapping.json").read_text())
    events = [json.loads(line) for line in (EXAMPLES / "segment-kafka/events.jsonl").read_text().splitlines()]
    write(stack, as_segment_writes(mapping, events))
    stack.start_worker(CONNECTOR_PARTITIONING=partitioning)
    eventually(lambda: len(bodies(stack.simulator)) == len(events), 60)
    stack.stop_workers()

    arrived = bodies(stack.simulator)
    of_user = [
        body["type"] for body in arrived if body.get("userId", body.get("user", {}).get("userId")) == "u-1"
    ]
    assert of_user == ["identify", "track", "group", "alias"]
    [page] = [body for body in arrived if body["type"] == "page"]
    assert page["segmentAnonymousId"] == "a-91"
    assert page["properties"]["path"] == "/pricing"
    assert not stack.dead_letters()
    if partitioning == "repartition":
        forwarded = stack.records(stack.by_user)
        assert [dict(message.headers())["origin"] for message in forwarded] == [b"segment"] * len(events)


# analytics-python


def test_what_analytics_python_sends_can_be_written_to_the_topic_as_it_is(stack):
    sample = EXAMPLES / "analytics-python/sample.jsonl"
    done = run("send", str(sample), **stack.environment)
    assert done.code == 0, done.err
    stack.start_worker()
    eventually(lambda: len(bodies(stack.simulator)) == 8, 60)
    stack.stop_workers()

    arrived = {
        (body["type"], body.get("event"), body.get("userId")): body for body in bodies(stack.simulator)
    }
    identify = arrived["identify", None, "u1"]
    assert identify["user"] == {
        "userId": "u1", "segmentAnonymousId": "a1", "email": "ada@example.com", "plan": "pro",
        "createdAt": "2020-02-29T12:30:00+00:00", "birthday": "1990-12-10", "balance": 12.5,
        "tags": ["early", "é雪"], "address": {"city": "London", "postalCode": None}, "vip": True,
    }  # fmt: skip
    order = arrived["track", "Order Completed", "u1"]
    assert order["properties"] == {
        "total": 99.95, "orderedAt": "2026-11-24T04:15:00+00:00", "items": [{"sku": "b-1", "quantity": 2}],
    }  # fmt: skip
    assert (order["email"], order["context"]["ip"]) == ("ada@example.com", "203.0.113.7")
    assert arrived["page", None, "u1"]["properties"]["path"] == "/pricing"
    group = arrived["group", None, None]
    assert (group["properties"]["externalId"], group["user"]["userId"]) == ("7", "u1")
    assert arrived["alias", None, "u1"]["previousUserId"] == "a1"
    assert arrived["identify", None, "42"]["email"] == "bob@example.com"
    assert arrived["track", "Cart Viewed", None]["segmentAnonymousId"] == "a2"
    assert arrived["track", "Signed Out", "u1"]["messageId"] == "00000000-0000-4000-8000-000000000000"
    assert not stack.dead_letters()
    keys = [message.key() for message in stack.records(stack.by_user)]
    assert sorted(keys) == sorted([b"u1"] * 7 + [b"42", b"a2"])


# Topics that are not keyed by person

PEOPLE, EACH = [f"u{number}" for number in range(10)], 12


def scattered(stack):
    """One event of each person in turn, partition by partition in turn; with a key that says nothing."""
    for number in range(EACH):
        for index, person in enumerate(PEOPLE):
            partition = (number * len(PEOPLE) + index) % stack.partitions
            yield b"key of nobody", encoded(track(person, number)), None, partition


def test_of_a_topic_that_is_not_keyed_by_person_the_order_within_its_partitions_is_kept(stack):
    place = {json.loads(value)["messageId"]: partition for _, value, _, partition in scattered(stack)}
    assert len({place[f"u0.{number}"] for number in range(EACH)}) > 1, "the events of a person are scattered"
    write(stack, scattered(stack))
    stack.start_worker()
    eventually(lambda: len(ids(stack.simulator)) == len(PEOPLE) * EACH, 60)
    stack.stop_workers()

    arrived = ids(stack.simulator)
    assert len(set(arrived)) == len(arrived)  # nothing lost, nothing twice
    by_place = defaultdict(list)
    for id_ in arrived:
        person, number = id_.split(".")
        by_place[person, place[id_]].append(int(number))
    assert all(numbers == sorted(numbers) for numbers in by_place.values())
    homes = defaultdict(set)
    for message in stack.records(stack.by_user):
        homes[message.key()].add(message.partition())
    assert {len(partitions) for partitions in homes.values()} == {1}


def test_a_topic_that_was_not_keyed_by_person_is_put_into_order_once_and_sent_anew(stack):
    write(stack, scattered(stack))
    lines = b"\n".join(message.value() for message in stack.records(stack.source))
    mixed = [json.loads(line)["messageId"] for line in lines.splitlines()]
    program = [sys.executable, EXAMPLES / "unkeyed-topic/in_order.py"]
    ordered = subprocess.run(program, input=lines, capture_output=True, check=True, timeout=60).stdout
    file = stack.directory / "ordered.jsonl"
    file.write_bytes(ordered)
    anew = f"{stack.source}.ordered"
    stack.admin.create_topics([NewTopic(anew, stack.partitions)])[anew].result(30)
    assert run("send", str(file), "--topic", anew, **stack.environment).code == 0
    stack.start_worker(CONNECTOR_SOURCE_TOPIC=anew, CONNECTOR_PARTITIONING="source")
    eventually(lambda: len(ids(stack.simulator)) == len(PEOPLE) * EACH, 60)
    stack.stop_workers()

    assert_in_order(ids(stack.simulator), PEOPLE, EACH)
    with pytest.raises(AssertionError):
        assert_in_order(mixed, PEOPLE, EACH)  # as it was


# Several destinations


def settings_in(file):
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


class Beside:
    """Both destinations of examples/two-destinations on one stack, each with a stand-in Encharge and a worker."""

    def __init__(self, stack, newsletter):
        self.stack = stack
        self.simulators = {"production": stack.simulator, "newsletter": newsletter}
        self.environments = {}
        for name, simulator in self.simulators.items():
            file = stack.directory / f"{name}.yaml"
            file.write_text((EXAMPLES / f"two-destinations/{name}.yaml").read_text())
            given = settings_in(EXAMPLES / f"two-destinations/{name}.settings")
            del given["CONNECTOR_ENCHARGE_API_KEY_FILE"]
            self.environments[name] = {
                **given,
                **stack.environment,
                "CONNECTOR_DESTINATION_FILE": str(file),
                "CONNECTOR_ENCHARGE_INGEST_URL": f"{simulator.url}/v1",
                "CONNECTOR_ENCHARGE_API_URL": simulator.url,
            }
        self.workers = {name: stack.start_worker(**each) for name, each in self.environments.items()}

    def command(self, name, *arguments):
        done = run(*arguments, **self.environments[name])
        assert done.code == 0, done.err
        return done

    def arrived(self, name):
        return [(body["type"], body.get("event"), body["userId"]) for body in bodies(self.simulators[name])]

    def says(self, name, text):
        eventually(lambda: text in self.workers[name].log.read_text(), 30, what=f"{name} says {text!r}")

    def lag(self, name):
        return self.stack.lag(group=f"{self.stack.group}.deliver.{name}")


DESTINATION = {"CONNECTOR_DESTINATION_FILE", "CONNECTOR_ENCHARGE_API_KEY"}


@pytest.fixture
def roles(stack, tmp_path):
    """Start workers of one role each; all must end by themselves and well."""
    started, empty = [], tmp_path / "empty"  # there is no destination file in it
    empty.mkdir()

    def start(role, environment):
        started.append(Process(("run", "--role", role), empty, tmp_path, environment))

    yield start
    try:
        for process in started:
            eventually(lambda process=process: "worker started" in process.err, 60)
            process.send(signal.SIGTERM)
        assert [process.wait(60) for process in started] == [0] * len(started)
    finally:
        for process in started:
            process.close()


@pytest.fixture
def beside(stack):
    with running_simulator(SimulatorConfig(tokens=(API_KEY,)), own_process=True) as newsletter:
        beside = Beside(stack, newsletter)
        for name in beside.workers:
            beside.says(name, "worker started")
        yield beside
        stack.stop_workers()


def story(person):
    """What one person does: the three events that the tests of both destinations tell apart."""
    identify = {"type": "identify", "userId": person, "traits": {"email": f"{person}@example.com"}}
    signed_up = {"type": "track", "event": "Signed Up", "userId": person, "properties": {}}
    ordered = {"type": "track", "event": "Order Completed", "userId": person, "properties": {}}
    for number, event in enumerate([identify, signed_up, ordered]):
        yield person, encoded({**event, "messageId": f"{person}.{number}"}), None, None


def of_production(person):
    return [("identify", None, person), ("track", "Signed Up", person), ("track", "Order Completed", person)]


def of_newsletter(person):
    return [("identify", None, person), ("track", "Newsletter reader", person)]


def test_each_destination_gets_what_its_file_says_and_a_pause_holds_one_alone(stack, beside):
    write(stack, story("u1"))
    eventually(lambda: len(beside.arrived("production")) == 3, 60)
    eventually(lambda: len(beside.arrived("newsletter")) == 2, 60)
    assert beside.arrived("production") == of_production("u1")
    assert beside.arrived("newsletter") == of_newsletter("u1")

    beside.command("newsletter", "pause", "--note", "too many letters")
    beside.says("newsletter", "too many letters")
    write(stack, story("u2"))
    eventually(lambda: len(beside.arrived("production")) == 6, 60)
    assert beside.arrived("newsletter") == of_newsletter("u1")
    assert beside.lag("newsletter") > 0
    beside.command("newsletter", "resume")
    eventually(lambda: len(beside.arrived("newsletter")) == 4, 60)

    assert beside.arrived("newsletter")[2:] == of_newsletter("u2")
    assert len(stack.records(stack.by_user)) == 6  # one ingest stage between them
    eventually(lambda: beside.lag("newsletter") == 0, 30)
    report = run("status", "--json", **beside.environments["production"]).json  # of all destinations
    groups = {group["group"] for group in report["groups"]}
    assert {f"{stack.group}.deliver.{name}" for name in beside.workers} <= groups


def test_one_ingest_stage_by_itself_serves_workers_that_only_deliver(stack, roles):
    roles("ingest", {name: value for name, value in stack.environment.items() if name not in DESTINATION})
    newsletter = stack.directory / "newsletter.yaml"
    newsletter.write_text((EXAMPLES / "two-destinations/newsletter.yaml").read_text())
    for file in (stack.environment["CONNECTOR_DESTINATION_FILE"], str(newsletter)):
        roles("deliver", {**stack.environment, "CONNECTOR_DESTINATION_FILE": file})
    write(stack, story("u1"))
    eventually(lambda: len(bodies(stack.simulator)) == 5, 60)

    arrived = sorted((body["type"], body.get("event", "")) for body in bodies(stack.simulator))
    expected = [(type_, event or "") for type_, event, _ in of_production("u1") + of_newsletter("u1")]
    assert arrived == sorted(expected)
    assert len(stack.records(stack.by_user)) == 3


def test_dead_letters_are_told_apart_and_a_redrive_sends_those_of_one_destination_to_it_alone(stack, beside):
    file = stack.directory / "newsletter.yaml"
    mended = file.read_text()
    file.write_text(mended.replace("event: Newsletter reader", "event: {'@path': $.properties.nothing}"))
    beside.says("newsletter", "configuration is in force")
    write(stack, story("u1"))
    eventually(lambda: len(stack.dead_letters()) == 1, 60)
    eventually(lambda: len(beside.arrived("production")) == 3, 60)

    assert dict(stack.dead_letters()[0].headers())["encharge.destination"] == b"newsletter"
    assert beside.command("production", "dlq", "list", "--json").json_lines == []
    [row] = beside.command("newsletter", "dlq", "list", "--json").json_lines
    assert (row["code"], row["count"]) == ("invalid_payload", 1)

    file.write_text(mended)
    eventually(
        lambda: beside.workers["newsletter"].log.read_text().count("configuration is in force") == 2, 30
    )
    beside.command("newsletter", "dlq", "redrive", "--yes")
    eventually(lambda: len(beside.arrived("newsletter")) == 2, 60)
    eventually(lambda: beside.lag("production") <= 1, 30)  # the mark of the transaction may be left
    write(stack, story("u2"))
    eventually(lambda: len(beside.arrived("production")) == 6, 60)

    assert sorted(beside.arrived("newsletter")[:2], key=str) == sorted(of_newsletter("u1"), key=str)
    assert beside.arrived("production") == of_production("u1") + of_production("u2")
    assert beside.command("newsletter", "dlq", "list", "--json").json_lines == []
