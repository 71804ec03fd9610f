"""Dead letters as they are read back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.dead_letter import Reason, make_dead_letter
from connector.delivery.letter import Place, Selection, read_letter
from connector.delivery.letter_groups import Group, LetterGroups, day_of
from tests.builders import record

REASON = Reason(
    "rejected", "HTTP 400 after 3 attempts", "HTTPError", "Track Event", "trackEvent",
    attempts=3, first_attempt_at=1795507200.12, http_status=400, response="said no",
)  # fmt: skip


def letter(
    reason=REASON, *, destination="production", event=0, offset=7, timestamp=1_795_507_300_000, **origin
):
    made = make_dead_letter(
        record(41, partition=3, **origin), reason, destination=destination, config_version="v1", event=event
    )
    return read_letter(
        record(offset, topic="dead", partition=2, timestamp=timestamp, headers=tuple(made.headers))._replace(
            key=made.key, value=made.value
        )
    )


def test_everything_that_was_written_is_read():
    found = letter(headers=(("tag", b"a"),))

    assert (found.place, str(found.place), found.timestamp) == (Place(2, 7), "2:7", 1_795_507_300_000)
    assert (found.code, found.message, found.kind) == ("rejected", "HTTP 400 after 3 attempts", "HTTPError")
    assert (found.mapping, found.action, found.event) == ("Track Event", "trackEvent", 0)
    assert (found.attempts, found.first_attempt_at) == (3, "2026-11-24T08:00:00.120Z")
    assert (found.http_status, found.response) == (400, "said no")
    assert (found.destination, found.config_version, found.redrives) == ("production", "v1", 0)
    assert (found.topic, found.origin) == ("by-user", Place(3, 41))
    assert (found.key, found.value) == (b"u1", b"u1.41")
    assert ("tag", b"a") in found.headers


def test_a_letter_of_the_ingest_stage_has_no_destination():
    assert letter(destination="").is_of_ingest
    assert not letter().is_of_ingest


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param((), id="none"),
        pytest.param((("encharge.code", None),), id="null"),
        pytest.param((("encharge.code", b""),), id="empty"),
        pytest.param((("encharge.code", b"probe"),), id="a probe of check"),
        pytest.param((("__connect.errors.topic", b"t"), ("code", b"rejected")), id="another program's"),
    ],
)
def test_what_is_no_letter_is_passed_over(headers):
    assert read_letter(record(0, headers=headers)) is None


NAMES = [
    "encharge.code", "encharge.mapping", "encharge.event", "encharge.attempts", "encharge.http_status",
    "encharge.redrives", "encharge.source", "__connect.errors.partition", "__connect.errors.offset",
]  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.none() | st.binary(max_size=30))), st.none() | st.binary()
)
def test_headers_and_values_may_be_anything(headers, value):
    found = read_letter(record(0, headers=(*headers, ("encharge.code", b"x")))._replace(value=value))

    assert found is not None
    assert found.user == "" or isinstance(found.user, str)
    assert not Selection(user="nobody-of-that-name").takes(found)


@pytest.mark.parametrize(
    ("source", "happened"),
    [
        pytest.param(b"segment.events/2/17/1795507200120", 1_795_507_200_120, id="the source's time"),
        pytest.param(b"segment.events/2/17/1999999999999", 1_795_507_300_000, id="later than the letter"),
        pytest.param(b"segment.events/2/17/-1", 1_795_507_300_000, id="no time"),
        pytest.param("²".encode(), 1_795_507_300_000, id="a digit that is none"),
        pytest.param(b"", 1_795_507_300_000, id="empty"),
    ],
)
def test_an_event_is_as_old_as_its_source_record(source, happened):
    assert letter(headers=(("encharge.source", source),)).happened == happened


@pytest.mark.parametrize(
    ("selection", "is_taken"),
    [
        pytest.param(Selection(), True, id="all"),
        pytest.param(Selection(codes=frozenset({"rejected", "internal"})), True, id="its code"),
        pytest.param(Selection(codes=frozenset({"internal"})), False, id="another code"),
        pytest.param(Selection(mappings=frozenset({"Track Event"})), True, id="its mapping"),
        pytest.param(Selection(mappings=frozenset({"Track"})), False, id="another mapping"),
        pytest.param(Selection(since=1_795_507_300_000), True, id="since its very time"),
        pytest.param(Selection(since=1_795_507_300_001), False, id="since later"),
        pytest.param(Selection(until=1_795_507_300_001), True, id="until later"),
        pytest.param(Selection(until=1_795_507_300_000), False, id="until its very time"),
        pytest.param(Selection(destination="production"), True, id="its destination"),
        pytest.param(Selection(destination="staging"), False, id="another destination"),
        pytest.param(Selection(user="u1"), True, id="its key"),
        pytest.param(Selection(user="u2"), False, id="another user"),
    ],
)
def test_a_letter_is_taken_when_everything_fits(selection, is_taken):
    assert selection.takes(letter()) is is_taken


def test_letters_of_the_ingest_stage_are_for_every_destination():
    assert Selection(destination="staging").takes(letter(destination=""))


def test_a_person_is_found_in_the_events_also_where_the_key_is_another():
    envelope = {"batch": [{"userId": "ada"}, {"anonymousId": "bob"}, {"userId": 12}]}
    whole = letter(event=None, value=json.dumps(envelope).encode(), person="any")
    second = letter(event=1, value=json.dumps(envelope).encode(), person="any")

    assert [whole.names(each) for each in ("ada", "bob", "any", "eve")] == [True, True, True, False]
    assert [second.names(each) for each in ("ada", "bob")] == [False, True]
    assert (whole.user, second.user) == ("", "bob")


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        pytest.param(
            "code", [Group("rejected", 2, 86_400_000, 172_800_000), Group("internal", 1, 0, 0)], id="code"
        ),
        pytest.param(
            "mapping", [Group("Track Event", 2, 86_400_000, 172_800_000), Group("", 1, 0, 0)], id="mapping"
        ),
        pytest.param(
            "day",
            [
                Group("1970-01-01", 1, 0, 0),
                Group("1970-01-02", 1, 86_400_000, 86_400_000),
                Group("1970-01-03", 1, 172_800_000, 172_800_000),
            ],
            id="day",
        ),
        pytest.param(
            "user", [Group("ada", 2, 0, 172_800_000), Group("bob", 1, 86_400_000, 86_400_000)], id="user"
        ),
    ],
)
def test_letters_are_counted_by_what_they_have_in_common(by, groups):
    counted = LetterGroups(by)
    ada, bob = b'{"userId": "ada"}', b'{"userId": "bob"}'
    counted.add(letter(timestamp=172_800_000, value=ada))
    counted.add(letter(timestamp=86_400_000, value=bob))
    counted.add(letter(Reason("internal", "unexpected"), timestamp=0, value=ada))

    assert counted.groups == groups


@pytest.mark.parametrize("timestamp", [2**63 - 1, -(2**63)])
def test_a_time_out_of_any_calendar_is_on_no_day(timestamp):
    assert day_of(timestamp) == ""
