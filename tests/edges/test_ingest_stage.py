"""The ingest stage: what is forwarded, when it is settled, and what happens when it cannot be.

In virtual time with a producer whose acknowledgements come on demand; then on a real Kafka.
"""

import asyncio
import json

import pytest
from aiokafka.errors import (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    OutOfOrderSequenceNumber,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from connector.delivery.stats import IngestStats
from connector.edges.batch_reader import Assignment
from connector.edges.dead_letter_topic import DeadLetterTopic
from connector.edges.ingest_stage import PAUSE_EVERY, PORTION_BYTES, REPEAT_S, IngestStage
from connector.edges.producer import start_producer
from connector.settings import Settings
from tests.builders import record
from tests.fakes import KeptDeadLetters
from tests.virtual_time import run

SOURCE = TopicPartition("events", 3)


def assignment(committed):
    return Assignment(committed, share=1.0, lease_until_s=lambda: float("inf"))


TOO_DEEP = b"[" * 5000 + b"]" * 5000


def event(offset, person="u1", **more):
    """A source record of one event."""
    value = json.dumps({"userId": person, "n": offset}).encode()
    return source_record(offset, value, **more)


def source_record(offset, value, **more):
    return record(offset, "any", value, topic="events", partition=3, timestamp=1700, **more)


class FakeProducer:
    """Acknowledges at once, or when told to; fails as scripted."""

    def __init__(self):
        self.sent = []  # of each pass: key, value, headers
        self.troubles = {}  # value -> errors of the acknowledgement, one for each attempt
        self.send_troubles = []  # errors of send() itself, one for each call
        self.acknowledges = True
        self.waiting = []

    async def send(self, topic, value, *, key, headers):
        assert topic == "by-user"
        if self.send_troubles and (trouble := self.send_troubles.pop(0)):
            raise trouble
        self.sent.append((key, value, headers))
        future = asyncio.get_running_loop().create_future()
        troubles = self.troubles.get(value)
        if troubles:
            future.set_exception(troubles.pop(0))
        elif self.acknowledges:
            future.set_result(None)
        else:
            self.waiting.append(future)
        return future

    def numbers(self):
        """The numbers of the events sent, in order."""
        return [json.loads(value)["n"] for _, value, _ in self.sent]


class Setup:
    """A stage with its fakes, in the middle of an assignment."""

    def __init__(self, letters=None, committed=0, **more):
        self.producer, self.letters, self.stats = FakeProducer(), letters or KeptDeadLetters(), IngestStats()
        options = {"unidentified": "dead-letter", "largest_record": 100_000, **more}
        self.stage = IngestStage(
            producer=self.producer, dead_letters=self.letters, topic="by-user", stats=self.stats, **options
        )
        self.stage.assign(
            assignment({SOURCE: OffsetAndMetadata(committed, ""), TopicPartition("events", 4): None})
        )

    async def take(self, *records):
        await self.stage.take(SOURCE, records)

    def next_offset(self):
        return self.stage.commits()[SOURCE].offset


def play(scenario, **options):
    async def in_time():
        async with asyncio.timeout(3600):
            return await scenario(Setup(**options))

    return run(in_time())


def test_events_are_forwarded_in_order_keyed_by_person_and_untouched():
    async def scenario(setup):
        await setup.take(event(0, "u1"), event(1, "u2"), event(2, "u1"))
        return [(key, value) for key, value, _ in setup.producer.sent]

    assert play(scenario) == [
        (b"u1", b'{"userId": "u1", "n": 0}'),
        (b"u2", b'{"userId": "u2", "n": 1}'),
        (b"u1", b'{"userId": "u1", "n": 2}'),
    ]


def test_the_source_is_added_to_the_headers_of_the_record():
    async def scenario(setup):
        await setup.take(event(7, headers=(("traceparent", b"00-1"), ("null", None))))
        return setup.producer.sent[0][2]

    assert play(scenario) == [
        ("traceparent", b"00-1"),
        ("null", None),
        ("encharge.source", b"events/3/7/1700"),
    ]


def test_each_event_of_a_batch_is_forwarded_with_the_place_of_the_batch():
    async def scenario(setup):
        envelope = {"batch": [{"userId": "u1", "n": 1}, {"userId": "u2", "n": 2}], "sentAt": "now"}
        await setup.take(source_record(0, json.dumps(envelope).encode()))
        return setup

    setup = play(scenario)

    assert [(key, json.loads(value)) for key, value, _ in setup.producer.sent] == [
        (b"u1", {"userId": "u1", "n": 1, "sentAt": "now"}),
        (b"u2", {"userId": "u2", "n": 2, "sentAt": "now"}),
    ]
    assert {header for *_, headers in setup.producer.sent for header in headers} == {
        ("encharge.source", b"events/3/0/1700")
    }
    assert (setup.stats.received, setup.stats.forwarded, setup.next_offset()) == (1, 2, 1)


def test_a_batch_without_events_is_settled_all_the_same():
    async def scenario(setup):
        await setup.take(source_record(0, b'{"batch": []}'))
        return setup.producer.sent, setup.next_offset()

    assert play(scenario) == ([], 1)


# Settling


def test_a_batch_is_settled_only_once_all_of_it_is_acknowledged():
    async def scenario(setup):
        setup.producer.acknowledges = False
        taking = asyncio.create_task(setup.take(event(0), event(1), event(2)))
        found = []
        for number in (2, 0, 1):  # the last one first
            await asyncio.sleep(1)
            found.append((setup.next_offset(), setup.stage.held_records, taking.done()))
            setup.producer.waiting[number].set_result(None)
        await taking
        return [*found, (setup.next_offset(), setup.stage.held_records, taking.done())]

    assert play(scenario) == [(0, 3, False), (0, 3, False), (0, 3, False), (3, 0, True)]


def test_offsets_that_do_not_exist_are_settled_along_with_those_before_the_last():
    async def scenario(setup):
        await setup.take(event(5), event(9))
        return setup.next_offset()

    assert play(scenario) == 10


def test_what_was_committed_before_is_not_forwarded_again():
    async def scenario(setup):
        await setup.take(event(0), event(1), event(2))
        await setup.take(event(2), event(3))
        await setup.take(event(0), event(1))
        return setup.producer.numbers(), setup.stats.received

    assert play(scenario, committed=1) == ([1, 2, 3], 3)


def test_a_partition_nobody_committed_begins_with_what_comes():
    async def scenario(setup):
        before = setup.stage.commits()
        await setup.stage.take(TopicPartition("events", 4), [event(40)])
        return before, setup.stage.commits()[TopicPartition("events", 4)]

    assert play(scenario) == ({SOURCE: OffsetAndMetadata(0, "")}, OffsetAndMetadata(41, ""))


def test_a_released_assignment_is_forgotten():
    async def scenario(setup):
        await setup.take(event(0))
        setup.stage.release()
        return setup.stage.commits()

    assert play(scenario) == {}


# Failing


@pytest.mark.parametrize(
    "culprit",
    [pytest.param(0, id="the first"), pytest.param(1, id="in the middle"), pytest.param(2, id="the last")],
)
def test_a_batch_of_which_something_failed_is_repeated_whole_and_in_order(culprit):
    async def scenario(setup):
        setup.producer.troubles[event(culprit).value] = [NotEnoughReplicasError(), NotEnoughReplicasError()]
        begun_s = asyncio.get_running_loop().time()
        await setup.take(event(0), event(1), event(2))
        return setup, asyncio.get_running_loop().time() - begun_s

    setup, took_s = play(scenario)

    assert setup.producer.numbers() == [0, 1, 2] * 3
    assert took_s == pytest.approx(2 * REPEAT_S)
    assert (setup.next_offset(), setup.stats.received, setup.stats.forwarded) == (3, 3, 3)


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(KafkaTimeoutError(), id="Kafka's"),
        pytest.param(ZeroDivisionError(), id="a defect of ours"),
    ],
)
def test_a_record_that_cannot_even_be_queued_holds_its_batch_back_and_is_never_passed_over(trouble):
    async def scenario(setup):
        setup.producer.send_troubles = [None, trouble, trouble]
        taking = asyncio.create_task(setup.take(event(0), event(1)))
        await asyncio.sleep(1.5 * REPEAT_S)
        before = setup.next_offset()
        await taking
        return before, setup.next_offset(), setup.producer.numbers()

    assert play(scenario) == (0, 2, [0, 0, 1])


