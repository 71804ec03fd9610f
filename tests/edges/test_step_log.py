"""The steps of a record as lines of the log."""

import json

import pytest
import structlog
from aiokafka.errors import MessageSizeTooLargeError, NotEnoughReplicasError

from connector.core import Destination
from connector.delivery.planner import plan_with
from connector.edges.step_log import IngestStepLog, StepLog
from tests.builders import record
from tests.delivery import setup as delivery
from tests.edges import test_ingest_stage as ingest
from tests.fakes import BROKEN, OK, REFUSED, TIMEOUT, ScriptedSender

CANARIES = ("canary", "Secret Purchase", "test-key")


@pytest.fixture
def lines():
    """What is logged at debug, as dictionaries."""
    with structlog.testing.capture_logs() as captured:
        yield captured


def delivered(*records, plan=delivery.plan_one_request, sender=None):
    async def scenario(setup):
        setup.context.trail = StepLog()
        setup.submit(*records)
        await setup.settled()

    delivery.play(scenario, plan=plan, sender=sender)


def of_the_step_log(lines):
    """Lines of debug, each without what all of them have."""
    found = []
    for line in lines:
        if line["log_level"] == "debug":
            place = line.pop("topic"), line.pop("partition"), line.pop("offset")
            del line["log_level"]
            found.append((place, line))
    return found


def test_one_life_with_a_retry_is_one_line_for_each_step(lines):
    delivered(record(7), sender=ScriptedSender(BROKEN, TIMEOUT, OK))

    names = {"mapping": "Track Event", "action": "trackEvent"}
    found = of_the_step_log(lines)
    assert {place for place, _ in found} == {("by-user", 0, 7)}
    assert [line for _, line in found] == [
        {"event": "record taken"},
        {"event": "record planned", "requests": 1, "given_up": 0},
        {"event": "attempt begun", "attempt": 1, **names},
        {"event": "attempt ended", "attempt": 1, "code": "transient", "status": 500, **names},
        {"event": "waits for retry", "attempt": 1, "code": "transient", "delay_s": 0.5, **names},
        {"event": "attempt begun", "attempt": 2, **names},
        {"event": "attempt ended", "attempt": 2, "code": "transient", "trouble": "timeout", **names},
        {"event": "waits for retry", "attempt": 2, "code": "transient", "delay_s": 1.0, **names},
        {"event": "attempt begun", "attempt": 3, **names},
        {"event": "attempt ended", "attempt": 3, "code": "delivered", "status": 200, **names},
        {"event": "record settled", "finished": 1},
    ]


def test_a_dead_letter_has_a_line_with_its_code(lines):
    delivered(record(0), sender=ScriptedSender(REFUSED))

    names = {"mapping": "Track Event", "action": "trackEvent"}
    assert [line for _, line in of_the_step_log(lines)][-3:] == [
        {"event": "attempt ended", "attempt": 1, "code": "rejected", "status": 400, **names},
        {"event": "dead letter written", "attempt": 1, "code": "rejected", **names},
        {"event": "record settled", "finished": 1},
    ]


def test_a_record_that_no_mapping_matched_says_so(lines):
    delivered(record(0), plan=lambda record: ())

    assert [line for _, line in of_the_step_log(lines)] == [
        {"event": "record taken"},
        {"event": "record planned: nothing to do", "requests": 0, "given_up": 0},
        {"event": "record settled", "finished": 0},
    ]


def test_a_record_of_several_events_says_that_they_are_planned_one_after_the_other(lines):
    delivered(record(0), plan=lambda record: iter([delivery.plan_one_request(record)]))

    assert of_the_step_log(lines)[1][1] == {"event": "record is an envelope, planned by event"}


def test_a_record_that_was_not_settled_says_that_it_was_left(lines):
    async def scenario(setup):
        setup.context.trail = StepLog()
        setup.submit(record(0))
        await delivery.until(lambda: setup.sender.under_way)
        await setup.dispatcher.drain(1.0)

    delivery.play(scenario, sender=ScriptedSender(latency_s=60))

    assert of_the_step_log(lines)[-1][1] == {"event": "record left to the next owner of its partition"}


def test_no_line_has_an_id_a_key_a_body_or_the_name_of_an_event(lines):
    destination = Destination.from_config({"id": "test"}, api_key="test-key")
    event = {
        "type": "track",
        "event": "Secret Purchase",
        "userId": "canary-id",
        "context": {"traits": {"email": "canary@example.com"}},
    }
    unusable = {"type": "identify", "userId": "canary-id", "traits": {"email": ["canary"]}}
    records = [
        record(offset, "canary-key", json.dumps(value).encode(), headers=(("canary", b"canary"),))
        for offset, value in enumerate((event, event, unusable, "canary"))
    ]

    delivered(
        *records,
        plan=plan_with(destination, largest_record=10_000),
        sender=ScriptedSender(REFUSED._replace(body=b'{"error":{"message":"canary"}}'), BROKEN),
    )

    text = repr(lines)
    assert "dead letter written" in text
    assert "unreadable_not_an_object" in text
    assert not [canary for canary in CANARIES if canary in text]


def test_what_the_ingest_stage_forwards_and_gives_up_has_a_line_each(lines):
    async def scenario(setup):
        setup.producer.troubles[ingest.event(0).value] = [NotEnoughReplicasError()]
        batch = {"batch": [{"type": "track", "userId": "canary", "event": "Secret Purchase"}] * 2}
        await setup.take(
            ingest.event(0, "canary"),
            ingest.source_record(1, b"canary"),
            ingest.source_record(2, json.dumps(batch).encode()),
        )

    ingest.play(scenario, trail=IngestStepLog())

    assert not [canary for canary in CANARIES if canary in repr(lines)]
    assert of_the_step_log(lines) == [
        (("events", 3, 1), {"event": "dead letter written", "code": "unreadable_not_json"}),
        (("events", 3, 0), {"event": "record forwarded", "events": 1}),
        (("events", 3, 2), {"event": "record forwarded", "events": 2}),
    ]


def test_of_records_that_are_refused_together_each_is_told_of_once(lines):
    async def scenario(setup):
        setup.producer.troubles = {
            ingest.event(1).value: [MessageSizeTooLargeError(), MessageSizeTooLargeError()],
            ingest.event(2).value: [MessageSizeTooLargeError()],
        }
        await setup.take(ingest.event(0), ingest.event(1), ingest.event(2))

    ingest.play(scenario, trail=IngestStepLog())

    assert [(offset, line["event"]) for (*_, offset), line in of_the_step_log(lines)] == [
        (0, "record forwarded"),
        (2, "record forwarded"),
        (1, "dead letter written"),
    ]
