"""The overview's numbers against an independent count: Kafka's records, and what Encharge answered."""

import json
import re
import time
from bisect import bisect_left

import httpx
import pytest

from connector.delivery.stats import LATENCY_BOUNDS_S
from connector.embedded.ports import free_port
from tests.eventually import eventually
from tests.kafka.stack import track

pytestmark = pytest.mark.kafka

TRACK_FIELDS = {
    name: {"@path": f"$.{path}"}
    for name, path in (
        ("type", "type"), ("event", "event"), ("userId", "userId"), ("messageId", "messageId"),
        ("timestamp", "timestamp"), ("email", "context.traits.email"), ("properties", "properties"),
    )
}  # fmt: skip
MAPPINGS = [
    {"name": "All tracks", "action": "trackEvent", "enabled": True, "trigger": 'type = "track"', "fields": TRACK_FIELDS},
    {"name": "Paid again", "action": "trackEvent", "enabled": True, "trigger": 'type = "track" and event = "Paid"', "fields": TRACK_FIELDS},
    {"name": "Never", "action": "trackEvent", "enabled": True, "trigger": 'type = "page"', "fields": TRACK_FIELDS},
]  # fmt: skip
PEOPLE = 60


class Page:
    """The overview as somebody without a session reads it, with all its thousands separators."""

    def __init__(self, text):
        self.text = " ".join(text.split())

    def rows(self, attribute):
        """Name -> the numbers of its row."""
        found = re.findall(rf'<tr data-{attribute}="([^"]*)">(.*?)</tr>', self.text)
        return {name: re.findall(r'<td class="number">([^<]*)</td>', row) for name, row in found}

    def counts(self, attribute, column=0):
        return {name: number(cells[column]) for name, cells in self.rows(attribute).items()}

    def shares(self):
        """How many partitions of the by-user topic each worker has."""
        found = []
        for text in re.findall(r"deliver (\d[-\d, ]*)", self.text):
            bounds = [part.split("-") for part in text.strip(", ").split(", ")]
            found.append(sum(int(each[-1]) - int(each[0]) + 1 for each in bounds))
        return found

    def lag(self):
        return {stage: number(text) for stage, text in re.findall(r'data-lag="(\w+)">([^<]*)<', self.text)}


def number(text):
    return int(text.replace(",", ""))


@pytest.fixture
def looking(stack):
    """Two workers with open web ports; gives a function that reads the overview of the last one started."""
    (stack.directory / "destination.yaml").write_text(json.dumps({"id": "test", "mappings": MAPPINGS}))
    ports = []

    def start():
        ports.append(free_port("127.0.0.1", taken=ports))
        return stack.start_worker(CONNECTOR_WEB_PORT=str(ports[-1]))

    with httpx.Client(trust_env=False, timeout=30) as http:

        def answer():
            try:
                return http.get(f"http://127.0.0.1:{ports[-1]}/console/")
            except httpx.ConnectError:  # it is still starting
                return None

        def overview():
            return Page(eventually(answer, 30).raise_for_status().text)

        yield start, overview


class Story:
    """What was produced, by what must become of it."""

    def __init__(self, stack):
        self.stack = stack
        self.plain = self.paid = self.refused = self.filtered = 0
        self._sequence = 0

    def produce(self, count, rate):
        self.stack.produce(self._events(count), rate=rate)

    def _events(self, count):
        for _ in range(count):
            self._sequence += 1
            number, person = self._sequence, f"u{self._sequence % PEOPLE}"
            if number % 10 == 3:
                self.filtered += 1
                yield track(person, number, type="identify", traits={"plan": "free"})
            elif number % 50 == 7:
                self.refused += 1
                yield track(person, number, event="Refused")
            elif number % 4 == 1:
                self.paid += 1
                yield track(person, number, event="Paid")
            else:
                self.plain += 1
                yield track(person, number)

    @property
    def requests(self):
        return self.plain + 2 * self.paid + self.refused

    def is_settled(self):
        accepted = self.stack.simulator.stats()["accepted"]
        return accepted >= self.plain + 2 * self.paid and len(self.stack.dead_letters()) >= self.refused

    def await_settled(self):
        eventually(self.is_settled, 60)
        eventually(lambda: self.stack.lag() == 0, 30, what="all committed")


def refuse(stack, **faults):
    rule = {"status": 400, "contains": '"event":"Refused"'}
    clean = {"rate_500": 0.0, "rate_429": 0.0, "latency": "fixed:5"}
    stack.simulator.configure(fail_matching=[rule], **(clean | faults))


