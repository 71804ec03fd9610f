"""Reading dead letters, and deleting them from the beginning."""

import pytest

from connector.delivery.letter import Place, Selection, State
from connector.edges.dead_letters.purge import plan_purge, purge
from connector.edges.dead_letters.reader import DeadLetterReader
from connector.errors import OperationalError
from tests.edges.dead_letters.dlq_topics import track

pytestmark = pytest.mark.kafka


async def test_letters_are_found_with_what_became_of_them_also_behind_a_deleted_beginning(dlq):
    places = [dlq.letter("u1", number) for number in range(4)]
    partition = places[0][0]
    await dlq.redrive(await dlq.plan(limit=2))
    await purge(dlq.settings, {partition: 1})

    states, _ = await dlq.states()

    assert states == {(partition, 1): "redriven", (partition, 2): "waiting", (partition, 3): "waiting"}


async def test_what_was_deleted_is_forgotten_by_the_next_redrive(dlq):
    partition, _ = dlq.letter("u1", 0)
    dlq.letter("u1", 1)
    await dlq.redrive()
    await purge(dlq.settings, {partition: 1})
    dlq.letter("u1", 2)

    await dlq.redrive()

    assert dlq.told() == {partition: "1-2"}


async def test_one_letter_is_found_at_its_place_and_nothing_elsewhere(dlq):
    partition, offset = dlq.letter("u1", 0)
    _, probe = dlq.write(dlq.dead, b"u1", b"{}", [("encharge.code", b"probe")])

    async with DeadLetterReader(dlq.settings, "test") as reader:
        letter, state = await reader.letter(Place(partition, offset))
        nothing = [
            await reader.letter(Place(*place)) for place in ((partition, probe), (partition, 99), (99, 0))
        ]

    assert (letter.code, letter.mapping, letter.events(largest=1000), state) == (
        "rejected", "Track", [track("u1", 0)], State.WAITING,
    )  # fmt: skip
    assert nothing == [None, None, None]


async def test_a_missing_topic_is_told(dlq):
    dlq.environment["CONNECTOR_DEAD_LETTER_TOPIC"] = missing = f"{dlq.dead}.missing"

    with pytest.raises(OperationalError, match=f"{missing} does not exist .CONNECTOR_DEAD_LETTER_TOPIC."):
        await dlq.states()


async def test_a_purge_counts_what_goes_and_deletes_only_what_is_older(dlq):
    stamped = [(number, 1_700_000_000_000 + number * 1000) for number in range(4)]
    for number, at in stamped:
        headers = [("encharge.code", b"rejected"), ("encharge.destination", b"test" if number else b"other")]
        dlq.write(dlq.dead, b"u1", b"{}", headers, partition=2, timestamp=at)

    plan = await plan_purge(dlq.settings, "test", before=1_700_000_002_000, progress=lambda *_: None)
    everything = await plan_purge(dlq.settings, "test", before=None, progress=lambda *_: None)
    await purge(dlq.settings, plan.ends)
    states, _ = await dlq.states(Selection())

    assert (plan.ends, plan.records, plan.waiting) == ({2: 2}, 2, {"other": 1, "test": 1})
    assert (everything.ends, everything.records, everything.states) == ({2: 4}, 4, {State.WAITING: 4})
    assert list(states) == [(2, 2), (2, 3)]
