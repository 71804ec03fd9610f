"""`encharge-connector replay`."""

import json
import re
import signal
import time

import pytest
from confluent_kafka import IsolationLevel, Producer, TopicPartition
from confluent_kafka.admin import OffsetSpec

from connector.edges.replay.plan_file import write_plan
from schemas import load_schema
from tests.cli.command import run
from tests.cli.conftest import API_KEY
from tests.delivery.test_replay_plan import plan as some_plan
from tests.eventually import eventually

COUNTS = load_schema("replay_plan.json")["examples"][0]["counts"]
KEY = {"CONNECTOR_ENCHARGE_API_KEY": API_KEY}
NO_KAFKA = {**KEY, "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "CONNECTOR_BY_USER_TOPIC": "by-user"}


@pytest.fixture(autouse=True)
def destination(here):
    (here / "destination.yaml").write_text("id: test\n")


# Without Kafka


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--since", "soon"), "'soon' is no time"),
        (("--until", "2026-13-01"), "'2026-13-01' is no time"),
        (("--from-offsets", "0:x"), "'0:x' is no offset of a partition"),
        (("--since", "1h", "--from-offsets", "0:1"), "both say where to begin"),
        (("--rate", "0"), "0 is not in the range"),
        (("--max-age", "old"), "'old' is no duration"),
        (("--out", "destination.yaml"), "destination.yaml exists already"),
        (("--mapping", "Nothing"), "--mapping: 'Nothing' is no enabled mapping of destination.yaml"),
        (("--where", "nope nope"), "--where: "),
        (("--from-source", "--mapping", "Track Event"), "--mapping: does not go with --from-source"),
    ],
)
def test_a_plan_that_cannot_be_made_is_refused(arguments, told):
    done = run("replay", "plan", *arguments, **NO_KAFKA)

    assert (done.code, done.out) == (2, "")
    assert told in done.err


def test_a_source_topic_that_is_delivered_directly_is_not_ingested_again():
    done = run("replay", "plan", "--from-source", **NO_KAFKA, CONNECTOR_PARTITIONING="source")

    assert done.code == 2
    assert "CONNECTOR_PARTITIONING: is source" in done.err


@pytest.fixture
def refused_plan(here):
    """Write a plan with some changes and try to run it."""

    def attempt(*arguments, **changes):
        values = {"oldest_at": time.time(), "counts": COUNTS, **changes}
        file = here / f"{values.get('id', 'r1')}.json"
        write_plan(some_plan(**values), file)
        return run("replay", "run", file, *arguments, **NO_KAFKA)

    return attempt


@pytest.mark.parametrize(
    ("changes", "arguments", "told"),
    [
        pytest.param({"destination": "other"}, (), "id: is test, but the plan is for other", id="destination"),
        pytest.param({"topic": "x"}, (), "CONNECTOR_BY_USER_TOPIC: is by-user, but the plan is of x", id="topic"),
        pytest.param({"mappings": ("Gone",)}, (), "has no enabled 'Gone' any more", id="mapping"),
        pytest.param({}, ("--configuration", "as-planned"), "but was v1 when the plan was made", id="version"),
    ],
)  # fmt: skip
def test_a_plan_that_does_not_fit_the_configuration_is_refused(refused_plan, changes, arguments, told):
    done = refused_plan(*arguments, **changes)

    assert (done.code, done.out) == (2, "")
    assert told in done.err


def test_a_destination_that_discards_is_not_replayed(refused_plan, here):
    (here / "destination.yaml").write_text("id: test\nenabled: false\nwhen_disabled: discard\n")

    assert "nothing would be sent" in refused_plan().err


def test_old_events_are_not_sent_before_somebody_says_that_automations_may_fire(refused_plan):
    old = time.time() - 31 * 86_400

    done = refused_plan(oldest_at=old)

    assert (done.code, done.out) == (1, "")
    assert "Encharge's automations do not know that an event is old" in done.err
    assert refused_plan("--automations-may-fire", oldest_at=old, id="r2").code == 3  # there is no Kafka


def test_a_plan_of_nothing_is_done_at_once(refused_plan):
    done = refused_plan("--json", ranges={})

    assert (done.code, done.json) == (0, {"id": "r1", "state": "done", "requests": 0})


# On a real Kafka


