"""The counts of all workers together: exact over stops, restarts and deaths, and never an exception."""

from dataclasses import dataclass, field

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.history import DAY_S, HOUR_S, MINUTE_S, History
from connector.delivery.stats import DeliveryStats, IngestStats, LastError
from connector.delivery.tally import Delay, Requests
from connector.delivery.totals import totals_of
from connector.edges.funnel import Heard, Source, make_funnel
from tests.strategies import json_values

NOW = 1_764_000_000.0
STEPS_S = {MINUTE_S: 5.0, HOUR_S: 60.0, DAY_S: 900.0}


class Process:
    """A worker process as the control topic sees it."""

    def __init__(self, control, instance, started_at=NOW, destination=None):
        self.control, self.instance, self.started_at = control, instance, started_at
        self.destination = destination
        self.stats, self.ingest = DeliveryStats(), IngestStats()
        self.history = History(started_at)
        self.errors = {}
        self.told_at = started_at

    def totals(self):
        return totals_of(self.stats, self.ingest)

    def tick(self, now):
        if self.history.is_due(now):
            self.history.mark(now, self.totals())

    def beat(self, now):
        value = {
            "at": now,
            "started_at": self.started_at,
            "totals": self.totals(),
            "destination": self.destination,
            "last_errors": self.errors,
        }
        self.control[f"worker/{self.instance}"] = orjson.loads(orjson.dumps(value))

    def tell(self, now, *, ended=False):
        self.told_at = now
        told = self.history.told(now, self.totals(), ended=ended)
        value = {**told, "destination": self.destination, "last_errors": self.errors}
        self.control[f"history/{self.instance}"] = orjson.loads(orjson.dumps(value))

    def stop(self, now):
        self.tell(now, ended=True)
        self.control.pop(f"worker/{self.instance}", None)

    def count(self, **counts):
        for name, count in counts.items():
            setattr(self.stats, name, getattr(self.stats, name) + count)


@pytest.fixture
def control():
    return {}


def test_the_way_of_records_and_requests_adds_up_over_workers(control):
    first, second = Process(control, "a"), Process(control, "b")
    for process in (first, second):
        process.ingest.received = process.ingest.forwarded = 101
        process.ingest.dead_letters.update({"unreadable_not_json": 3})
        process.count(
            received=100, repeated=10, filtered=20, discarded=5, unreadable=2, settled=85, retries=9
        )
        process.stats.planned.update({("Orders", "trackEvent"): 60, ("", "deletePerson"): 4})
        process.stats.delivered.update({("Orders", "trackEvent"): 50, ("", "deletePerson"): 3})
        process.stats.retried.update({("Orders", "trackEvent"): 7})
        process.stats.withdrawn.update({("Orders", "trackEvent"): 1})
        process.stats.dead_letters.update(
            {("rejected", "Orders"): 6, ("rejected", ""): 1, ("unreadable_not_json", ""): 2}
        )
        process.beat(NOW + 10)

    counts = make_funnel(control, NOW + 10).known

    assert (counts.ingested, counts.forwarded, counts.ingest_dead) == (202, 202, 6)
    assert (counts.received, counts.repeated, counts.retries) == (180, 20, 18)
    assert (counts.filtered, counts.discarded, counts.unreadable, counts.matched) == (40, 10, 4, 116)
    assert counts.requests == Requests(planned=128, withdrawn=2, delivered=106, retried=14, dead=14)
    assert counts.by_mapping == {
        "": Requests(planned=8, delivered=6, dead=2),
        "Orders": Requests(planned=120, withdrawn=2, delivered=100, retried=14, dead=12),
    }
    assert counts.by_code == {"rejected": 14, "unreadable_not_json": 10}
    assert counts.dead_letters == 24
    assert counts.requests.success == 106 / 120


def test_of_workers_for_another_destination_only_what_they_ingest_counts(control):
    for instance, destination in (("a", "ours"), ("b", "theirs"), ("c", "theirs"), ("d", None)):
        process = Process(control, instance, destination=destination)
        process.ingest.received = 10
        process.ingest.dead_letters["unreadable_not_json"] = 1
        process.errors = {f"Of {destination}": ["rejected", 400, NOW]}
        process.count(received=5)
        process.stats.delivered["Orders", "trackEvent"] = 5
        process.stop(NOW) if instance == "c" else process.beat(NOW)

    ours, all_ = make_funnel(control, NOW, "ours"), make_funnel(control, NOW)

    assert (ours.known.ingested, ours.known.by_code) == (40, {"unreadable_not_json": 4})
    assert (ours.known.received, ours.known.by_mapping) == (10, {"Orders": Requests(delivered=10)})
    assert set(ours.last_errors) == {"Of ours", "Of None"}
    assert {source.instance for source in ours.sources} == set("abcd")
    assert (all_.known.received, all_.known.requests.delivered) == (20, 20)


