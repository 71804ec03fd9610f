"""From a record to the things to do for it."""

import json
from collections.abc import Iterator

import pytest

from connector.core import Destination
from connector.delivery.planner import discard, plan_with, second_key
from tests.builders import record

MAPPING = {
    "name": "Track",
    "action": "trackEvent",
    "enabled": True,
    "trigger": 'type = "track"',
    "fields": {"type": {"@path": "$.type"}, "event": {"@path": "$.event"}, "userId": {"@path": "$.userId"}},
}
DESTINATION = Destination.from_config({"id": "test", "mappings": [MAPPING]}, api_key="key")
TRACK = {"type": "track", "event": "Paid", "userId": "u1", "timestamp": "2026-11-24T09:30:00Z"}
ALIAS = {"type": "alias", "userId": "new", "previousId": "old"}


def written(value):
    return record(0, value=json.dumps(value).encode())


def plan(each, largest=10_000):
    return plan_with(DESTINATION, largest_record=largest)(each)


def test_a_record_with_one_event_is_planned_at_once():
    [task] = plan(written(TRACK))

    assert (task.mapping, task.action, task.event, task.reason) == ("Track", "trackEvent", 0, None)
    assert task.request is not None


def test_a_record_that_matches_nothing_has_no_tasks():
    assert plan(written(TRACK | {"type": "page"})) == ()


def test_what_the_mapping_cannot_do_is_a_dead_letter_with_its_reason():
    [task] = plan(written({"type": "track", "userId": "u1"}))

    assert task.request is None
    assert (task.reason.code, task.reason.mapping, task.reason.action) == (
        "invalid_payload", "Track", "trackEvent",
    )  # fmt: skip
    assert task.reason.message
    assert task.reason.kind


def test_the_code_of_a_dead_letter_is_a_plain_text_that_can_be_a_key_of_json():
    [task] = plan(written({"type": "track", "userId": "u1"}))

    assert type(task.reason.code) is str


def test_the_events_of_an_envelope_are_planned_one_after_the_other():
    planned = plan(written({"batch": [TRACK, TRACK | {"type": "page"}, TRACK]}))

    assert isinstance(planned, Iterator)
    assert [[task.event for task in tasks] for tasks in planned] == [[0], [], [2]]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        pytest.param(None, "unreadable_empty", id="nothing"),
        pytest.param(b"{", "unreadable_not_json", id="half"),
        pytest.param(b"[]", "unreadable_not_an_object", id="a list"),
        pytest.param(b'{"a": "%s"}' % (b"x" * 200), "unreadable_too_large", id="too large"),
    ],
)
def test_a_record_that_holds_no_event_is_a_dead_letter(value, code):
    [task] = plan(record(0)._replace(value=value), largest=100)

    assert task.request is None
    assert (task.mapping, task.action) == ("", "")
    assert (task.reason.code, task.reason.kind) == (code, "UnreadableRecord")
    assert task.reason.message


def test_a_destination_that_discards_has_nothing_to_do():
    assert discard(written(TRACK)) == ()


@pytest.mark.parametrize(
    ("value", "key"),
    [
        pytest.param(ALIAS, b"old", id="an alias"),
        pytest.param({"batch": [TRACK, ALIAS]}, b"old", id="an alias in an envelope"),
        pytest.param(ALIAS | {"previousId": "ü"}, "ü".encode(), id="another alphabet"),
        pytest.param(ALIAS | {"previousId": 12}, b"12", id="a number"),
        pytest.param(ALIAS | {"previousId": ""}, None, id="nobody"),
        pytest.param({"type": "alias", "userId": "new"}, None, id="nobody at all"),
        pytest.param(TRACK | {"previousId": "old"}, None, id="another type"),
        pytest.param(TRACK | {"event": "alias", "previousId": "old"}, None, id="another type that names it"),
    ],
)
def test_the_second_person_of_an_alias_is_the_one_that_is_given_up(value, key):
    assert second_key(written(value)) == key


@pytest.mark.parametrize("value", [None, b"", b'{"type": "alias"', b'["alias"]', b'"alias"'])
def test_a_record_that_cannot_be_read_has_no_second_person(value):
    assert second_key(record(0)._replace(value=value)) is None


def test_an_alias_in_a_record_that_is_too_large_to_be_read_is_not_looked_for():
    value = written(ALIAS).value

    assert second_key(record(0)._replace(value=value), largest_record=len(value)) == b"old"
    assert second_key(record(0)._replace(value=value), largest_record=len(value) - 1) is None