class World:
    """The by-user topic with some events, and Encharge; the commands know where they are."""

    def __init__(self, cluster, encharge, here, start):
        self.cluster, self.encharge, self.here, self._start = cluster, encharge, here, start
        cluster.create(cluster.by_user, cluster.dead, cluster.source)
        cluster.create(cluster.control, cleanup_policy="compact")
        self.environment = {
            **cluster.environment,
            **KEY,
            "CONNECTOR_ENCHARGE_INGEST_URL": f"{encharge.url}/v1",
            "CONNECTOR_ENCHARGE_API_URL": encharge.url,
        }

    def write(self, events, topic=None, **more):
        producer = Producer({"bootstrap.servers": self.cluster.bootstrap_servers, **more})
        if more:
            producer.init_transactions(20)
            producer.begin_transaction()
        for event in events:
            producer.produce(topic or self.cluster.by_user, json.dumps(event).encode(), key=event["userId"])
        assert producer.flush(20) == 0
        if more:
            producer.commit_transaction(20)
            self._await_marker()

    def _await_marker(self):
        """A marker is written after the client was answered; until then the records are held back."""

        def end(isolation):
            asked = {TopicPartition(self.cluster.by_user, 0): OffsetSpec.latest()}
            [found] = self.cluster.admin.list_offsets(asked, isolation_level=isolation).values()
            return found.result(20).offset

        eventually(lambda: end(IsolationLevel.READ_COMMITTED) == end(IsolationLevel.READ_UNCOMMITTED), 10)

    def run(self, *arguments):
        return run("replay", *arguments, **self.environment)

    def start(self, *arguments):
        return self._start("replay", *arguments, **self.environment)

    def plan(self, *arguments):
        file = self.here / f"plan-{len(list(self.here.glob('plan-*')))}.json"
        done = self.run("plan", *arguments, "--out", file, "--json")
        assert done.code == 0, done.err
        return file, done.json

    @property
    def accepted(self):
        return self.encharge.stats()["accepted"]

    @property
    def ids(self):
        return [request["body"]["messageId"] for request in self.encharge.requests()]

    def state(self):
        [row] = self.run("list", "--json").json
        return row["state"]


@pytest.fixture
def world(cluster, encharge, here, start):
    return World(cluster, encharge, here, start)


def order(number, person="u1", event="Order"):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"type": "track", "event": event, "userId": person, "messageId": f"m{number}", "timestamp": now}


@pytest.mark.kafka
def test_a_plan_is_shown_and_run_to_an_end_that_is_a_transaction_marker(world):
    world.write([order(1), order(2, event="Refund"), order(3, person="u2")])
    world.write(
        [order(4, person="u3"), {"type": "screen", "userId": "u1"}],
        **{"transactional.id": world.cluster.by_user},
    )

    planned = world.run("plan", "--since", "1h", "--event", "Order", "--samples", "1", "--rate", "50")
    [file] = world.here.glob("replay-*.json")
    ran = world.run("list"), world.start("run", file).done()
    again = world.run("run", file)
    listed = world.run("list")

    id_ = file.stem.removeprefix("replay-")
    assert planned.code == 0
    assert planned.out.startswith(f"Replay {id_} for test\n  5 events read, 3 chosen of 3 people\n")
    assert "  Track Event: 3 requests\n" in planned.out
    assert "at 50 requests a second: about 0 s" in planned.out
    assert '"messageId":"m1"' in planned.out
    assert f"encharge-connector replay run {file.name}" in planned.out
    assert API_KEY not in planned.out
    assert ran[0].out == "There are no replays.\n"
    assert ran[1].code == 0, ran[1].err
    assert ran[1].out.startswith(f"Replay {id_} is done, after ")
    assert "  Track Event: 3 sent, 3 by this process\n" in ran[1].out
    assert sorted(world.ids) == ["m1", "m3", "m4"]  # of three people, in no order
    assert (again.code, again.out) == (
        0, f"Replay {id_}: is done already; make another plan to send the events again\n",
    )  # fmt: skip
    assert re.match(rf"{id_}  done  100 %, 3 of 3 requests sent, 0 dead letters, 0 processes\n", listed.out)


