"""Sending dead letters again, on a real Kafka: each once, in order, with headers that say what for."""

import asyncio
import json

import pytest

from connector.delivery.dead_letter import Reason
from connector.delivery.letter import Selection
from connector.delivery.planner import plan_with
from connector.delivery.redrive import Prospect
from connector.edges.dead_letters.redriver import Redriver
from connector.edges.producer import start_producer
from connector.errors import OperationalError
from tests.builders import record
from tests.edges.dead_letters.dlq_topics import DESTINATION, MAPPING, track
from tests.eventually import eventually_async

pytestmark = pytest.mark.kafka

NOT_JSON = Reason("unreadable_not_json", "the value is not JSON in UTF-8", "UnreadableRecord")
NO_IDENTITY = Reason("unreadable_no_identity", "no userId, no anonymousId and no email", "UnreadableRecord")


def ids(messages):
    return [json.loads(message.value())["messageId"] for message in messages]


async def test_a_letter_becomes_a_record_for_one_mapping_where_the_ingest_stage_would_put_it(dlq):
    partition, offset = dlq.letter(
        "u7",
        3,
        headers=(("encharge.source", b"s/1/2/3"), ("tag", b"a"), ("tag", b"b"), ("null", None)),
        event=0,
    )
    producer = await start_producer(dlq.settings)
    await producer.send_and_wait(dlq.by_user, b"live", key=b"u7", headers=())
    await producer.stop()

    sent = await dlq.redrive()

    live, redriven = dlq.read(dlq.by_user)
    assert sent == 1
    assert redriven.partition() == live.partition()
    assert (redriven.key(), json.loads(redriven.value())) == (b"u7", track("u7", 3))
    assert redriven.headers() == [
        ("encharge.source", b"s/1/2/3"),
        ("tag", b"a"),
        ("tag", b"b"),
        ("null", None),
        ("encharge.redrives", b"1"),
        ("encharge.redriven_from", f"{dlq.dead}/{partition}/{offset}".encode()),
        ("encharge.only_destination", b"test"),
        ("encharge.only_mapping", b"Track"),
        ("encharge.only_action", b"trackEvent"),
        ("encharge.only_event", b"0"),
    ]


async def test_everybody_keeps_the_order_and_nothing_is_sent_twice(dlq):
    expected = [f"u{user}.{number}" for number in range(5) for user in range(12)]
    for id_ in expected:
        user, _, number = id_.partition(".")
        dlq.letter(user, int(number))

    first = await dlq.redrive(batch=7)
    second = await dlq.redrive()

    found = ids(dlq.read(dlq.by_user))
    assert (first, second) == (60, 0)
    assert sorted(found) == sorted(expected)
    for user in range(12):
        assert [id_ for id_ in found if id_.startswith(f"u{user}.")] == [f"u{user}.{n}" for n in range(5)]
    states, _ = await dlq.states()
    assert set(states.values()) == {"redriven"}


async def test_the_later_of_two_redrives_ends_the_earlier_and_each_letter_is_sent_once(dlq):
    for number in range(20):
        dlq.letter("u1", number)
    plan = await dlq.plan()
    earlier = Redriver(dlq.settings, rate=10, batch=1)
    running = asyncio.create_task(earlier.run(plan))
    await eventually_async(lambda: earlier.sent >= 2, 10)

    later = await dlq.redrive(plan)

    with pytest.raises(OperationalError, match="another redrive of this group was started"):
        await running
    assert 2 <= earlier.sent < 20
    assert earlier.sent + later == 20
    assert ids(dlq.read(dlq.by_user)) == [f"u1.{number}" for number in range(20)]


async def test_what_is_interrupted_counts_what_it_sent_and_is_continued(dlq):
    for number in range(20):
        dlq.letter("u1", number)
    first = Redriver(dlq.settings, rate=20, batch=1)
    running = asyncio.create_task(first.run(await dlq.plan()))
    await eventually_async(lambda: first.sent >= 2, 10)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    after_first = ids(dlq.read(dlq.by_user))
    second = await dlq.redrive()

    assert len(after_first) == first.sent < 20
    assert second == 20 - first.sent
    assert ids(dlq.read(dlq.by_user)) == [f"u1.{number}" for number in range(20)]