def test_a_mapping_may_have_a_slash_in_its_name(control):
    process = Process(control, "a")
    process.stats.delivered["A/B", "trackEvent"] = 3
    process.stats.dead_letters["rejected", "A/B"] = 2
    process.beat(NOW)

    assert make_funnel(control, NOW).known.by_mapping == {"A/B": Requests(delivered=3, dead=2)}


def test_without_anything_said_nothing_was_counted():
    funnel = make_funnel({"pause/x": {"paused": True, "at": NOW}}, NOW)

    assert funnel.known.received == funnel.day.counts.received == 0
    assert funnel.known.requests.success is None
    assert funnel.known.delays == (None, None, None)
    assert (funnel.since, funnel.sources, funnel.unfinished) == (None, (), ())


def test_rates_are_of_the_time_that_is_counted(control):
    process = Process(control, "a", NOW - 1000)
    for second in range(-995, 1, 5):
        process.count(received=50)
        process.stats.delivered["Orders", "trackEvent"] += 20
        process.tick(NOW + second)
        if second == -30:
            process.tell(NOW + second)
    process.beat(NOW)

    funnel = make_funnel(control, NOW + 2)

    assert funnel.minute.rates.received == pytest.approx(10, rel=0.1)
    assert funnel.minute.rates.delivered == pytest.approx(4, rel=0.1)
    assert funnel.hour.rates.received == 10_000 / HOUR_S
    assert funnel.day.rates.received == 10_000 / DAY_S
    assert funnel.since == NOW - 1000


def test_a_worker_that_stopped_stays_in_the_day_and_leaves_the_minute(control):
    process = Process(control, "a")
    process.count(received=7)
    process.tick(NOW + 5)
    process.stop(NOW + 6)

    funnel = make_funnel(control, NOW + 600)

    assert (funnel.minute.counts.received, funnel.hour.counts.received, funnel.day.counts.received) == (
        0,
        7,
        7,
    )
    assert funnel.sources == (Source("a", Heard.STOPPED, NOW + 6),)
    assert funnel.unfinished == ()
    later = make_funnel(control, NOW + DAY_S + 1000)
    assert (later.day.counts.received, later.known.received) == (0, 7)


def test_a_worker_that_was_killed_keeps_what_it_last_said_and_is_told_of(control):
    process = Process(control, "a")
    process.count(received=7)
    process.tell(NOW + 5)
    process.count(received=3)
    process.beat(NOW + 10)
    process.count(received=1)  # nobody will ever know

    silent = (Source("a", Heard.SILENT, NOW + 10),)
    assert make_funnel(control, NOW + 12).sources == (Source("a", Heard.WORKING, NOW + 10),)
    assert make_funnel(control, NOW + 60).sources == make_funnel(control, NOW + 60).unfinished == silent
    assert make_funnel(control, NOW + 60).known.received == 10


def test_counts_without_a_heartbeat_and_without_a_last_word_are_told_of(control):
    process = Process(control, "a")
    process.count(received=7)
    process.tell(NOW)

    funnel = make_funnel(control, NOW + 1)

    assert funnel.known.received == 7
    assert funnel.unfinished == (Source("a", Heard.SILENT, NOW),)


def test_a_heartbeat_that_is_older_than_the_history_takes_nothing_back(control):
    process = Process(control, "a")
    process.count(received=7)
    process.beat(NOW)
    process.count(received=3)
    process.tell(NOW + 5)

    assert make_funnel(control, NOW + 6).known.received == 10


def test_the_newest_error_of_a_mapping_counts(control):
    for instance, at in (("a", 5.0), ("b", 9.0), ("c", 7.0)):
        process = Process(control, instance)
        process.errors = {"Orders": ["rejected", 400, NOW + at], instance: ["timeout", None, NOW]}
        (process.beat if instance == "b" else process.stop)(NOW)

    errors = make_funnel(control, NOW).last_errors

    assert errors["Orders"] == LastError("rejected", 400, NOW + 9.0)
    assert errors["a"] == errors["b"] == LastError("timeout", None, NOW)


@pytest.mark.parametrize(
    ("delays_s", "expected"),
    [
        pytest.param([], (None, None, None), id="nothing"),
        pytest.param([0.6] * 100, (Delay(0.75), Delay(0.975), Delay(0.995)), id="one bucket, spread evenly"),
        pytest.param([0.001], (Delay(0.0025), Delay(0.00475), Delay(0.00495)), id="the first bucket begins at 0"),
        pytest.param(
            [0.6] * 50 + [100_000.0] * 50,
            (Delay(1.0), Delay(14_400.0, is_beyond=True), Delay(14_400.0, is_beyond=True)),
            id="beyond the last bound",
        ),
    ],
)  # fmt: skip
def test_percentiles_are_interpolated_as_prometheus_does(control, delays_s, expected):
    process = Process(control, "a")
    for delay_s in delays_s:
        process.stats.delay.observe(delay_s)
    process.beat(NOW)

    found = make_funnel(control, NOW).minute.counts.delays

    assert [each and each.is_beyond for each in found] == [each and each.is_beyond for each in expected]
    assert [each and each.seconds for each in found] == [
        each and pytest.approx(each.seconds) for each in expected
    ]


