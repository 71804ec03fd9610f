"""What the overview makes of what the workers say."""

import html
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.edges.console.overview import PARTS, live, ranges, states, steps, values, worker_row
from connector.edges.console.snapshot import Snapshot
from connector.edges.funnel import make_funnel
from connector.edges.status_report import GroupStatus, Report, WorkerStatus
from tests.strategies import json_values

NOW = 1_800_000_000.0
TOTALS = {
    "received": 1000, "filtered": 150, "discarded": 50, "settled": 990, "retries": 30,
    "planned/trackEvent/Track": 900, "delivered/trackEvent/Track": 880, "retried/trackEvent/Track": 25,
    "dead/rejected/Track": 8, "delay/0.05": 500, "delay/0.1": 380,
}  # fmt: skip
HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>'{{7*7}}\u202e"


def worker(**facts):
    return {
        "at": NOW, "started_at": NOW - 3600, "host": "h", "pid": 1, "version": "1.0", "role": "all",
        "destination": "test", "config_version": "abc", "not_ready": [], "shut": [],
        "readers": [{"stage": "deliver", "group": "g", "topic": "t", "partitions": [0, 1, 2, 5]}],
        "limiter": {"window": 64, "in_flight": 3, "per_s": None}, "failing_persons": 0, "totals": TOTALS,
    } | facts  # fmt: skip


def heard(instance="w1", **facts):
    return WorkerStatus(instance, silent=False, heard_s=1.0, facts=worker(**facts))


def snapshot(**workers):
    told = {instance: worker(**facts) for instance, facts in workers.items()}
    statuses = [WorkerStatus(name, silent=False, heard_s=0.0, facts=facts) for name, facts in told.items()]
    report = Report(NOW, "localhost:9092", [], statuses, [])
    return Snapshot(NOW, {f"worker/{name}": facts for name, facts in told.items()}, report)


def state(title, *workers):
    [found] = [each for each in states(Report(NOW, "k", [], workers, []), workers) if each.title == title]
    return found


def test_the_funnel_sums_all_workers():
    funnel = make_funnel(snapshot(a={}, b={}).control, NOW)

    counted = {step.name: step.counts[0] for step in steps(funnel)}

    assert counted == {
        "received": 2000, "filtered": 400, "matched": 1580, "planned": 1800, "delivered": 1760, "retried": 60,
        "dead": 16,
    }  # fmt: skip


def test_what_another_destination_of_the_group_does_is_not_shown_as_our_own():
    theirs = {"destination": "theirs", "shut": [{"reason": "paused", "detail": "by them"}]}
    seen = snapshot(a={}, b=theirs)

    ours = values(replace(seen, destination="test"))
    all_ = values(seen)

    assert [step.counts[0] for step in ours["steps"]] == [1000, 200, 790, 900, 880, 30, 8]
    assert [step.counts[0] for step in all_["steps"]] == [2000, 400, 1580, 1800, 1760, 60, 16]
    words = [{each.title: each.word for each in shown["states"]} for shown in (ours, all_)]
    assert [each["Destination"] for each in words] == ["sending", "paused"]
    assert [each["Limiter"] for each in words] == ["3 of 64 in flight", "6 of 128 in flight"]
    assert [row.configuration for row in ours["workers"]] == ["test abc", "theirs abc"]


def test_what_was_handed_over_is_received_by_the_next_owner_alone():
    handed = {"totals": TOTALS | {"handed_over": 10}}

    [received] = [
        step for step in steps(make_funnel(snapshot(a=handed).control, NOW)) if step.name == "received"
    ]

    assert received.counts[0] == 990


def test_the_share_of_a_step_is_of_the_step_before_that_it_is_part_of():
    shares = {step.name: step.share for step in steps(make_funnel(snapshot(a={}).control, NOW))}

    assert (shares["filtered"], shares["delivered"]) == (0.2, 880 / 900)
    assert shares["received"] is None


def test_nothing_counted_has_no_share():
    assert {step.share for step in steps(make_funnel({}, NOW))} == {None}