async def test_a_batch_under_way_is_finished_and_counted_when_it_is_interrupted(dlq):
    for number in range(20):
        dlq.letter("u1", number)
    redriver = Redriver(dlq.settings, batch=1)

    def in_the_middle_of_the_next(sent):
        if sent == 2:
            asyncio.get_running_loop().call_later(0.002, running.cancel)

    redriver.on_sent = in_the_middle_of_the_next
    running = asyncio.create_task(redriver.run(await dlq.plan()))
    with pytest.raises(asyncio.CancelledError):
        await running

    assert 2 <= redriver.sent < 20
    assert len(dlq.read(dlq.by_user)) == redriver.sent


async def test_of_a_batch_that_cannot_be_written_nothing_counts(dlq):
    dlq.by_user = dlq.environment["CONNECTOR_BY_USER_TOPIC"] = f"{dlq.by_user}.small"
    dlq.create(dlq.by_user, **{"max.message.bytes": "2000"})
    dlq.letter("u1", 0)
    large = dlq.letter("u1", 1, value=track("u1", 1) | {"properties": {"text": "x" * 3000}})
    dlq.letter("u1", 2)

    with pytest.raises(OperationalError, match="too large for ") as caught:
        await dlq.redrive()
    after_refusal = dlq.read(dlq.by_user), dlq.told()
    sent = await dlq.redrive(await dlq.plan(limit=1))

    assert f"letter {large[0]}:{large[1]}" in str(caught.value)
    assert after_refusal == ([], {})
    assert (sent, ids(dlq.read(dlq.by_user))) == (1, ["u1.0"])


async def test_letters_of_a_topic_that_was_made_anew_are_not_taken_for_redriven(dlq):
    places = [dlq.letter("u1", number) for number in range(3)]
    partition = places[0][0]
    dlq.say(f"redriven/{dlq.dead}/{partition}", {"offsets": "0-500", "newest": 1_700_000_000_000})

    states, _ = await dlq.states()
    sent = await dlq.redrive()
    again = await dlq.redrive()

    assert set(states.values()) == {"waiting"}
    assert (sent, again) == (3, 0)
    assert dlq.told() == {partition: "0-2"}


async def test_letters_are_left_that_must_not_or_need_not_be_sent(dlq):
    dlq.letter("good")
    dlq.letter("often", headers=(("encharge.redrives", b"3"),))
    dlq.letter("other", destination="other")
    dlq.letter("invalid", value={"type": "track", "userId": "invalid"})
    dlq.letter("nomatch", value=track("nomatch") | {"type": "page"})
    dlq.letter("nomapping", reason=Reason("rejected", "said no", mapping="Gone", action="trackEvent"))
    dlq.letter("action", reason=Reason("rejected", "said no", mapping="Track", action="addTag"))
    dlq.letter("broken", value=b"{", reason=NOT_JSON)
    dlq.letter("ingest", value=b"{", reason=NOT_JSON, destination="")
    dlq.write(dlq.dead, b"k", b"{}", [("encharge.code", b"probe")])
    dlq.write(dlq.dead, None, None, [("encharge.code", None), ("__connect.errors.topic", b"\xff")])

    plan = await dlq.plan()
    sent = await dlq.redrive(plan)

    assert (plan.count, plan.too_often, dict(plan.scanned.others), plan.scanned.passed_over) == (
        1, 1, {"other": 1}, 2,
    )  # fmt: skip
    assert plan.left == {
        Prospect.FAILS: 1,
        Prospect.NO_MATCH: 1,
        Prospect.NO_MAPPING: 1,
        Prospect.OTHER_ACTION: 1,
        Prospect.UNREADABLE: 2,
    }
    assert (sent, ids(dlq.read(dlq.by_user))) == (1, ["good.0"])


