"""Events of type `delete` in the stream, on a real Kafka."""

import asyncio
import json
import time

import pytest

from connector.demo.events import Produced
from connector.edges.suppression import read_suppressions
from connector.settings import Settings
from tests.cli.command import run
from tests.eventually import eventually
from tests.kafka.stack import track

pytestmark = pytest.mark.kafka

ID = "a+b&c#d é"  # an id that the reference would cut and change


def delete(person, sequence):
    id_ = f"{person}.{sequence}"
    event = {"type": "delete", "userId": person, "messageId": id_}
    return Produced(id_, person, sequence, json.dumps(event).encode())


def remembered(stack):
    return asyncio.run(read_suppressions(Settings.from_environment(stack.environment), "test"))


def test_a_delete_event_deletes_its_person_in_order_and_is_remembered_for_redrive_and_replay(stack):
    stack.produce([track(ID, 1), track("u2", 1), delete(ID, 2), track(ID, 3)])
    stack.start_worker()
    eventually(lambda: stack.simulator.stats()["accepted"] == 4, 40)
    eventually(lambda: stack.lag() == 0, 20)
    stack.stop_workers()
    suppressions = remembered(stack)

    mine = [each for each in stack.simulator.requests() if each["person"] == ID]
    assert [each["method"] for each in mine] == ["POST", "DELETE", "POST"]
    assert stack.simulator.person(ID)["events"] == {"Order Completed": 1}
    assert stack.simulator.person("u2")["events"] == {"Order Completed": 1}
    assert suppressions.covers({"type": "track", "userId": ID}, time.time() - 60)
    assert not suppressions.covers({"type": "track", "userId": ID}, time.time() + 60)
    assert not suppressions.covers({"type": "track", "userId": "u2"}, time.time() - 60)
    [key] = [
        message.key() for message in stack.records(stack.control) if message.key().startswith(b"deleted/")
    ]
    assert ID.encode() not in key
    assert stack.dead_letters() == []


def test_a_deletion_that_encharge_refused_can_be_redriven_and_is_remembered_then(stack):
    person = {"type": "delete", "userId": "u1"}
    stack.simulator.configure(fail_people={"u1": 400})
    stack.start_worker()
    stack.produce([delete("u1", 1)])
    eventually(lambda: len(stack.dead_letters()) == 1, 40)
    after_refusal = remembered(stack)
    stack.simulator.configure(fail_people={})

    redriven = run("dlq", "redrive", "--yes", **stack.environment)

    assert redriven.code == 0
    eventually(lambda: remembered(stack).covers(person, time.time() - 60), 20)
    stack.stop_workers()
    assert not after_refusal.covers(person, 0)
    assert [each["method"] for each in stack.simulator.requests()] == ["DELETE"]