def test_every_number_equals_the_independent_count_after_faults_and_a_rolling_restart(stack, looking):
    start, overview = looking
    story = Story(stack)
    refuse(stack, rate_500=0.05, rate_429=0.03)
    first, second = start(), start()
    eventually(lambda: overview().shares() == [4, 4], 60, what="both have their half")
    story.produce(800, rate=400)
    stack.simulator.configure(outage_s=2.0)
    story.produce(300, rate=200)
    story.await_settled()
    refuse(stack)  # a repetition by another worker is a first attempt of that one, so: none is left over
    story.produce(200, rate=400)
    first.begin_stop()
    story.produce(300, rate=200)
    assert first.finish_stop() == 0
    start()
    second.begin_stop()
    story.produce(300, rate=200)
    assert second.finish_stop() == 0
    eventually(lambda: overview().shares() == [8], 60, what="the third has all")
    refuse(stack, rate_500=0.05)
    story.produce(400, rate=400)
    story.await_settled()

    stats = stack.simulator.stats()
    answers = {int(status): count for status, count in stats["answers"].items()}
    posted = sum(
        count for request, count in stats["accepted_by_request"].items() if request.startswith("POST")
    )
    expected = {
        "received": story.plain + story.paid + story.refused + story.filtered,
        "filtered": story.filtered,
        "matched": story.plain + story.paid + story.refused,
        "planned": story.requests,
        "delivered": posted,
        "retried": answers.get(500, 0) + answers.get(429, 0) + answers.get(503, 0),
        "dead": len(stack.dead_letters()),
    }
    page = settled_page(overview, expected)

    assert posted == story.plain + 2 * story.paid  # no duplicate, so each was delivered once
    assert expected["retried"] > 30
    assert len(stack.records(stack.by_user)) == expected["received"]
    assert page.counts("step", column=1) == page.counts("step", column=2) == expected  # all in the last hour
    assert page.counts("mapping") == {
        "All tracks": story.plain + story.paid + story.refused, "Paid again": story.paid,
    }  # fmt: skip
    assert page.counts("mapping", column=1) == {
        "All tracks": story.plain + story.paid, "Paid again": story.paid,
    }  # fmt: skip
    assert page.counts("mapping", column=3) == {"All tracks": story.refused, "Paid again": 0}
    assert page.counts("code") == {"rejected": story.refused}
    assert page.lag() == {"ingest": 0, "deliver": 0}
    rates = {name: cells[5] for name, cells in page.rows("step").items()}
    assert rates["received"] == f"{expected['received'] / 3600:.3g}"
    share = posted / (posted + story.refused)
    assert f"{100 * share:.2f}".rstrip("0").rstrip(".") + " %" in page.text
    assert_delays(stack, page)


def settled_page(overview, expected, within_s=20):
    """Read until the counts are those, as other workers tell theirs every few seconds; fail with what differs."""
    deadline_s = time.monotonic() + within_s
    while (page := overview()).counts("step") != expected or any(page.lag().values()):
        if time.monotonic() > deadline_s:
            assert page.counts("step") == expected
            assert page.lag() == {"ingest": 0, "deliver": 0}
        time.sleep(0.2)
    return page


def assert_delays(stack, page):
    """Each percentile lies in the bucket of one that is measured from outside, half a percent to each side."""
    produced = {message.value(): message.timestamp()[1] / 1000 for message in stack.records(stack.source)}
    at = {event.id: produced[event.value] for event, _ in stack.produced}
    delays = sorted(
        request["accepted_at"] - at[request["body"]["messageId"]]
        for request in stack.simulator.requests()
        if request["method"] == "POST"
    )
    assert delays
    for name, quantile in (("p50", 0.50), ("p95", 0.95), ("p99", 0.99)):
        low, high = (
            delays[min(max(int(len(delays) * (quantile + by)), 0), len(delays) - 1)] for by in (-0.005, 0.005)
        )
        shown = seconds(page.rows("delay")[name][1])
        answered = high + 0.1  # the worker counts until the answer is read
        assert bucket(low)[0] * 0.99 <= shown <= bucket(answered)[1] * 1.01, (name, shown, low, high)


def bucket(value):
    number = bisect_left(LATENCY_BOUNDS_S, value)
    return (LATENCY_BOUNDS_S[number - 1] if number else 0.0), LATENCY_BOUNDS_S[number]


def seconds(text):
    units = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
    return sum(float(value) * units[unit] for value, unit in re.findall(r"([\d.]+) (ms|s|min|h)", text))


def test_after_a_kill_the_overview_says_whose_last_seconds_are_missing(stack, looking):
    start, overview = looking
    story = Story(stack)
    refuse(stack)
    first, _second = start(), start()
    story.produce(600, rate=200)
    eventually(lambda: overview().counts("step")["delivered"] > 100, 30)
    killed_at = time.time()
    first.kill()
    story.produce(300, rate=200)
    story.await_settled()

    page = eventually(
        lambda: "ended without a last word" in (page := overview()).text and page, 60, what="it says so"
    )

    requests = [each for each in stack.simulator.requests() if each["method"] == "POST"]
    unsaid = sum(
        killed_at - 6 < each["accepted_at"] <= killed_at for each in requests
    )  # a beat is due each 5 s
    assert len(requests) - unsaid <= page.counts("step")["delivered"] <= len(requests)
