"""What a letter would come to today, and the record that is made of it."""

import json

import pytest

from connector.core import Destination
from connector.delivery.dead_letter import Only, Reason, make_dead_letter, only_of
from connector.delivery.letter import read_letter
from connector.delivery.planner import plan_with
from connector.delivery.redrive import Prospect, outlook_of, redriven_headers
from tests.builders import record
from tests.delivery.setup import Setup
from tests.virtual_time import run

TRACK = {"type": "track", "event": "Paid", "userId": "u1"}
FIELDS = {"type": {"@path": "$.type"}, "event": {"@path": "$.event"}, "userId": {"@path": "$.userId"}}
MAPPINGS = [
    {"name": "One", "action": "trackEvent", "trigger": 'type = "track"', "fields": FIELDS},
    {"name": "Two", "action": "trackEvent", "trigger": 'type = "track"', "fields": FIELDS},
]
DESTINATION = Destination.from_config({"id": "test", "mappings": MAPPINGS}, api_key="")
FAILED = Reason("rejected", "said no", mapping="Two", action="trackEvent")


def letter_of(value=TRACK, reason=FAILED, event=None, destination="test", headers=()):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    made = make_dead_letter(
        record(5, value=body, headers=headers),
        reason,
        destination=destination,
        config_version="v1",
        event=event,
    )
    return read_letter(
        record(9, partition=1, headers=tuple(made.headers))._replace(key=made.key, value=made.value)
    )


def redriven(letter, value=None):
    headers = tuple(redriven_headers(letter, "dead"))
    return record(0, headers=headers)._replace(key=letter.key, value=value or letter.value)


def planned(each, destination=DESTINATION):
    found = plan_with(destination, largest_record=10_000)(each)
    return [
        (task.mapping, task.event)
        for tasks in ([found] if isinstance(found, tuple) else found)
        for task in tasks
    ]


def outlook(letter, **changes):
    destination = Destination.from_config({"id": "test", "mappings": MAPPINGS, **changes}, api_key="")
    return outlook_of(letter, destination, largest=10_000)


@pytest.mark.parametrize(
    ("letter", "tasks"),
    [
        pytest.param(letter_of(), [("Two", 0)], id="one mapping"),
        pytest.param(letter_of({"batch": [TRACK] * 3}, event=1), [("Two", 1)], id="one event of an envelope"),
        pytest.param(
            letter_of({"batch": [TRACK] * 2}), [("Two", 0), ("Two", 1)], id="an envelope of an older letter"
        ),
        pytest.param(
            letter_of(reason=Reason("internal", "unexpected")), [("One", 0), ("Two", 0)], id="all of a record"
        ),
        pytest.param(letter_of(reason=FAILED._replace(mapping="Gone")), [], id="a mapping that is gone"),
        pytest.param(letter_of(reason=FAILED._replace(action="addTag")), [], id="another action"),
        pytest.param(letter_of(TRACK | {"type": "page"}), [], id="no match"),
        pytest.param(letter_of(destination=""), [("One", 0), ("Two", 0)], id="of the ingest stage"),
    ],
)
def test_a_redriven_record_is_planned_for_what_failed_and_for_nothing_else(letter, tasks):
    assert planned(redriven(letter)) == tasks


def test_other_destinations_pass_over_a_redriven_record_whatever_it_holds():
    other = Destination.from_config({"id": "other", "mappings": MAPPINGS}, api_key="")

    assert planned(redriven(letter_of()), other) == []
    assert planned(redriven(letter_of(), b"{"), other) == []
    assert planned(redriven(letter_of(), b"{")) == [("", 0)]  # its own has to say that it cannot be read


def test_a_record_with_headers_of_others_is_planned_for_all_mappings():
    headers = (("encharge.only_mapping", b"Two"), ("trace", b"x"), ("encharge.source", b"s/0/0/0"))

    assert planned(record(0, value=json.dumps(TRACK).encode(), headers=headers)) == [("One", 0), ("Two", 0)]


@pytest.mark.parametrize(
    ("headers", "only"),
    [
        pytest.param((), None, id="not redriven"),
        pytest.param((("encharge.redriven_from", b"d/0/0"),), Only(), id="for everything"),
        pytest.param(
            (("encharge.redriven_from", None), ("encharge.only_mapping", None), ("encharge.only_event", b"x")),
            Only(), id="nonsense",
        ),
        pytest.param(
            (("encharge.only_event", b"2"), ("encharge.only_mapping", "ü".encode()), ("encharge.redriven_from", b"")),
            Only(mapping="ü", event=2), id="in any order",
        ),
    ],
)  # fmt: skip
def test_headers_say_what_a_record_is_for(headers, only):
    assert only_of(headers) == only


