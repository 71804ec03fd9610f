"""From source records to events keyed by person."""

import orjson
import pytest

from connector.errors import UnreadableRecord
from connector.ingest.routing import route


def test_a_single_event_keeps_its_bytes_untouched():
    value = b'{ "userId" : "u1",  "n": 1.0, "n2": 1e2 }'

    assert route(value) == [(b"u1", value)]


@pytest.mark.parametrize(
    ("event", "key"),
    [
        ({"userId": "u1", "anonymousId": "a1", "messageId": "m1"}, b"u1"),
        ({"userId": "", "anonymousId": "a1"}, b"a1"),
        ({"userId": None, "anonymousId": "a1"}, b"a1"),
        ({"userId": 12345}, b"12345"),
        ({"userId": 12.0}, b"12"),
        ({"userId": True, "anonymousId": "a1"}, b"a1"),
        ({"userId": {"id": 1}, "anonymousId": "a1"}, b"a1"),
        ({"messageId": "m1", "email": "a@example.com"}, b"m1"),
        ({"messageId": "m1", "traits": {"email": "a@example.com"}}, b"m1"),
        ({"messageId": "m1", "context": {"traits": {"email": "a@example.com"}}}, b"m1"),
        ({"messageId": "m1", "properties": {"email": "a@example.com"}}, b"m1"),
        ({"userId": "ü雪"}, "ü雪".encode()),
    ],
)
def test_the_key_is_the_person_else_the_message(event, key):
    [routed] = route(orjson.dumps(event))

    assert routed.key == key


def test_a_batch_becomes_its_events_with_what_they_have_in_common():
    envelope = {
        "batch": [
            {"type": "track", "userId": "u1", "context": {"ip": "1", "page": {"path": "/"}}},
            {"type": "track", "userId": "u2", "sentAt": "own"},
        ],
        "context": {"ip": "0", "library": {"name": "x"}},
        "integrations": {"All": True},
        "sentAt": "later",
        "writeKey": "never forwarded",
    }

    routed = route(orjson.dumps(envelope))

    assert [each.key for each in routed] == [b"u1", b"u2"]
    assert [orjson.loads(each.value) for each in routed] == [
        {
            "type": "track",
            "userId": "u1",
            "context": {"ip": "1", "library": {"name": "x"}, "page": {"path": "/"}},
            "integrations": {"All": True},
            "sentAt": "later",
        },
        {
            "type": "track",
            "userId": "u2",
            "context": {"ip": "0", "library": {"name": "x"}},
            "integrations": {"All": True},
            "sentAt": "own",
        },
    ]


def test_an_empty_batch_is_no_event_and_no_error():
    assert route(b'{"batch": []}') == []


def test_an_event_that_has_a_property_called_batch_is_an_event():
    value = b'{"type":"track","userId":"u1","batch":[1]}'

    assert route(value) == [(b"u1", value)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"NaN", "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (b'{"userId":"\xff"}', "not_json"),
        (b"[" * 5000 + b"]" * 5000, "not_json"),
        (b"[]", "not_an_object"),
        (b"null", "not_an_object"),
        (b'{"batch":[{"userId":"u1"},7]}', "not_an_object"),
        (b'{"type":"track"}', "no_identity"),
        (b'{"type":"track","messageId":"m1"}', "no_identity"),
        (b'{"type":"track","email":"a@example.com"}', "no_identity"),
        (b'{"userId":"u1","x":"' + b"x" * 100 + b'"}', "too_large"),
    ],
)
def test_what_holds_no_event_is_refused_with_a_reason(value, reason):
    with pytest.raises(UnreadableRecord) as caught:
        route(value, largest=100 if reason == "too_large" else 10**6)

    assert caught.value.reason == reason


def test_the_reason_quotes_nothing_of_the_record():
    with pytest.raises(UnreadableRecord) as caught:
        route(b'{"userId": "ada@example.com" oops')

    assert "ada" not in caught.value.message


def test_events_that_name_nobody_are_delivered_on_demand():
    [routed] = route(b'{"type":"track","messageId":"m1"}', unidentified="deliver")

    assert routed.key == b"m1"


def test_half_an_emoji_passes():
    value = b'{"userId":"u1","properties":{"cut":"\\ud83d"}}'

    assert route(value) == [(b"u1", value)]
