"""Dead letters: the original bytes, and the reason in headers."""

import pytest

from connector.delivery.dead_letter import Reason, make_dead_letter, redrives_of
from tests.builders import record

FULL = Reason(
    code="rejected",
    message="HTTP 400 after 3 attempts",
    kind="HTTPError",
    mapping="Track Event",
    action="trackEvent",
    attempts=3,
    first_attempt_at=1795507200.12,
    http_status=400,
    response="said no errorCode=E1",
)


def headers_of(origin, reason=FULL, destination="production", config_version="v1"):
    return make_dead_letter(origin, reason, destination=destination, config_version=config_version).headers


def test_key_and_value_are_the_original_bytes():
    origin = record(7, value=b" \x00\xff no JSON\n")

    letter = make_dead_letter(origin, FULL, destination="production", config_version="v1")

    assert (letter.key, letter.value, letter.code) == (b"u1", b" \x00\xff no JSON\n", "rejected")


def test_a_record_without_key_and_value_stays_without():
    origin = record(7)._replace(key=None, value=None)

    letter = make_dead_letter(origin, FULL, destination="production", config_version="v1")

    assert (letter.key, letter.value) == (None, None)


def test_headers_tell_origin_and_reason():
    assert headers_of(record(41, topic="events", partition=3)) == [
        ("__connect.errors.topic", b"events"),
        ("__connect.errors.partition", b"3"),
        ("__connect.errors.offset", b"41"),
        ("__connect.errors.exception.class.name", b"HTTPError"),
        ("__connect.errors.exception.message", b"HTTP 400 after 3 attempts"),
        ("encharge.code", b"rejected"),
        ("encharge.mapping", b"Track Event"),
        ("encharge.action", b"trackEvent"),
        ("encharge.attempts", b"3"),
        ("encharge.first_attempt_at", b"2026-11-24T08:00:00.120Z"),
        ("encharge.http_status", b"400"),
        ("encharge.response", b"said no errorCode=E1"),
        ("encharge.destination", b"production"),
        ("encharge.config_version", b"v1"),
        ("encharge.redrives", b"0"),
    ]


def test_what_is_not_known_has_no_header_but_zero_has():
    found = headers_of(
        record(0), Reason("unreadable_empty", "has no value"), destination="", config_version=""
    )

    assert dict(found) == {
        "__connect.errors.topic": b"by-user",
        "__connect.errors.partition": b"0",
        "__connect.errors.offset": b"0",
        "__connect.errors.exception.message": b"has no value",
        "encharge.code": b"unreadable_empty",
        "encharge.attempts": b"0",
        "encharge.redrives": b"0",
    }


def test_headers_of_others_are_kept_in_order_and_with_repetitions():
    theirs = [("traceparent", b"00-1"), ("tag", b"a"), ("tag", b"b"), ("empty", b""), ("null", None)]

    assert headers_of(record(0, headers=tuple(theirs)))[:5] == theirs


def test_the_place_in_the_source_topic_is_kept():
    origin = record(0, headers=(("encharge.source", b"segment.events/2/17/1795507200120"),))

    assert headers_of(origin)[0] == ("encharge.source", b"segment.events/2/17/1795507200120")


def test_reasons_of_an_earlier_dead_letter_are_replaced():
    origin = record(
        5,
        headers=(
            ("encharge.code", b"expired"),
            ("encharge.http_status", b"503"),
            ("__connect.errors.offset", b"999"),
            ("encharge.of_a_later_version", b"x"),
        ),
    )

    found = headers_of(origin, Reason("invalid_payload", "event is required"))

    assert [value for name, value in found if name == "encharge.code"] == [b"invalid_payload"]
    assert [value for name, value in found if name == "__connect.errors.offset"] == [b"5"]
    assert not {"encharge.http_status", "encharge.of_a_later_version"} & dict(found).keys()


@pytest.mark.parametrize(
    ("headers", "redrives"),
    [
        pytest.param([], 0, id="never"),
        pytest.param([("encharge.redrives", b"2")], 2, id="twice"),
        pytest.param([("other", b"7"), ("encharge.redrives", b"12")], 12, id="behind another header"),
        pytest.param([("encharge.redrives", b"")], 0, id="empty"),
        pytest.param([("encharge.redrives", b"-1")], 0, id="negative"),
        pytest.param([("encharge.redrives", b"many")], 0, id="no number"),
        pytest.param([("encharge.redrives", None)], 0, id="null, which Kafka allows"),
        pytest.param([("encharge.redrives", b"9" * 5000)], 0, id="more digits than Python reads"),
    ],
)
def test_the_number_of_redrives_is_carried_on(headers, redrives):
    assert redrives_of(headers) == redrives
    assert dict(headers_of(record(0, headers=tuple(headers))))["encharge.redrives"] == b"%d" % redrives


@pytest.mark.parametrize(
    ("epoch_s", "text"),
    [
        pytest.param(None, None, id="unknown"),
        pytest.param(0.0, b"1970-01-01T00:00:00.000Z", id="zero"),
        pytest.param(1795507200, b"2026-11-24T08:00:00.000Z", id="whole seconds keep their milliseconds"),
        pytest.param(1795507200.9876, b"2026-11-24T08:00:00.987Z", id="cut to milliseconds"),
    ],
)
def test_times_are_iso_8601_in_utc_with_milliseconds(epoch_s, text):
    found = dict(headers_of(record(0), FULL._replace(first_attempt_at=epoch_s)))

    assert found.get("encharge.first_attempt_at") == text


def test_texts_are_utf8():
    found = dict(headers_of(record(0), FULL._replace(mapping="Käufe 雪")))

    assert found["encharge.mapping"] == "Käufe 雪".encode()


def test_half_an_emoji_in_a_text_costs_only_itself():
    found = dict(headers_of(record(0), FULL._replace(message="bad \ud83d", response="cut \ud83d off")))

    assert found["__connect.errors.exception.message"] == b"bad ?"
    assert found["encharge.response"] == b"cut ? off"