def test_a_batch_that_fails_is_not_settled_however_long_it_takes():
    async def scenario(setup):
        setup.producer.troubles[event(1).value] = [NotEnoughReplicasError() for _ in range(1000)]
        taking = asyncio.create_task(setup.take(event(0), event(1)))
        await asyncio.sleep(600)
        before = setup.next_offset(), taking.done()
        setup.producer.troubles.clear()
        await taking
        return before, setup.next_offset()

    assert play(scenario) == ((0, False), 2)


# Dead letters


@pytest.mark.parametrize(
    ("value", "code"),
    [
        pytest.param(None, "unreadable_empty", id="tombstone"),
        pytest.param(b"{", "unreadable_not_json", id="no JSON"),
        pytest.param(TOO_DEEP, "unreadable_not_json", id="too deep"),
        pytest.param(b"[]", "unreadable_not_an_object", id="no object"),
        pytest.param(b'{"type": "track"}', "unreadable_no_identity", id="nobody"),
        pytest.param(
            b'{"userId": "u1", "x": "%s"}' % (b"x" * 100_000), "unreadable_too_large", id="too large"
        ),
    ],
)
def test_a_record_that_holds_no_event_becomes_a_dead_letter_and_the_others_go_on(value, code):
    async def scenario(setup):
        await setup.take(event(0), source_record(1, value)._replace(value=value), event(2))
        return setup

    setup = play(scenario)

    [letter] = setup.letters.letters
    headers = dict(letter.headers)
    assert (letter.key, letter.value, letter.code) == (b"any", value, code)
    assert [headers[f"__connect.errors.{name}"] for name in ("topic", "partition", "offset")] == [
        b"events",
        b"3",
        b"1",
    ]
    assert headers["__connect.errors.exception.class.name"] == b"UnreadableRecord"
    assert not {"encharge.destination", "encharge.config_version", "encharge.source"} & headers.keys()
    assert setup.producer.numbers() == [0, 2]
    assert (setup.next_offset(), setup.stats.received, setup.stats.forwarded) == (3, 3, 2)
    assert setup.stats.dead_letters == {code: 1}


