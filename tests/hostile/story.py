"""One run: workers on a real Kafka, hostile records, everything watched from outside, and the oracle's verdict."""

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass

import psutil
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from connector.core.presets import preset_mappings
from connector.embedded.ports import free_port
from tests.eventually import eventually
from tests.hostile.destination import hostile_destination
from tests.hostile.oracle import judge, longest_wait_s, number_in
from tests.hostile.records import Generator
from tests.hostile.trips import Trips
from tests.hostile.watch import Watch
from tests.kafka.stack import QUIET
from tests.lookout import Lookout

STALL_S = 1.0  # longer is a stall
LARGEST_MESSAGE = 16 * 1024**2
LARGEST_LETTER = 64 * 1024**2
# As docs/dead-letters.md and docs/delivery.md say: on purpose so many dead letters must not pause anything.
NO_FLOOD_GUARD = {"CONNECTOR_FLOOD_RUN": "0", "CONNECTOR_FLOOD_SHARE": "1"}


@dataclass
class Outcome:
    """What one run came to.

    silences    of each worker, see watch.Silence
    wait_s      longest time in which no real person's event was accepted while some were waiting
    trip_s      longest and median time of the plain way beside the worker, see trips.Trips
    slowness    how many times as long as trips.QUIET_S the plain way took in the median, at least 1
    unstable    states of the consumer groups other than Stable, and changes of their members, while records were read
    memory_mb   highest resident memory of each worker
    exit_codes  of the workers after SIGTERM
    lag         records not committed at the end, of both stages
    """

    verdict: object
    silences: list
    wait_s: float
    trip_s: tuple
    slowness: float
    unstable: list
    memory_mb: list
    exit_codes: list
    lag: tuple
    seconds: float
    sent_mb: float
    processes: int

    def breaches(self, wait_s=STALL_S):
        """Name everything that was promised and not kept.

        wait_s  how long at most no real person's event may be accepted while some wait, beyond what the plain way takes
        """
        verdict, found = self.verdict, []
        found += [
            f"{len(entries)} {name}: {entries[:5]}"
            for name in ("missing", "wrong", "unknown", "violations")
            if (entries := getattr(verdict, name))
        ]
        if verdict.exact_expected != verdict.exact_found:
            found.append(f"dead letters {verdict.exact_found}, expected {verdict.exact_expected}")
        if verdict.letters["internal"]:
            found.append(f"{verdict.letters['internal']} dead letters with code internal")
        for number, each in enumerate(self.silences, 1):
            if each.beyond_s >= STALL_S:
                found.append(f"worker {number} was silent for {each.beyond_s:.2f} s of its own")
            if each.unanswered:
                found.append(f"worker {number} did not answer {each.unanswered} times")
        if self.wait_s - self.trip_s[0] >= wait_s * self.slowness:
            found.append(
                f"no event of a real person was accepted for {self.wait_s:.2f} s while some waited; plain trips"
                f" took {self.trip_s[0]:.2f} s at most, {self.slowness:.1f} times as long as on a quiet machine"
            )
        if self.unstable:
            found.append(f"consumer groups: {self.unstable[:5]}")
        if any(self.exit_codes):
            found.append(f"exit codes {self.exit_codes}")
        if any(self.lag):
            found.append(f"lag {self.lag}")
        return found


def run(stack, *, records, seed, processes=1, rare=40, within_s=600, tell=lambda _text: None):
    """Send hostile records through workers and judge what became of them."""
    _raise_limits(stack)
    file = stack.directory / "destination.yaml"
    file.write_text(json.dumps(hostile_destination(preset_mappings())))
    ports: list[int] = []
    for _ in range(processes):
        ports.append(free_port("127.0.0.1", ports))
    workers = [stack.start_worker(**NO_FLOOD_GUARD, CONNECTOR_WEB_PORT=str(port)) for port in ports]
    watchers = Groups(stack, members=processes)
    eventually(watchers.are_stable, 60)
    begun_s = time.monotonic()
    with ExitStack() as exits:
        watch = exits.enter_context(Watch(ports, [worker.pid for worker in workers]))
        trips = exits.enter_context(Trips(stack, _topic_of_trips(stack)))
        watched = exits.enter_context(watchers)
        memory = exits.enter_context(Memory([worker.pid for worker in workers]))
        produced = Produced(stack)
        produced.send(Generator(seed, rare=rare).records(records))
        tell(f"{len(produced.records)} records produced after {time.monotonic() - begun_s:.0f} s")
        _await_end(stack, within_s, tell)
    seconds = time.monotonic() - begun_s
    for worker in workers:
        worker.begin_stop()
    exit_codes = [worker.finish_stop() for worker in workers]
    requests = [
        (number_in(each), each["accepted_at"], each)
        for each in stack.simulator.requests()
        if each["method"] != "GET"
    ]
    letters = [(produced.number_of(message), _code(message)) for message in stack.dead_letters()]
    verdict = judge(produced.records, [each[:2] for each in requests], letters)
    verdict.unknown += [f"accepted: {each}"[:300] for number, _, each in requests if number is None][:5]
    first = {}
    for number, at, _ in requests:
        first.setdefault(number, at)
    waiting = {each.number: produced.at[each.number] for each in produced.records if each.person}
    accepted_at = {number: first[number] for number in waiting if number in first}
    return Outcome(
        verdict, watch.seen, longest_wait_s(waiting, accepted_at), (trips.longest_s, trips.median_s), trips.slowness, watched.trouble, memory.most_mb, exit_codes,
        (stack.lag(stack.source, f"{stack.group}.ingest"), stack.lag()), seconds, produced.bytes / 1e6, processes,
    )  # fmt: skip