async def test_persons_who_were_deleted_stay_deleted(dlq):
    from connector.edges.suppression import suppress

    dlq.letter("gone", 0)
    await suppress(dlq.settings, "test", {"userId": "gone"})
    dlq.letter("gone", 1)  # came back later
    # Its letter is younger than the deletion, its event is not.
    dlq.letter("gone", 2, headers=(("encharge.source", b"s/0/0/1700000000000"),))
    plan = await dlq.plan()
    dlq.letter("late", 0)
    for_late = await dlq.plan(Selection(user="late"))
    await suppress(dlq.settings, "test", {"userId": "late"})

    sent = await dlq.redrive(plan)
    late = await dlq.redrive(for_late)

    assert (plan.count, plan.suppressed, sent, late) == (1, 2, 1, 0)
    assert ids(dlq.read(dlq.by_user)) == ["gone.1"]


async def test_letters_of_the_ingest_stage_go_back_to_their_partition_of_the_source_topic(dlq):
    dlq.environment["CONNECTOR_UNIDENTIFIED"] = "deliver"
    event = {"type": "track", "event": "Paid", "messageId": "m1"}
    # The last as if the topic had had more partitions. One key: whoever wrote there chose by something else.
    places = [(partition, 5) for partition in (*range(4), 99)]
    for partition, offset in places:
        origin = record(offset, "any", json.dumps(event).encode(), topic=dlq.source, partition=partition)
        dlq.letter(reason=NO_IDENTITY, destination="", origin=origin)

    sent = await dlq.redrive()

    found = dlq.read(dlq.source)
    assert (sent, len(found), dlq.read(dlq.by_user)) == (5, 5, [])
    assert {message.partition() for message in found} == {0, 1, 2, 3}
    assert {message.key() for message in found} == {b"any"}
    assert all("encharge.only_destination" not in dict(message.headers()) for message in found)


async def test_without_the_control_topic_nothing_is_sent(dlq):
    dlq.letter()
    plan = await dlq.plan()
    dlq.environment["CONNECTOR_CONTROL_TOPIC"] = missing = f"{dlq.control}.missing"

    with pytest.raises(OperationalError, match=f"{missing} does not exist"):
        await dlq.redrive(plan)

    assert dlq.read(dlq.by_user) == []


async def test_one_event_of_an_envelope_is_planned_and_no_other(dlq):
    envelope = {"batch": [track("u1", 0), track("u1", 1), track("u1", 2)]}
    dlq.letter("u1", value=envelope, event=1)

    await dlq.redrive()

    [message] = dlq.read(dlq.by_user)
    tasks = [
        task
        for tasks in plan_with(DESTINATION, largest_record=10_000)(
            record(0, value=message.value(), headers=tuple(message.headers()))
        )
        for task in tasks
    ]
    assert [(task.mapping, task.event) for task in tasks] == [(MAPPING["name"], 1)]


async def test_what_a_killed_redrive_left_in_an_open_transaction_counts_for_nothing(dlq):
    from confluent_kafka import Producer

    partition, _ = dlq.letter("u1", 0)
    dlq.letter("u1", 1)
    killed = Producer(
        {
            "bootstrap.servers": dlq.bootstrap_servers,
            "transactional.id": f"{dlq.settings.group_id}.redrive",
            "log_level": 0,
        }
    )
    killed.init_transactions(30)
    killed.begin_transaction()
    killed.produce(dlq.by_user, json.dumps(track("u1", 0)), key=b"u1")
    killed.produce(
        dlq.control, json.dumps({"offsets": "0-1", "newest": 2**42}), f"redriven/{dlq.dead}/{partition}"
    )
    assert killed.flush(30) == 0

    sent = await dlq.redrive()

    assert (sent, ids(dlq.read(dlq.by_user))) == (2, ["u1.0", "u1.1"])
    assert dlq.told() == {partition: "0-1"}