def test_events_that_name_nobody_are_forwarded_on_demand():
    async def scenario(setup):
        await setup.take(source_record(0, b'{"messageId": "m1"}'))
        return setup.producer.sent[0][0], setup.letters.letters

    assert play(scenario, unidentified="deliver") == (b"m1", [])


def test_nothing_is_settled_before_its_dead_letter_is_written():
    async def scenario(setup):
        taking = asyncio.create_task(setup.take(source_record(0, b"{"), event(1)))
        await asyncio.sleep(2.5 * REPEAT_S)
        before = setup.next_offset()
        await taking
        return setup, before

    setup, before = play(scenario, letters=KeptDeadLetters(failures=3))

    assert before == 0
    assert setup.letters.codes() == ["unreadable_not_json"]
    assert (setup.next_offset(), setup.letters.attempts) == (2, 4)


def test_a_dead_letter_is_written_once_though_its_batch_is_repeated():
    async def scenario(setup):
        setup.producer.troubles[event(1).value] = [NotEnoughReplicasError() for _ in range(5)]
        await setup.take(source_record(0, b"{"), event(1), source_record(2, b"["))
        return setup.letters.codes(), setup.stats.dead_letters

    assert play(scenario) == (["unreadable_not_json"] * 2, {"unreadable_not_json": 2})


def test_an_event_the_topic_refuses_even_alone_becomes_a_dead_letter_and_the_others_go_on():
    async def scenario(setup):
        setup.producer.troubles[event(1).value] = [MessageSizeTooLargeError() for _ in range(9)]
        setup.producer.troubles[event(2).value] = [OutOfOrderSequenceNumber()]  # behind the refused one
        await setup.take(event(0), event(1), event(2), event(3))
        return setup

    setup = play(scenario)

    [letter] = setup.letters.letters
    assert (letter.code, letter.value) == ("unreadable_too_large", event(1).value)
    assert b"max.message.bytes" in dict(letter.headers)["__connect.errors.exception.message"]
    assert setup.producer.numbers() == [0, 1, 2, 3, 1, 2]  # what was acknowledged is not sent again
    assert (setup.next_offset(), setup.stats.forwarded) == (4, 3)


def test_events_refused_only_together_are_no_dead_letters():
    async def scenario(setup):
        for offset in range(3):
            setup.producer.troubles[event(offset).value] = [MessageSizeTooLargeError()]
        await setup.take(event(0), event(1), event(2))
        return setup

    setup = play(scenario)

    assert setup.letters.letters == []
    assert setup.producer.numbers() == [0, 1, 2, 0, 1, 2]
    assert (setup.next_offset(), setup.stats.forwarded) == (3, 3)


def test_what_fails_while_sent_one_by_one_is_repeated_without_what_arrived():
    async def scenario(setup):
        setup.producer.troubles[event(0).value] = [MessageSizeTooLargeError()]
        setup.producer.troubles[event(1).value] = [MessageSizeTooLargeError(), NotEnoughReplicasError()]
        setup.producer.troubles[event(2).value] = [MessageSizeTooLargeError()]
        await setup.take(event(0), event(1), event(2))
        return setup

    setup = play(scenario)

    assert setup.producer.numbers() == [0, 1, 2, 0, 1, 1, 2]
    assert (setup.next_offset(), setup.stats.forwarded, setup.letters.letters) == (3, 3, [])