@pytest.mark.parametrize(
    ("title", "reason", "word", "kind"),
    [
        ("Breaker", "outage", "open: outage", "bad"),
        ("Credentials", "credentials", "refused", "bad"),
        ("Flood guard", "flood", "stopped a flood", "bad"),
        ("Destination", "paused", "paused", "warn"),
        ("Destination", "disabled", "disabled", "warn"),
    ],
)
def test_what_keeps_one_worker_back_is_shown(title, reason, word, kind):
    shut = [{"reason": reason, "since": NOW - 60, "detail": "HTTP 503"}]

    found = state(title, heard("w1"), heard("w2", shut=shut))

    assert (found.word, found.kind, found.text) == (word, kind, "HTTP 503")


def test_all_is_well_when_nothing_keeps_them_back():
    kinds = [each.kind for each in states(Report(NOW, "k", [], [heard()], []), [heard()])]

    assert set(kinds) == {"good", "idle"}


def test_the_limiter_is_that_of_all_workers():
    limiter = {"window": 10, "in_flight": 4, "per_s": 25.0}

    found = state("Limiter", heard("w1", limiter=limiter), heard("w2", limiter=limiter))

    assert found.word == "8 of 20 in flight"
    assert found.text == "at most 50 requests a second"


def test_a_worker_without_a_limiter_has_no_states():
    assert states(Report(NOW, "k", [], [], []), []) == []


def test_a_worker_row_tells_its_partitions_in_short():
    assert worker_row(heard()).partitions == ["deliver 0-2, 5"]


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([], "none"),
        ([3], "3"),
        ([0, 1, 2], "0-2"),
        ([0, 2, 3, 9], "0, 2-3, 9"),
        (None, "none"),
        (["x"], "none"),
    ],
)
def test_numbers_are_written_as_ranges(numbers, text):
    assert ranges(numbers) == text


@given(st.dictionaries(st.sampled_from(sorted(worker())), json_values))
def test_a_heartbeat_of_any_shape_breaks_no_page(facts):
    shown = values(snapshot(odd=facts | {"at": NOW}))

    assert len(shown["workers"]) == 1


async def test_a_hostile_name_is_text_in_every_part_of_the_page(http, looks):
    looks.now = snapshot(
        **{
            HOSTILE: {
                "totals": {f"planned/trackEvent/{HOSTILE}": 1, f"dead/{HOSTILE}/{HOSTILE}": 1},
                "last_errors": {HOSTILE: [HOSTILE, 400, NOW]},
                "not_ready": [{"code": HOSTILE, "topic": HOSTILE}],
                "version": HOSTILE, "role": HOSTILE, "config_version": HOSTILE,
            }
        }
    )  # fmt: skip

    text = (await http.get("/console/")).text

    assert (
        text.count(html.escape(HOSTILE, quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"))
        >= 6
    )
    assert "<img" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert text.count("{{7*7}}") == text.count("alert(2)")  # no template works on what is put into it


async def test_what_is_wrong_with_kafka_is_said_and_the_page_is_there(http, looks):
    looks.now = Snapshot(NOW, {}, None, "connection refused")

    answer = await http.get("/console/")

    assert answer.status_code == 200
    assert "Kafka cannot be asked: connection refused" in answer.text


async def test_the_numbers_are_on_the_page(http, looks):
    found = snapshot(w1={})
    group = GroupStatus("deliver", "g", "t", "Stable", 1, 12345, 61.0, [])
    looks.now = Snapshot(NOW, found.control, Report(NOW, "k", [group], found.report.workers, []))

    text = " ".join((await http.get("/console/")).text.split())

    assert '<span class="value" data-lag="deliver">12,345</span>' in text
    assert "oldest record 1 min 1 s old" in text
    row = text.split('<tr data-step="delivered">')[1].split("</tr>")[0]
    assert re.findall(r'<td class="number">([^<]*)</td>', row)[0] == "880"


def test_what_changes_slowly_is_sent_every_five_seconds():
    now = snapshot(w1={})

    assert set(live(now, 5)) == set(PARTS)
    assert {name for turn in range(1, 5) for name in live(now, turn)} == {"findings", "state", "funnel"}
