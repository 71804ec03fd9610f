"""Envelopes whose events share more than can be written out."""

import json
import tracemalloc

import pytest

from connector.core.event import LARGEST_SHARED_BYTES, events_of, read_object
from connector.errors import UnreadableRecord
from connector.ingest.routing import route

PERSON = {"userId": "u"}


def envelope(count, **common):
    return json.dumps({"batch": [PERSON] * count, **common}, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "common",
    [
        pytest.param({"context": {"x": "x" * 500_000}}, id="a long context"),
        pytest.param({"context": {f"k{n}": 1 for n in range(30_000)}}, id="a context of many keys"),
        pytest.param({"integrations": {"x": "x" * 500_000}}, id="integrations"),
        pytest.param({"sentAt": "x" * 500_000}, id="a time"),
    ],
)
def test_an_envelope_that_would_grow_beyond_measure_is_too_large_and_costs_little(common):
    value = envelope(10_000, **common)

    tracemalloc.start()
    with pytest.raises(UnreadableRecord) as caught:
        route(value)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert caught.value.reason == "too_large"
    assert peak < 2 * LARGEST_SHARED_BYTES  # most of it is the record itself, parsed


def test_the_limit_counts_what_is_shared_once_for_each_event():
    text = "x" * 1000
    shared = len(json.dumps({"context": {"x": text}}, separators=(",", ":")))
    most = LARGEST_SHARED_BYTES // shared

    assert len(events_of(read_object(envelope(most, context={"x": text})))) == most
    with pytest.raises(UnreadableRecord):
        events_of(read_object(envelope(most + 1, context={"x": text})))


def test_an_envelope_that_shares_nothing_may_have_as_many_events_as_fit_into_it():
    assert len(route(envelope(60_000))) == 60_000


def test_what_is_shared_and_nested_too_deeply_to_be_written_is_unreadable():
    deep = b'{"x":' * 300 + b"1" + b"}" * 300

    with pytest.raises(UnreadableRecord) as caught:
        route(b'{"batch":[{"userId":"u"}],"context":' + deep + b"}")
    assert caught.value.reason == "not_json"
