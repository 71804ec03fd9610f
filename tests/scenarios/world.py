"""A stack of its own for one run of a scenario: what the story may do, and what is held against it.

Nothing here asks the connector. What was accepted is in the simulator's books, what was forwarded, given up
and committed is on the brokers.
"""

import os
import random
import signal
import time
from collections import Counter
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException

from connector.demo.judge import Accepted, id_in_body, judge
from tests.eventually import eventually
from tests.kafka.stack import QUIET, Stack
from tests.scenarios.group import CommitWatch, members
from tests.scenarios.load import Events, Load
from tests.scenarios.result import Result

COMMIT_INTERVAL_S = 1.0  # of the deliver stage
INGEST_COMMIT_INTERVAL_S = 0.1
LONGEST_ANSWER_S = 1.0  # of the simulator where nothing else is said, with room for a loaded machine


class Crash(NamedTuple):
    """A moment at which workers were killed or frozen, and the requests under way then."""

    begun_s: float  # epoch seconds
    ended_s: float
    in_flight: int

    def count(self, times_s, interval_s):
        """How many of these times are in the interval before it."""
        return sum(self.begun_s - interval_s <= at_s <= self.ended_s for at_s in times_s)

    def cut_off(self, at_s):
        """Whether what nobody waited for at that time is among the requests that were in flight."""
        return self.begun_s <= at_s <= self.ended_s + LONGEST_ANSWER_S