def _await_end(stack, within_s, tell):
    """Wait until both stages have committed everything."""
    deadline_s, told_s = time.monotonic() + within_s, time.monotonic()
    while True:
        behind = stack.lag(stack.source, f"{stack.group}.ingest"), stack.lag()
        if behind == (0, 0):
            return
        if any(worker.exit_code is not None for worker in stack.workers):
            raise AssertionError(f"a worker ended: {[worker.exit_code for worker in stack.workers]}")
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not done within {within_s} s, behind: {behind}")
        if time.monotonic() - told_s > 15:
            told_s = time.monotonic()
            tell(f"behind: {behind}")
        time.sleep(0.2)


def _raise_limits(stack):
    """Let the topics take large records, and keep those of 1970."""
    wanted = {
        stack.source: {"max.message.bytes": LARGEST_MESSAGE, "retention.ms": -1},
        stack.by_user: {"max.message.bytes": LARGEST_LETTER, "message.timestamp.type": "LogAppendTime"},
        stack.dead: {"max.message.bytes": LARGEST_LETTER, "retention.ms": -1},
    }
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            topic,
            incremental_configs=[
                ConfigEntry(name, str(value), incremental_operation=AlterConfigOpType.SET)
                for name, value in values.items()
            ],
        )
        for topic, values in wanted.items()
    ]
    for future in stack.admin.incremental_alter_configs(resources).values():
        future.result(30)


def _topic_of_trips(stack):
    name = f"{stack.group}.trips"
    for future in stack.admin.create_topics([NewTopic(name, 1)]).values():
        future.result(30)
    return name


def _code(message):
    return dict(message.headers())["encharge.code"].decode()


class Produced:
    """Writes records to the source topic and remembers where they are."""

    def __init__(self, stack):
        self._stack = stack
        self.records, self.at, self.bytes = [], {}, 0
        self._places = {}

    def send(self, records):
        """Write them as fast as Kafka takes them."""
        producer = Producer(
            {
                "bootstrap.servers": self._stack.bootstrap_servers,
                "enable.idempotence": True,
                "message.max.bytes": LARGEST_MESSAGE,
                "queue.buffering.max.kbytes": 128 * 1024,
                "linger.ms": 5,
                **QUIET,
            }
        )
        for record in records:
            more = {"timestamp": record.timestamp_ms} if record.timestamp_ms else {}
            while True:
                try:
                    producer.produce(
                        self._stack.source, record.value, key=record.key, headers=list(record.headers),
                        on_delivery=self._note(record.number), **more,
                    )  # fmt: skip
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
            self.bytes += len(record.value or b"")
            self.records.append(record._replace(value=None, headers=()))
        assert producer.flush(120) == 0

    def _note(self, number):
        def note(error, message):
            assert error is None, error
            self._places[message.partition(), message.offset()] = number
            self.at[number] = time.time()

        return note

    def number_of(self, letter):
        """Give the number of the record a dead letter is about, None for one that was never produced."""
        headers = dict(
            letter.headers()
        )  # the last of a name, as anybody may have written such a header before
        if headers["__connect.errors.topic"].decode() == self._stack.source:
            place = headers["__connect.errors.partition"], headers["__connect.errors.offset"]
        else:
            place = headers["encharge.source"].split(b"/")[1:3]
        return self._places.get(tuple(map(int, place)))


class Memory(Lookout):
    """A context manager: the highest resident memory of processes."""

    def __init__(self, pids):
        super().__init__(0.1)
        self._processes = [psutil.Process(pid) for pid in pids]
        self.most_mb = [0.0] * len(pids)

    def look(self):
        for index, process in enumerate(self._processes):
            try:
                used_mb = process.memory_info().rss / 1024**2
            except psutil.NoSuchProcess:
                continue
            self.most_mb[index] = max(self.most_mb[index], used_mb)


class Groups(Lookout):
    """A context manager: whether the consumer groups stay as they are, asked of Kafka once a second."""

    def __init__(self, stack, members):
        super().__init__(1.0)
        self._names = [f"{stack.group}.ingest", f"{stack.group}.deliver.test"]
        self._members = members
        self._admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers, **QUIET})
        self.trouble, self.looked = [], 0

    def are_stable(self):
        """Tell whether all workers are members of both groups, and nothing moves."""
        now = self._now()
        return len(now) == 2 and all(
            state == "STABLE" and len(members) == self._members for state, members in now.values()
        )

    def _now(self):
        found = {}
        for name, future in self._admin.describe_consumer_groups(self._names, request_timeout=30).items():
            try:
                group = future.result(30)
            except (
                KafkaException,
                TimeoutError,
            ):  # of a group just made, or a busy broker: says nothing of it
                continue
            found[name] = group.state.name, frozenset(each.member_id for each in group.members)
        return found

    def __enter__(self):
        self._at_first = self._now()
        return super().__enter__()

    def look(self):
        now = self._now()
        self.looked += len(now)
        if any(state != self._at_first[name] for name, state in now.items()):
            self.trouble.append({name: state for name, (state, _) in now.items()})
