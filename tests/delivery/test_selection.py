"""Which events a replay sends again."""

import json

import pytest

from connector.core import Destination, TriggerError
from connector.core.presets import preset_mappings
from connector.delivery.dead_letter import REDRIVEN_FROM
from connector.delivery.planner import plan_with
from connector.delivery.selection import (
    NOTHING,
    REPLAY_HEADER,
    Choice,
    Chosen,
    Filters,
    Range,
    Selection,
    plan_chosen,
)
from connector.errors import UnreadableRecord
from tests.builders import FakeRecord

TRACK = {"type": "track", "event": "Order", "userId": "u1", "properties": {"total": 5}}
PAGE = {"type": "page", "userId": "u2", "anonymousId": "a2"}
LARGEST = 1_000_000


def nobody_deleted(event, at):
    return False


def record(value, offset=5, partition=0, timestamp=1_000_000):
    return FakeRecord(offset, b"k", json.dumps(value).encode(), partition=partition, timestamp=timestamp)


def selection(*, covers=nobody_deleted, **filters):
    return Selection({0: Range(5, 8)}, Choice(Filters(**filters)), covers, largest_record=LARGEST)


@pytest.mark.parametrize(
    ("filters", "event", "chosen"),
    [
        pytest.param({}, PAGE, True, id="no filters"),
        pytest.param({"events": ("Order", "Refund")}, TRACK, True, id="event"),
        pytest.param({"events": ("Refund",)}, TRACK, False, id="another event"),
        pytest.param({"events": ("Order",)}, {**TRACK, "type": "page"}, False, id="event of a page"),
        pytest.param({"users": ("u1", "x")}, TRACK, True, id="user"),
        pytest.param({"users": ("x",)}, TRACK, False, id="another user"),
        pytest.param({"users": ("a2",)}, PAGE, True, id="anonymous user"),
        pytest.param({"users": ("7",)}, {"type": "page", "userId": 7}, True, id="user is a number"),
        pytest.param({"users": ("undefined", "null")}, {"type": "page", "userId": None}, False, id="nobody"),
        pytest.param(
            {"users": ("old",)}, {"type": "alias", "userId": "u", "previousId": "old"}, True, id="previous id"
        ),
        pytest.param({"where": "properties.total >= 5"}, TRACK, True, id="where"),
        pytest.param({"where": "properties.total >= 6"}, TRACK, False, id="where not"),
        pytest.param({"where": 'type = "track"', "users": ("x",)}, TRACK, False, id="all must hold"),
        pytest.param({"mappings": ("Track Event",)}, PAGE, True, id="mappings choose requests, not events"),
    ],
)
def test_an_event_is_chosen_when_all_filters_hold(filters, event, chosen):
    assert Choice(Filters(**filters))(event) is chosen


def test_a_trigger_that_cannot_be_compiled_is_refused():
    with pytest.raises(TriggerError):
        Choice(Filters(where="nope nope"))


@pytest.mark.parametrize(
    ("offset", "partition", "inside"), [(4, 0, 0), (5, 0, 1), (7, 0, 1), (8, 0, 0), (5, 1, 0)]
)
def test_only_offsets_of_the_range_are_chosen(offset, partition, inside):
    assert len(selection().chosen(record(TRACK, offset, partition)).events) == inside


def test_what_was_redriven_is_passed_over_as_its_original_is_chosen():
    redriven = record({"type": "track"})._replace(headers=((REDRIVEN_FROM, b"dead/0/1"),))

    assert selection().chosen(redriven) == NOTHING


def test_of_an_envelope_single_events_are_chosen_by_their_number():
    found = selection(events=("Order",)).chosen(record({"batch": [PAGE, TRACK, PAGE]}))

    assert found == Chosen({1: TRACK}, of=3)


def test_who_was_deleted_since_the_record_is_left_out_and_counted():
    found = selection(covers=lambda event, at: event["userId"] == "u1" and at == 1000.0).chosen(
        record({"batch": [TRACK, PAGE]})
    )

    assert (set(found.events), found.suppressed) == ({1}, 1)


def test_a_record_without_an_event_says_so():
    with pytest.raises(UnreadableRecord):
        selection().chosen(FakeRecord(5, b"k", b"not json"))


def planned(value, *, names=("Track Event", "Track Page View"), **filters):
    destination = Destination.from_config({"mappings": preset_mappings()}, api_key="secret")
    plan = plan_chosen(
        plan_with(destination, largest_record=LARGEST),
        selection(**filters),
        mappings=frozenset(names),
        replay="r1",
    )
    found = plan(value if isinstance(value, FakeRecord) else record(value))
    return list(found) if isinstance(found, tuple) else [task for tasks in found for task in tasks]


def test_requests_are_marked_and_share_their_headers_as_a_sender_knows_them_by_identity():
    first, second = planned({"batch": [TRACK, TRACK]})

    assert first.request.headers is second.request.headers
    assert first.request.headers[REPLAY_HEADER] == "r1"
    assert first.request.headers["X-Encharge-Token"] == "secret"


@pytest.mark.parametrize(
    ("value", "filters", "tasks"),
    [
        pytest.param(TRACK, {}, [("Track Event", 0)], id="one event"),
        pytest.param({"batch": [PAGE, TRACK]}, {}, [("Track Page View", 0), ("Track Event", 1)], id="envelope"),
        pytest.param({"batch": [PAGE, TRACK]}, {"users": ("u1",)}, [("Track Event", 1)], id="one of an envelope"),
        pytest.param(TRACK, {"names": ("Track Page View",)}, [], id="another mapping"),
        pytest.param(TRACK, {"users": ("x",)}, [], id="not chosen"),
        pytest.param({"type": "delete", "userId": "u1"}, {}, [], id="a deletion"),
        pytest.param(FakeRecord(5, b"k", b"{"), {}, [], id="no event"),
        pytest.param({"type": "track", "userId": "u1"}, {}, [("Track Event", 0)], id="a dead letter"),
    ],
)  # fmt: skip
def test_only_chosen_events_and_mappings_have_tasks(value, filters, tasks):
    assert [(task.mapping, task.event) for task in planned(value, **filters)] == tasks