def test_a_history_of_a_future_version_leaves_the_heartbeat(control):
    process = Process(control, "a")
    process.count(received=7)
    process.beat(NOW)
    process.tell(NOW)
    control["history/a"]["v"] = 2
    control["history/b"] = {"v": 2, "at": NOW}

    funnel = make_funnel(control, NOW)

    assert funnel.known.received == 7
    assert [(each.instance, each.heard) for each in funnel.sources] == [
        ("a", Heard.WORKING),
        ("b", Heard.UNKNOWN),
    ]


@given(
    st.dictionaries(
        st.sampled_from(("worker/a", "history/a", "worker/", "history/b", "pause/x")),
        st.fixed_dictionaries(
            {},
            optional={
                "v": st.just(1),
                "at": st.just(NOW) | json_values,
                "started_at": st.just(NOW) | json_values,
                "totals": st.dictionaries(
                    st.sampled_from(("received", "dead/x", "dead/x/y/z", "delay/x", "delay/nan", "planned/", "unreadable")),
                    st.integers(0, 9),
                )
                | json_values,
                "ages": st.lists(st.integers(0, 9)) | json_values,
                "counts": st.dictionaries(st.just("received"), st.lists(st.integers(-3, 3))) | json_values,
                "ended": json_values,
                "last_errors": st.dictionaries(st.text(), json_values) | json_values,
            },
        )
        | json_values,
    )
)  # fmt: skip
def test_whatever_is_said_there_is_a_funnel(control):
    funnel = make_funnel(control, NOW)

    assert funnel.known.received >= 0


@dataclass
class Group:
    """Processes that come and go, and what they really counted."""

    control: dict = field(default_factory=dict)
    now: float = NOW
    running: dict = field(default_factory=dict)
    events: list = field(default_factory=list)  # time, count
    started: int = 0
    largest_gap_s: float = 0.0  # between two steps, or from one history told to the next

    def step(self, gap_s, slot, count, then):
        self.now += gap_s
        process = self.running.get(slot)
        if process is None:
            self.started += 1
            process = self.running[slot] = Process(self.control, f"w{self.started}", self.now)
        process.count(received=count)
        self.events.append((self.now, count))
        for each in self.running.values():
            each.tick(self.now)
            self.largest_gap_s = max(self.largest_gap_s, gap_s, self.now - each.told_at)
        if then == "beat":
            process.beat(self.now)
        elif then == "tell":
            process.tell(self.now)
        elif then == "stop":
            process.stop(self.now)
            del self.running[slot]
        elif then == "die":  # right after it said something
            process.beat(self.now)
            del self.running[slot]

    def truth(self, last_s=float("inf")):
        return sum(count for at, count in self.events if at > self.now - last_s)


steps = st.lists(
    st.tuples(
        st.sampled_from((0, 1, 1, 2, 5, 5, 5, 17, 60, 61, 300, 899, 3600)),
        st.integers(0, 2),
        st.integers(0, 100),
        st.sampled_from(("", "", "beat", "beat", "tell", "stop", "die")),
    ),
    min_size=1,
    max_size=150,
)


@settings(max_examples=60, deadline=None)
@given(steps, st.sampled_from((0, 1, 30, 3600, 90_000)))
def test_no_event_is_counted_twice_or_lost_whatever_workers_do(taken, later_s):
    group = Group()
    for step in taken:
        group.step(*step)
    for process in group.running.values():
        process.beat(group.now)
    group.now += later_s

    funnel = make_funnel(group.control, group.now)

    assert funnel.known.received == group.truth()
    slack_s = group.largest_gap_s + later_s
    for window, step_s in zip((funnel.minute, funnel.hour, funnel.day), STEPS_S.values(), strict=True):
        most = group.truth(window.seconds + 2 * step_s + slack_s)
        assert group.truth(window.seconds) <= window.counts.received <= most


@settings(max_examples=3, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=200, max_size=200), st.integers(0, 59))
def test_a_worker_in_its_usual_rhythm_is_exact_to_a_step_of_each_window(counts, phase_s):
    group = Group()
    for second in range(2 * int(HOUR_S)):
        then = "tell" if second % 60 == phase_s else "beat" if second % 5 == 0 else ""
        group.step(1, 0, counts[second % len(counts)], then)
    group.running[0].beat(group.now)

    funnel = make_funnel(group.control, group.now)

    for window in (funnel.minute, funnel.hour):
        most = group.truth(window.seconds + STEPS_S[window.seconds])
        assert group.truth(window.seconds) <= window.counts.received <= most
