"""Re-ingesting at a rate, with a fake producer behind."""

import asyncio
import json

from aiokafka import ConsumerRecord
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from connector.delivery.selection import Choice, Filters, Range, Selection
from connector.delivery.stats import IngestStats
from connector.edges.batch_reader import Assignment
from connector.edges.replay.reingest import ReingestStage
from tests.delivery.test_replay_plan import plan
from tests.fakes import KeptDeadLetters
from tests.virtual_time import run

PLACE = TopicPartition("events", 0)
RANGES = {0: Range(0, 100)}


class FakeProducer:
    """Acknowledges at once; notes what was written and when."""

    def __init__(self):
        self.written = []

    async def send(self, topic, value, *, key, headers):
        loop = asyncio.get_running_loop()
        self.written.append((loop.time(), json.loads(value)["messageId"], dict(headers)))
        done = loop.create_future()
        done.set_result(None)
        return done


def record(offset, value=None, person="u1"):
    event = {"type": "track", "event": "Order", "userId": person, "messageId": offset}
    body = json.dumps(event).encode() if value is None else value
    return ConsumerRecord("events", 0, offset, 7, 0, b"k", body, None, 1, len(body), [("trace", b"t")])


def stage_and_producer(rate=10.0, **filters):
    producer, letters = FakeProducer(), KeptDeadLetters()
    selection = Selection(RANGES, Choice(Filters(**filters)), lambda *_: False, largest_record=1_000_000)
    stage = ReingestStage(
        plan(ranges=RANGES, from_source=True), selection, rate, asyncio.get_running_loop().time,
        producer=producer, dead_letters=letters, topic="by-user", unidentified="dead-letter",
        largest_record=1_000_000, stats=IngestStats(),
    )  # fmt: skip
    stage.assign(Assignment({PLACE: OffsetAndMetadata(0, "")}, 1.0, lambda: float("inf")))
    return stage, producer, letters


def test_events_are_written_at_the_rate_and_marked():
    async def story():
        stage, producer, _ = stage_and_producer()
        await stage.take(PLACE, [record(offset) for offset in range(21)])
        return stage, producer.written

    stage, written = run(story())

    assert [id_ for _, id_, _ in written] == list(range(21))
    assert 1.8 < written[-1][0] - written[0][0] < 2.2
    assert written[0][2] == {"trace": b"t", "encharge.source": b"events/0/0/7", "encharge.replay": b"r1"}
    assert stage.commits() == {PLACE: OffsetAndMetadata(21, "")}
    assert stage.done().forwarded == 21


def test_what_is_not_chosen_or_no_event_is_passed_over_without_waiting():
    async def story():
        stage, producer, letters = stage_and_producer(users=("u2",))
        records = [record(offset) for offset in range(50)]
        begun_s = asyncio.get_running_loop().time()
        await stage.take(PLACE, [*records, record(50, b"no event"), record(51, person="u2")])
        return stage, producer.written, letters.letters, asyncio.get_running_loop().time() - begun_s

    stage, written, letters, took_s = run(story())

    assert [id_ for _, id_, _ in written] == [51]
    assert (letters, stage.done().filtered) == ([], 51)
    assert took_s < 0.1


def test_a_rebalance_ends_the_batch_and_what_was_written_is_committed():
    async def story():
        stage, producer, _ = stage_and_producer()
        taking = asyncio.create_task(stage.take(PLACE, [record(offset) for offset in range(50)]))
        await asyncio.sleep(1.7)
        await stage.drain(8)
        commits = stage.commits()
        stage.release()
        stage.assign(Assignment({PLACE: commits[PLACE]}, 1.0, lambda: float("inf")))
        await taking
        await asyncio.sleep(9)
        return commits, producer.written

    commits, written = run(story())

    assert commits[PLACE].offset == len(written)
    assert 10 <= len(written) <= 25