def test_an_unexpected_error_in_routing_becomes_a_dead_letter_and_the_others_go_on(monkeypatch):
    from connector.edges import ingest_stage

    real = ingest_stage.route

    def route(value, **more):
        if value == event(1).value:
            raise ZeroDivisionError("u1")
        return real(value, **more)

    async def scenario(setup):
        monkeypatch.setattr(ingest_stage, "route", route)
        await setup.take(event(0), event(1), event(2))
        return setup

    setup = play(scenario)

    [letter] = setup.letters.letters
    headers = dict(letter.headers)
    assert (letter.code, letter.value) == ("internal", event(1).value)
    assert headers["__connect.errors.exception.class.name"] == b"ZeroDivisionError"
    assert b"u1" not in headers["__connect.errors.exception.message"]
    assert (setup.producer.numbers(), setup.next_offset()) == ([0, 2], 3)


# Draining and room


def test_draining_waits_for_the_batch_under_way():
    async def scenario(setup):
        setup.producer.acknowledges = False
        taking = asyncio.create_task(setup.take(event(0)))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(3, lambda: setup.producer.waiting[0].set_result(None))
        await setup.stage.drain(8.0)
        settled = setup.next_offset()
        await taking
        return settled

    assert play(scenario) == 1


def test_draining_ends_at_its_deadline_and_leaves_the_batch_to_the_next_owner():
    async def scenario(setup):
        setup.producer.acknowledges = False
        taking = asyncio.create_task(setup.take(event(0), event(1)))
        await asyncio.sleep(0)
        begun_s = asyncio.get_running_loop().time()
        await setup.stage.drain(8.0)
        took_s = asyncio.get_running_loop().time() - begun_s
        await taking  # the agent goes on with its next batch
        return took_s, setup.next_offset(), setup.stage.held_records, setup.stats.received

    assert play(scenario) == (8.0, 0, 0, 0)


def test_draining_ends_a_batch_that_is_waiting_to_be_repeated():
    async def scenario(setup):
        setup.producer.troubles[event(0).value] = [NotEnoughReplicasError() for _ in range(1000)]
        taking = asyncio.create_task(setup.take(event(0)))
        await asyncio.sleep(0.1)
        await setup.stage.drain(3.5)
        sent = len(setup.producer.sent)
        await taking
        await asyncio.sleep(60)
        return len(setup.producer.sent) - sent, setup.next_offset()

    assert play(scenario) == (0, 0)


def test_draining_without_a_batch_takes_no_time():
    async def scenario(setup):
        begun_s = asyncio.get_running_loop().time()
        await setup.stage.drain(8.0)
        return asyncio.get_running_loop().time() - begun_s

    assert play(scenario) == 0


def test_an_agent_that_is_cancelled_while_its_batch_is_under_way_ends_and_its_batch_does():
    async def scenario(setup):
        setup.producer.acknowledges = False
        taking = asyncio.create_task(setup.take(event(0)))
        await asyncio.sleep(0)
        taking.cancel()
        await asyncio.wait({taking})
        await asyncio.sleep(0)
        return taking.cancelled(), setup.producer.waiting[0].cancelled(), setup.next_offset()

    assert play(scenario) == (True, True, 0)


def test_room_is_there_once_the_batch_under_way_is_acknowledged():
    async def scenario(setup):
        setup.producer.acknowledges = False
        taking = asyncio.create_task(setup.take(event(0), event(1)))
        await asyncio.sleep(0)
        enough = asyncio.create_task(setup.stage.room(3, 1))
        too_little = asyncio.create_task(setup.stage.room(2, 1))
        await asyncio.sleep(1)
        before = enough.done(), too_little.done()
        for future in setup.producer.waiting:
            future.set_result(None)
        await taking
        await too_little
        return before

    assert play(scenario) == (True, False)


# On a real Kafka


@pytest.fixture
async def world(cluster):
    """Make a stage on topics of its own; the by-user topic takes records of up to 20 kB."""
    by_user, dead = cluster.topic(max_message_bytes="20000"), cluster.topic()
    producer = await start_producer(Settings(kafka_bootstrap_servers=cluster.bootstrap_servers))
    stage = IngestStage(
        producer=producer,
        dead_letters=DeadLetterTopic(producer, dead),
        topic=by_user,
        unidentified="dead-letter",
        largest_record=100_000,
        stats=IngestStats(),
    )
    stage.assign(assignment({SOURCE: OffsetAndMetadata(0, "")}))
    yield stage, by_user, dead
    await producer.stop()


