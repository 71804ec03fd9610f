"""What a replay plan counts and says."""

import json

import pytest

from connector.delivery.replay import (
    Forecast,
    ReplayPlan,
    default_rate,
    passed,
    time_of,
    too_old,
)
from connector.delivery.selection import Filters, Range
from tests.builders import FakeRecord, letter_task, request_task

DAY_S = 86_400


def plan(**more):
    values = {
        "id": "r1",
        "created_at": 0.0,
        "topic": "by-user",
        "from_source": False,
        "ranges": {0: Range(10, 20), 3: Range(5, 6)},
        "filters": Filters(),
        "destination": "test",
        "config_version": "v1",
        "mappings": ("Track Event",),
        "rate": 10.0,
        "max_age_s": 30.0 * DAY_S,
        "oldest_at": 0.0,
        "counts": {},
    }
    return ReplayPlan(**{**values, **more})


@pytest.mark.parametrize(
    ("committed", "done"),
    [
        pytest.param({}, 0, id="nothing committed"),
        pytest.param({0: 10, 3: 5}, 0, id="the starts"),
        pytest.param({0: 13}, 3, id="one partition on its way"),
        pytest.param({0: 20, 3: 6}, 11, id="all"),
        pytest.param({0: 99, 3: 99, 7: 5}, 11, id="beyond, and strangers"),
        pytest.param({0: 2}, 0, id="before the start"),
    ],
)
def test_what_is_passed_is_counted_within_the_ranges(committed, done):
    assert passed(plan().ranges, committed) == done
    assert plan().records == 11


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        pytest.param("1970-01-02T00:00:00.500Z", DAY_S + 0.5, id="UTC"),
        pytest.param("1970-01-02T02:00:00+02:00", DAY_S, id="offset"),
        pytest.param("1970-01-02T00:00:00", DAY_S, id="no zone"),
        pytest.param("yesterday", 7.0, id="no time"),
        pytest.param("0001-01-01T00:00:00+14:00", 7.0, id="before all times"),
        pytest.param("9999-12-31T23:59:59-14:00", 7.0, id="after all times"),
        pytest.param(5, 7.0, id="a number"),
        pytest.param(None, 7.0, id="none"),
    ],
)
def test_an_event_is_as_old_as_it_says_else_as_its_record(timestamp, at):
    assert time_of({"timestamp": timestamp}, 7.0) == at


def test_a_plan_beyond_its_age_limit_says_that_mails_may_be_sent_again():
    assert too_old(plan(), 30 * DAY_S) == ""
    assert "1970-01-01T00:00:00+00:00, beyond the limit of 30 days" in too_old(plan(), 30 * DAY_S + 1)
    assert "--automations-may-fire" in too_old(plan(), 31 * DAY_S)
    assert too_old(plan(oldest_at=None), 1e12) == ""


def record(offset, partition=0, day=0):
    return FakeRecord(offset, b"k", b"{}", partition=partition, timestamp=day * DAY_S * 1000)


def test_a_forecast_counts_requests_by_mapping_and_day_and_people_once():
    forecast = Forecast()
    forecast.add(
        record(4),
        {0: {"userId": "a"}, 2: {"userId": "b"}},
        {0: [request_task(b"1")], 2: [request_task(b"2", "Page")]},
    )
    forecast.add(
        record(9, day=1), {0: {"userId": "a"}}, {0: [request_task(b"3"), letter_task("invalid_fields")]}
    )
    forecast.add(record(2, partition=5), {0: {}}, {})

    found = forecast.as_json()

    assert found["chosen"] == 4
    assert (found["users"], found["unmatched"], found["requests"]) == (3, 1, 3)
    assert found["by_mapping"] == {"Track Event": 2, "Page": 1}
    assert found["by_day"] == {"1970-01-01": {"Track Event": 1, "Page": 1}, "1970-01-02": {"Track Event": 1}}
    assert found["dead_letters"] == {"invalid_fields": 1}
    assert (found["oldest"], found["newest"]) == ("1970-01-01T00:00:00+00:00", "1970-01-02T00:00:00+00:00")
    assert forecast.ranges == {0: Range(4, 10), 5: Range(2, 3)}
    assert json.dumps(found)


def test_samples_are_of_as_many_mappings_as_there_are():
    forecast = Forecast()
    for number in range(9):
        forecast.add(record(number), {0: {}}, {0: [request_task(b"%d" % number)]})
    forecast.add(record(10), {0: {}}, {0: [request_task(b"page", "Page")]})

    assert [each.body for each in forecast.samples(3)] == [b"0", b"page", b"1"]
    assert forecast.samples(0) == []


def test_without_a_rate_a_replay_takes_a_part_of_the_ceiling():
    assert default_rate(None) == 100
    assert default_rate(40) == 10