class World(Stack):
    def __init__(self, bootstrap_servers, directory, *, scale, seed, kafka=None):
        super().__init__(bootstrap_servers, directory)
        self.scale, self.seed, self.kafka = scale, seed, kafka
        self.dice = random.Random(seed)
        self.events = Events(self.dice)
        self.crashes = []
        self.breaches = []
        self.notes = {}
        self.fixed_bound = None
        self.given_up = {}  # code of a dead letter -> the most events that may get it unforeseen
        self.has_markers = False  # of transactions in the source topic: they are never committed past
        self._seen = None
        self._requests = []
        self._letters = (-1, [])

    def __enter__(self):
        super().__enter__()
        self.environment |= {"CONNECTOR_COMMIT_INTERVAL": f"{COMMIT_INTERVAL_S}s"}
        self.simulator.configure(latency="uniform:10,30", seed=self.seed)
        return self

    # What a story does

    def start_workers(self, count, **environment):
        """Start workers and wait until the group has given each its part."""
        started = [self.start_worker(**environment) for _ in range(count)]
        self.await_members(sum(worker.exit_code is None for worker in self.workers))
        return started

    def load(self, *, rate=None, people=200, make_event=None):
        """Write events at a steady rate for as long as the `with` block lasts."""
        rate = rate or self.scale.of(short=250, full=400)
        return Load(self.produce, make_event or (lambda: self.events.of_anybody(people)), rate)

    def kill(self, *workers):
        """SIGKILL."""
        self._crash(lambda: [worker.kill() for worker in workers])

    def freeze(self, worker):
        """SIGSTOP."""
        self._crash(lambda: os.kill(worker.pid, signal.SIGSTOP))

    def _crash(self, strike):
        begun_s = time.time()
        in_flight = self.simulator.stats()["in_flight"]
        strike()
        self.crashes.append(Crash(begun_s, time.time(), in_flight))

    def terminate(self, worker):
        """SIGTERM; it must end by itself and well."""
        worker.begin_stop()
        self.expect(worker.finish_stop() == 0, f"{worker.name} did not end well after SIGTERM")

    def expect(self, is_true, otherwise):
        if not is_true:
            self.breaches.append(otherwise)

    def transaction(self, producer, *, is_aborted, size):
        """Write some events in one transaction; those of an aborted one were never produced."""
        batch = [self.events.of_anybody(200) for _ in range(size)]
        places = []
        producer.begin_transaction()
        for event in batch:
            producer.produce(
                self.source, event.value, key=event.person.encode(),
                on_delivery=lambda error, message, event=event: places.append((error, message, event)),
            )  # fmt: skip
        producer.flush(30)
        assert [error for error, *_ in places if error is not None] == []
        if is_aborted:
            producer.abort_transaction(30)
            self.notes["aborted"] = self.notes.get("aborted", 0) + size
            return
        producer.commit_transaction(30)
        for _, message, event in places:
            self.produced.append((event, time.time()))
            self.places[message.partition(), message.offset()] = event.id

    def left_s(self, window):
        """How long a trouble of Encharge's will last."""
        return self.simulator.stats()["windows_s"][window]

    def await_end_of(self, window, length_s):
        eventually(lambda: self.left_s(window) == 0, length_s + 60, f"the end of {window}")

    def is_standing_still(self):
        """Whether nothing was accepted or given up for three seconds."""
        now = time.monotonic(), self.accepted, self._letter_count()
        if self._seen is None or self._seen[1:] != now[1:]:
            self._seen = now
        return now[0] - self._seen[0] > 3

    # What the brokers know

    @property
    def deliver_group(self):
        return f"{self.group}.deliver.test"

    def members(self):
        return members(self.bootstrap_servers, self.deliver_group)

    def await_members(self, count, within_s=60):
        return eventually(
            lambda: self.members() if len(self.members()) == count else None, within_s, f"{count} members"
        )

    def watch_commits(self):
        return CommitWatch(self.bootstrap_servers, self.deliver_group, self.by_user, self.partitions)

    def is_committed(self):
        """Whether the groups have committed everything."""
        try:
            is_ingested = self.has_markers or self.lag(self.source, f"{self.group}.ingest") == 0
            return is_ingested and self.lag() == 0
        except KafkaException:
            return False

    # What Encharge knows

    @property
    def accepted(self):
        return self.simulator.stats()["accepted"]

    def requests(self):
        """All accepted requests up to now."""
        after = self._requests[-1]["seq"] if self._requests else 0
        self._requests += self.simulator.requests(after=after)
        return self._requests

    def accepted_ids(self):
        return Counter(id_in_body(request["body"]) for request in self.requests() if _is_event(request))

    # Evidence

    def settle(self):
        """Wait until everything is accounted for and committed, and end the workers."""
        self.await_all(self.scale.of(short=90, full=240))
        eventually(self.is_committed, 60, "the commit of everything")
        self.stop_workers()

    def await_all(self, within_s=120):
        """Wait until everything produced was accepted or given up."""
        eventually(self._has_arrived, within_s, "the arrival of everything")

    def _has_arrived(self):
        if self.accepted + self._letter_count() < len(self.produced):
            return False
        arrived = not self.verdict().lost
        if not arrived:
            time.sleep(0.5)  # a verdict costs more than a look
        return arrived

    def _letter_count(self):
        consumer = Consumer({"bootstrap.servers": self.bootstrap_servers, "group.id": "counter", **QUIET})
        try:
            return sum(self.ends(self.dead, consumer).values())
        except KafkaException:
            return 0
        finally:
            consumer.close()

    def letters(self):
        count = self._letter_count()
        if count != self._letters[0]:
            self._letters = (count, [self._letter(message) for message in self.dead_letters()])
        return self._letters[1]

    def verdict(self):
        accepted = [
            Accepted(id_in_body(request["body"]), request["accepted_at"])
            for request in self.requests()
            if _is_event(request)
        ]
        return judge(self._foreseen(), accepted, self.letters())

    def _foreseen(self):
        """The produced events, with the codes of those that the story lets be given up."""
        codes = {letter.source_id: letter.code for letter in self.letters()}
        return [
            (event._replace(code=codes[event.id]) if codes.get(event.id) in self.given_up else event, at)
            for event, at in list(self.produced)
        ]

    def bound(self):
        """The most duplicates that are allowed.

        At each crash: what was in flight, and what one commit interval delivered (deliver stage) or forwarded
        (ingest stage), of all workers. Else only requests whose answer came when nobody waited for it any
        more: the worker cannot know that they were accepted.
        """
        if self.fixed_bound is not None:
            return self.fixed_bound
        unheard = self._unheard()
        if not self.crashes:
            return unheard
        delivered_s = [request["accepted_at"] for request in self.requests()]
        forwarded_s = [message.timestamp()[1] / 1000 for message in self.records(self.by_user)]
        in_flight = sum(crash.in_flight for crash in self.crashes)
        delivered = sum(crash.count(delivered_s, COMMIT_INTERVAL_S) for crash in self.crashes)
        forwarded = sum(crash.count(forwarded_s, INGEST_COMMIT_INTERVAL_S) for crash in self.crashes)
        self.notes["bound"] = (
            f"{in_flight} in flight + {delivered} delivered + {forwarded} forwarded + {unheard} unheard"
        )
        return in_flight + delivered + forwarded + unheard

    def _unheard(self):
        """Requests that were accepted and their answer not heard, but for those in flight at a crash."""
        return sum(
            request["outcome"] == "client_gone"
            and not any(crash.cut_off(request["accepted_at"]) for crash in self.crashes)
            for request in self.requests()
        )

    def result(self, name, number, seconds):
        verdict, bound = self.verdict(), self.bound()
        self.expect(not verdict.lost, f"lost {list(verdict.lost[:5])}")
        self.expect(not verdict.violations, f"out of order {list(verdict.violations[:5])}")
        self.expect(not verdict.wrong, f"wrong {list(verdict.wrong[:5])}")
        self.expect(verdict.duplicates <= bound, f"{verdict.duplicates} duplicates, {bound} are allowed")
        for code, most in self.given_up.items():
            given_up = verdict.dead_letters.get(code, 0)
            self.expect(given_up <= most, f"{given_up} dead letters of code {code}, {most} are allowed")
        return Result(
            scenario=name,
            scale=self.scale.name,
            seed=self.seed,
            run=number,
            produced=verdict.produced,
            accepted=verdict.accepted,
            dead_lettered=sum(verdict.dead_letters.values()),
            lost=len(verdict.lost),
            violations=len(verdict.violations),
            duplicates=verdict.duplicates,
            bound=bound,
            seconds=round(seconds, 1),
            breaches=tuple(self.breaches),
            notes=self.notes,
        )


def _is_event(request):
    return request["method"] != "GET"  # the key being tried