@pytest.mark.kafka
async def test_records_arrive_with_key_bytes_and_headers(world, cluster):
    stage, by_user, _ = world

    await stage.take(SOURCE, [event(0, "ü雪", headers=(("a", b"1"), ("null", None))), event(1)])

    one, two = cluster.read(by_user)
    assert (one.key(), one.value()) == ("ü雪".encode(), event(0, "ü雪").value)
    assert one.headers() == [("a", b"1"), ("null", None), ("encharge.source", b"events/3/0/1700")]
    assert (two.key(), two.value()) == (b"u1", event(1).value)


@pytest.mark.kafka
async def test_an_event_that_is_too_large_for_the_topic_does_not_stop_its_partition(world, cluster):
    stage, by_user, dead = world
    large = source_record(1, json.dumps({"userId": "u1", "n": 1, "x": "x" * 30_000}).encode())

    async with asyncio.timeout(30):
        await stage.take(SOURCE, [event(0), large, event(2)])
        await stage.take(SOURCE, [event(3), large._replace(offset=4), event(5)])

    assert [json.loads(message.value())["n"] for message in cluster.read(by_user)] == [0, 2, 3, 5]
    letters = cluster.read(dead)
    assert [dict(letter.headers())["encharge.code"] for letter in letters] == [b"unreadable_too_large"] * 2
    assert [letter.value() for letter in letters] == [large.value] * 2
    assert stage.commits()[SOURCE].offset == 6


# Much at once


class SlowDeadLetters(KeptDeadLetters):
    """Takes a second for each, as many at a time as are given."""

    def __init__(self):
        super().__init__()
        self.begun = []

    async def put(self, letter):
        self.begun.append(letter.value)
        await asyncio.sleep(1)
        await super().put(letter)


def test_a_flood_of_dead_letters_is_written_at_once_and_in_order():
    async def scenario(setup):
        begun_s = asyncio.get_running_loop().time()
        await setup.take(*(source_record(offset, b"%d[" % offset) for offset in range(200)))
        return setup, asyncio.get_running_loop().time() - begun_s

    setup, took_s = play(scenario, letters=SlowDeadLetters())

    assert took_s == pytest.approx(1)
    assert setup.letters.begun == [b"%d[" % offset for offset in range(200)]
    assert len(setup.letters.letters) == setup.stats.dead_letters["unreadable_not_json"] == 200
    assert setup.next_offset() == 200


def test_of_a_flood_of_dead_letters_only_those_that_failed_are_written_again():
    async def scenario(setup):
        await setup.take(*(source_record(offset, b"%d[" % offset) for offset in range(5)))
        return setup

    setup = play(scenario, letters=KeptDeadLetters(failures=2))

    assert sorted(letter.value for letter in setup.letters.letters) == [b"%d[" % n for n in range(5)]
    assert setup.letters.attempts == 7
    assert setup.stats.dead_letters["unreadable_not_json"] == 5


def test_large_records_are_forwarded_and_settled_a_portion_at_a_time():
    async def scenario(setup):
        setup.producer.acknowledges = False
        large = [source_record(n, b'{"userId":"u","n":%d,"x":"%s"}' % (n, b"x" * 600_000)) for n in range(3)]
        taking = asyncio.create_task(setup.take(*large))
        found = []
        for _ in large:
            await asyncio.sleep(1)
            found.append((setup.producer.numbers(), setup.next_offset()))
            for future in setup.producer.waiting:
                future.set_result(None)
            setup.producer.waiting.clear()
        await taking
        return found, setup.next_offset()

    found, end = play(scenario, largest_record=PORTION_BYTES)

    assert found == [([0], 0), ([0, 1], 1), ([0, 1, 2], 2)]
    assert end == 3


def test_an_envelope_of_very_many_events_lets_others_have_their_turn_while_it_is_read():
    async def scenario(setup):
        envelope = {"batch": [{"userId": "u1"}] * (5 * PAUSE_EVERY)}
        taking = asyncio.create_task(setup.take(source_record(0, json.dumps(envelope).encode())))
        turns = 0
        while not setup.producer.sent:
            await asyncio.sleep(0)
            turns += 1
        await taking
        return turns, len(setup.producer.sent)

    turns, sent = play(scenario, largest_record=PORTION_BYTES)

    assert sent == 5 * PAUSE_EVERY
    assert turns >= 5