def test_a_redriven_record_that_fails_as_a_whole_is_still_for_one_mapping():
    first = letter_of({"batch": [TRACK] * 2}, event=1)
    again = make_dead_letter(
        redriven(first), Reason("internal", "unexpected"), destination="test", config_version="v1"
    )
    second = read_letter(record(10, headers=tuple(again.headers))._replace(value=again.value))

    assert (second.mapping, second.action, second.event, second.redrives) == ("Two", "trackEvent", 1, 1)
    assert planned(redriven(second)) == [("Two", 1)]


def test_a_record_keeps_its_source_and_the_headers_of_others_and_counts_how_often_it_came_back():
    theirs = (("encharge.source", b"s/1/2/3"), ("tag", b"a"), ("tag", b"b"), ("encharge.redrives", b"4"))

    assert redriven_headers(letter_of(headers=theirs, event=0), "dead") == [
        *theirs[:3],
        ("encharge.redrives", b"5"),
        ("encharge.redriven_from", b"dead/1/9"),
        ("encharge.only_destination", b"test"),
        ("encharge.only_mapping", b"Two"),
        ("encharge.only_action", b"trackEvent"),
        ("encharge.only_event", b"0"),
    ]


@pytest.mark.parametrize(
    ("letter", "changes", "prospect", "why"),
    [
        pytest.param(letter_of(), {}, Prospect.SENT, "", id="a request"),
        pytest.param(letter_of(reason=Reason("internal", "x")), {}, Prospect.SENT, "", id="all of a record"),
        pytest.param(letter_of({"batch": [TRACK, 5]}), {}, Prospect.UNREADABLE, "batch[1] is no object", id="half an envelope"),
        pytest.param(letter_of(b"{"), {}, Prospect.UNREADABLE, "the value is not JSON in UTF-8", id="no JSON"),
        pytest.param(
            letter_of({"type": "track"}), {}, Prospect.FAILS,
            "invalid_payload: The root value is missing the required field 'event'.", id="as before",
        ),
        pytest.param(
            letter_of(), {"mappings": MAPPINGS[:1]}, Prospect.NO_MAPPING,
            "no enabled mapping has that name any more", id="no mapping",
        ),
        pytest.param(
            letter_of(), {"mappings": [MAPPINGS[1] | {"enabled": False}]}, Prospect.NO_MAPPING,
            "no enabled mapping has that name any more", id="a disabled mapping",
        ),
        pytest.param(
            letter_of(), {"mappings": [MAPPINGS[1] | {"action": "identifyUser", "fields": {}}]},
            Prospect.OTHER_ACTION, "the mapping does identifyUser now, not trackEvent", id="another action",
        ),
        pytest.param(
            letter_of(), {"mappings": [MAPPINGS[1] | {"trigger": 'type = "page"'}]}, Prospect.NO_MATCH,
            "the trigger does not match the event any more", id="no match",
        ),
        pytest.param(
            letter_of({"batch": [TRACK, {"type": "track"}]}, event=1), {}, Prospect.FAILS,
            "invalid_payload: The root value is missing the required field 'event'.", id="that event of an envelope",
        ),
        pytest.param(
            letter_of({"batch": [TRACK]}, event=7), {}, Prospect.NO_MATCH,
            "the trigger does not match the event any more", id="an event that is not there",
        ),
    ],
)  # fmt: skip
def test_the_outlook_is_what_the_worker_would_do_by_the_destination_of_today(letter, changes, prospect, why):
    found = outlook(letter, **changes)

    assert (found.prospect, found.why) == (prospect, why)
    assert found.prospect.is_good is (prospect is Prospect.SENT)


def test_a_deletion_that_failed_is_redriven_as_a_deletion():
    letter = letter_of(
        {"type": "delete", "userId": "u1"},
        Reason("rejected", "said no", mapping="", action="deletePerson"),
        event=0,
    )
    destination = Destination.from_config(
        {"id": "test", "mappings": MAPPINGS, "deletion": {"events": True}}, api_key="k"
    )

    assert dict(redriven_headers(letter, "dead"))["encharge.only_action"] == b"deletePerson"
    assert planned(redriven(letter), destination) == [("", 0)]
    assert outlook_of(letter, destination, largest=10_000).prospect is Prospect.SENT


def test_the_letter_of_a_request_names_its_event_and_that_of_a_whole_record_does_not():
    async def scenario():
        setup = Setup(plan=plan_with(DESTINATION, largest_record=10_000))
        envelope = {"batch": [TRACK, {"type": "track", "userId": "u1"}]}
        setup.submit(record(0, value=json.dumps(envelope).encode()), record(1, value=b"{"))
        await setup.settled()
        return setup.letters.letters

    letters = [dict(each.headers) for each in run(scenario())]

    assert [(each.get("encharge.mapping"), each.get("encharge.event")) for each in letters] == [
        (b"One", b"1"), (b"Two", b"1"), (None, None),
    ]  # fmt: skip
