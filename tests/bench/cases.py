"""What is measured: one case is one topic, one way of running a worker, one latency."""

from collections import Counter
from dataclasses import dataclass, replace

WORKER = ("-m", "connector", "run")
FLOOR = ("-m", "tests.bench.floor")  # the same consumer and sender, without mapping, order and offset map


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row.

    latency_ms  until each answer
    hot_share   of the events belongs to ten people
    rate        events a second while the worker runs; None: the topic is filled before
    command     arguments for the interpreter
    """

    name: str
    latency_ms: float
    in_flight: int = 256
    events: int = 100_000
    people: int = 5_000
    hot_share: float = 0.0
    rate: float | None = None
    partitioning: str = "source"
    command: tuple[str, ...] = WORKER

    @property
    def topic(self):
        """Cases with the same events share a topic."""
        return f"bench-{self.events}-{self.people}-{round(self.hot_share * 100)}-{self.rate or 'filled'}"


def all_cases(events, people, latencies_ms, in_flight):
    """Give all cases in order."""
    for latency_ms in latencies_ms:
        many = max(in_flight, 1024) if latency_ms >= 100 else in_flight
        worker = Case(name="worker", latency_ms=latency_ms, in_flight=many, events=events, people=people)
        yield replace(worker, name="floor", command=FLOOR)
        yield worker
    middle = Case(name="", latency_ms=20, in_flight=in_flight, events=events, people=people)
    yield replace(middle, name="both stages", partitioning="repartition")
    yield replace(middle, name="hot keys", events=max(events * 8 // 100, 100), hot_share=0.8)
    yield replace(middle, name="idle", latency_ms=0, events=max(events // 50, 100), rate=50.0)
    slow = replace(middle, latency_ms=100)
    yield replace(slow, name="one process")
    yield replace(slow, name="two processes", command=(*WORKER, "--processes", "2"))


def order_bound_s(keys, answer_s):
    """Give the seconds that order takes at least: the busiest person's events go one after the other."""
    return max(Counter(keys).values()) * answer_s