@pytest.mark.kafka
def test_a_replay_is_interrupted_waits_while_paused_is_cancelled_and_goes_on_each_time(world):
    world.write(order(number, person=f"u{number % 7}") for number in range(60))
    file, plan = world.plan("--rate", "20")

    first = world.start("run", file)
    eventually(lambda: world.accepted >= 10, 20)
    first.send(signal.SIGINT)
    interrupted = first.done()
    after_interruption = world.state()
    assert run("pause", "--note", "maintenance", **world.environment).code == 0
    before_pause = world.accepted
    second = world.start("run", file)
    eventually(lambda: "waits: paused" in second.err, 20)
    while_paused = world.accepted
    assert run("resume", **world.environment).code == 0
    eventually(lambda: world.accepted >= before_pause + 10, 20)
    while_running = world.state()
    cancel = world.run("cancel", plan["id"])
    cancelled = second.done()
    after_cancel = world.state()
    refused = world.run("run", file)
    last = world.start("run", file, "--yes", "--rate", "1000", "--json").done()

    assert interrupted.code == 130
    assert "was interrupted; the same command goes on where it stopped" in interrupted.out
    assert after_interruption == "interrupted"
    assert "maintenance" in second.err
    assert while_paused == before_pause
    assert while_running == "running"
    assert cancel.code == 0
    assert cancelled.code == 1
    assert "was cancelled; what was under way is finished" in cancelled.out
    assert after_cancel == "cancelled"
    assert (refused.code, refused.out) == (1, "")
    assert "this replay was cancelled" in refused.err
    assert last.code == 0, last.err
    assert last.json["all_processes"]["sent"] == {"Track Event": 60}
    assert sorted(world.ids) == sorted(f"m{number}" for number in range(60))
    assert world.state() == "done"


@pytest.mark.kafka
def test_records_that_are_gone_are_told_and_what_is_left_is_sent(world):
    world.write(order(number) for number in range(10))
    file, _ = world.plan()
    everything, _ = world.plan()
    delete_below(world, 4)

    refused = world.run("run", file)
    ran = world.start("run", file, "--yes").done()
    delete_below(world, 10)
    nothing_left = world.start("run", everything, "--yes").done()

    assert (refused.code, refused.out) == (1, "")
    assert f"4 of the records are gone from {world.cluster.by_user}" in refused.err
    assert ran.code == 0, ran.err
    assert world.ids == [f"m{number}" for number in range(4, 10)]
    assert nothing_left.code == 0, nothing_left.err


def delete_below(world, offset):
    place = TopicPartition(world.cluster.by_user, 0, offset)
    world.cluster.admin.delete_records([place])[place].result(20)


@pytest.mark.kafka
def test_a_topic_that_was_made_anew_is_another_one(world):
    world.write(order(number) for number in range(3))
    _, plan = world.plan()
    longer = world.here / "longer.json"
    plan["ranges"] = {"0": [0, 5]}
    longer.write_text(
        json.dumps({name: plan[name] for name in plan if name not in ("file", "estimated_s", "samples")})
    )

    done = world.run("run", longer)

    assert (done.code, done.out) == (3, "")
    assert "it was made anew; make another plan" in done.err


@pytest.mark.kafka
def test_from_the_source_topic_chosen_events_go_to_the_by_user_topic_once_more(world):
    world.write([order(1), order(2, person="u2")], world.cluster.source)
    world.write([{"batch": [order(3), order(4, person="u2")], "userId": "x"}], world.cluster.source)
    file, plan = world.plan("--from-source", "--user", "u2")

    ran = world.start("run", file, "--json").done()

    found = world.cluster.messages(world.cluster.by_user)
    assert plan["counts"]["chosen"] == 2
    assert ran.code == 0, ran.err
    assert ran.json["this_process"]["forwarded"] == 2
    assert [(message.key(), json.loads(message.value())["messageId"]) for message in found] == [
        (b"u2", "m2"), (b"u2", "m4"),
    ]  # fmt: skip
    assert {dict(message.headers())["encharge.replay"] for message in found} == {plan["id"].encode()}
    assert dict(found[0].headers())["encharge.source"].startswith(f"{world.cluster.source}/0/1/".encode())
    assert world.accepted == 0


@pytest.mark.kafka
def test_who_was_deleted_since_is_left_out(world):
    world.write([order(1), order(2, person="u2")])
    from connector.edges.suppression import DELETED_PREFIX, _keys

    [key] = _keys("test", {"userId": "u2"})
    assert key.startswith(DELETED_PREFIX)
    producer = Producer({"bootstrap.servers": world.cluster.bootstrap_servers})
    producer.produce(world.cluster.control, json.dumps({"at": time.time() + 5}).encode(), key=key.encode())
    producer.flush(20)

    _, plan = world.plan()

    assert (plan["counts"]["chosen"], plan["counts"]["suppressed"]) == (1, 1)


@pytest.mark.kafka
def test_a_replay_that_nobody_knows_cannot_be_cancelled(world):
    done = world.run("cancel", "nothing")

    assert done.code == 2
    assert "there is no replay 'nothing'" in done.err
