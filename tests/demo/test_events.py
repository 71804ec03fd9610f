"""The demo's events: repeatable, in order, and each of them what the judge is told it is."""

from collections import Counter

import orjson
import pytest

from connector.core import Destination
from connector.delivery.planner import plan_with
from connector.demo.events import shop_events
from connector.demo.judge import id_in_body
from connector.errors import UnreadableRecord
from connector.ingest.routing import route
from tests.builders import record

LARGEST = 1024 * 1024
TIMES = ("timestamp", "originalTimestamp", "sentAt")
EVERY_BROKEN_KIND = 4500  # events; one of nine kinds in every 500

PRESETS = Destination.from_config({"id": "demo"}, api_key="k")


@pytest.fixture(scope="module")
def events():
    return list(shop_events(EVERY_BROKEN_KIND, people=50, seed=1))


def without_times(produced):
    if produced.code:
        return produced
    event = orjson.loads(produced.value)
    return produced._replace(value={name: event[name] for name in event if name not in TIMES})


def fate(produced):
    """What becomes of an event on its way through both stages: codes of dead letters, ids of requests."""
    try:
        routed = route(produced.value)
    except UnreadableRecord as error:
        return [f"unreadable_{error.reason}"]
    return [
        id_in_body(orjson.loads(task.request.body)) if task.reason is None else task.reason.code
        for key, value in routed
        for task in plan_with(PRESETS, largest_record=LARGEST)(record(0, key.decode(), value))
    ]


def test_the_same_seed_gives_the_same_events_but_for_the_times():
    one, two = (list(map(without_times, shop_events(600, people=20, seed=7))) for _ in range(2))

    assert one == two


def test_another_seed_gives_other_events():
    one, two = (list(map(without_times, shop_events(20, people=20, seed=seed))) for seed in (1, 2))

    assert one != two


def test_as_many_events_come_as_were_asked_for():
    assert [len(list(shop_events(count, people=3, seed=1))) for count in (0, 1, 501)] == [0, 1, 501]


def test_one_person_is_enough():
    assert {event.person for event in shop_events(100, people=1, seed=1)} == {"demo_0000"}


def test_ids_are_unique(events):
    assert Counter(event.id for event in events).most_common(1)[0][1] == 1


def test_sequences_ascend_one_by_one_for_each_person(events):
    seen = {}
    for event in events:
        seen.setdefault(event.person, []).append(event.sequence)

    assert len(seen) == 50 + 9
    assert all(sequences == list(range(1, len(sequences) + 1)) for sequences in seen.values())


def test_everybody_is_identified_before_anything_else(events):
    first = [orjson.loads(event.value) for event in events if event.sequence == 1 and not event.code]

    assert {event["type"] for event in first} == {"identify"}


def test_events_of_all_types_occur(events):
    types = {orjson.loads(event.value)["type"] for event in events if not event.code}

    assert types == {"identify", "track", "page", "group", "alias"}


def test_every_event_that_can_be_delivered_becomes_one_request_that_carries_its_id(events):
    wrong = {event.id: found for event in events if not event.code and (found := fate(event)) != [event.id]}

    assert wrong == {}


def test_events_are_keyed_by_their_person(events):
    pairs = {(event.person.encode(), route(event.value)[0].key) for event in events if not event.code}

    assert len(pairs) == 50
    assert all(person == key for person, key in pairs)


@pytest.mark.parametrize("kind", range(9))
def test_every_broken_event_becomes_the_dead_letter_its_code_says(events, kind):
    broken = [event for event in events if event.code]

    assert len(broken) == 9
    assert fate(broken[kind]) == [broken[kind].code]


def test_broken_events_are_of_many_kinds(events):
    codes = Counter(event.code for event in events if event.code)

    assert codes == {
        "unreadable_not_json": 3,
        "unreadable_not_an_object": 1,
        "unreadable_no_identity": 1,
        "unreadable_empty": 1,
        "invalid_payload": 2,
        "invalid_encoding": 1,
    }


def test_broken_kinds_begin_anew_when_all_were_used():
    broken = [event for event in shop_events(EVERY_BROKEN_KIND + 500, people=5, seed=1) if event.code]

    assert broken[9].code == broken[0].code
    assert broken[9].id != broken[0].id
