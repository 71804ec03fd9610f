"""The worker on a real Kafka, judged from outside."""

import json

import pytest

from connector.demo.events import Produced
from tests.eventually import eventually
from tests.kafka.stack import round_robin, track

pytestmark = pytest.mark.kafka


def nested(levels):
    return b'{"x":' * levels + b"1" + b"}" * levels


def assert_promise_kept(verdict, duplicates=0):
    assert verdict.lost == []
    assert verdict.violations == []
    assert verdict.wrong == []
    assert verdict.duplicates <= duplicates


def test_events_of_every_type_arrive_as_the_presets_say(stack):
    common = {"messageId": "ignored", "timestamp": "2026-11-24T04:15:00Z", "anonymousId": "a1"}
    events = [
        {**common, "type": "identify", "userId": "u1", "traits": {"email": "u1@example.com", "plan": "pro"}},
        {**common, "type": "track", "userId": "u1", "event": "Signed Up", "properties": {"source": "ad"}},
        {**common, "type": "page", "userId": "u1", "properties": {"path": "/"}},
        {**common, "type": "group", "userId": "u1", "groupId": "g1", "traits": {"name": "Umbrella"}},
        {**common, "type": "alias", "userId": "u1", "previousId": "old"},
        {**common, "type": "screen", "userId": "u1", "name": "no preset takes this"},
    ]
    stack.start_worker()
    stack.produce(Produced(str(n), "u1", n, json.dumps(e).encode()) for n, e in enumerate(events))

    eventually(lambda: stack.simulator.stats()["accepted"] == 5, 30)
    bodies = [request["body"] for request in stack.simulator.requests()]
    assert [body["type"] for body in bodies] == ["identify", "track", "page", "group", "alias"]
    assert bodies[0]["user"] == {
        "userId": "u1", "segmentAnonymousId": "a1", "email": "u1@example.com", "plan": "pro",
    }  # fmt: skip
    assert bodies[3]["properties"] == {"name": "Umbrella", "externalId": "g1"}
    assert stack.simulator.person("u1")["fields"]["plan"] == "pro"
    stack.stop_workers()
    assert stack.lag() == 0
    assert stack.lag(stack.source, f"{stack.group}.ingest") == 0


def test_a_sigterm_under_load_repeats_nothing(stack):
    stack.simulator.configure(latency="fixed:20")
    stack.start_worker()
    stack.produce(round_robin(people=100, per_person=20))
    eventually(lambda: stack.simulator.stats()["accepted"] > 300, 30)
    stack.stop_workers()
    accepted = stack.simulator.stats()["accepted"]
    assert accepted < 2000, "the worker was done before it was stopped"

    stack.start_worker()
    verdict = stack.await_all()
    stack.stop_workers()

    assert_promise_kept(verdict, duplicates=0)
    assert stack.lag() == 0


def test_a_killed_worker_is_replaced_by_the_others_and_by_one_that_joins(stack):
    stack.simulator.configure(latency="fixed:10", rate_500=0.01, rate_429=0.01, retry_after="1")
    first = stack.start_worker()
    stack.start_worker()
    eventually(lambda: "partitions assigned" in first.log.read_text(), 30)
    stack.produce(round_robin(people=100, per_person=10), rate=400)
    first.kill()
    stack.produce((track(f"v{n}", s) for s in range(1, 11) for n in range(50)), rate=400)
    stack.start_worker()
    stack.produce((track(f"w{n}", s) for s in range(1, 11) for n in range(50)), rate=400)
    verdict = stack.await_all()
    stack.stop_workers()

    # In flight, and delivered or forwarded since the last commit a second before.
    assert_promise_kept(verdict, duplicates=256 + 2 * 400 * 2)
    assert verdict.produced == 2000
    assert stack.lag() == 0


def test_records_that_hold_no_event_become_dead_letters_and_the_stream_goes_on(stack):
    poison = [
        ("unreadable_not_json", b"{"),
        ("unreadable_not_json", b'{"userId": "u\xff"}'),
        ("unreadable_not_an_object", b'[{"type":"track"}]'),
        ("unreadable_not_an_object", b'"text"'),
        ("unreadable_no_identity", b'{"type":"track","event":"X"}'),
        ("unreadable_no_identity", b'{"type":"track","event":"X","messageId":"m1"}'),
        ("unreadable_empty", None),
        ("unreadable_too_large", b'{"userId":"u","x":"' + b"x" * (5 * 1024**2) + b'"}'),
        ("unreadable_not_json", nested(100_000)),
        ("invalid_encoding", b'{"type":"track","event":"X","userId":"u","properties":%s}' % nested(400)),
        ("invalid_payload", b'{"type":"track","userId":"u"}'),
    ]  # fmt: skip
    events = []
    for number, (code, value) in enumerate(poison):
        events += [Produced(f"poison.{number}", "u1", number, value, code), track("u1", number)]
    stack.start_worker()
    stack.produce(events)
    verdict = stack.await_all()
    stack.stop_workers()

    assert_promise_kept(verdict)
    assert verdict.accepted == len(poison)
    by_id = {stack._letter(message).source_id: message for message in stack.dead_letters()}
    for number, (code, value) in enumerate(poison):
        letter = by_id[f"poison.{number}"]
        assert letter.value() == value
        headers = dict(letter.headers())
        assert headers["encharge.code"].decode() == code
        assert headers["__connect.errors.exception.message"]
    assert stack.lag() == 0
