"""The stack of a soak: a broker of its own, proxies on every way, workers that come and go, and the books."""

import time
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import NamedTuple

from connector.embedded import EmbeddedKafka
from connector.embedded.ports import free_port
from tests.eventually import eventually
from tests.kafka.stack import API_KEY, Stack
from tests.netfaults.proxy import Proxy
from tests.scenarios.group import CommitWatch, members
from tests.soak.books import Books
from tests.soak.load import Load
from tests.soak.schedule import SESSION_S
from tests.soak.vitals import VitalsWatch

COMMIT_S, INGEST_COMMIT_S = 1.0, 0.1  # of the two stages
REQUEST_TIMEOUT_S = 5.0
HELD = 100_000  # accepted requests that the simulator remembers until they have been read
BACK_S = 120.0  # time in which the group must be whole again after anything
BEGIN_OF_LOG = 65536  # bytes
LISTENERS = ("VETERAN", "OTHERS")


class Crash(NamedTuple):
    """What may make work be done twice.

    begun_s, ended_s  epoch seconds; what was done in them, and in one commit interval before, may be repeated
    in_flight         requests that were under way
    """

    why: str
    begun_s: float
    ended_s: float
    in_flight: int


class SoakWorld(Stack):
    """A context manager.

    veteran  a worker that lives to the endgame, so that there is one whose memory can be followed
    wire     the proxy between workers and Encharge
    ways     the proxies between workers and Kafka: the veteran's, and that of all others
    """

    def __init__(self, directory, *, seed, rate, people, workers):
        self.seed, self.rate, self.people, self.wanted = seed, rate, people, workers
        self.begun_s, self.begun_at_s = time.monotonic(), time.time()
        self.crashes, self.breaches = [], []
        self.ending = Event()  # set when the time is over: what lasts ends early
        self._told = set()
        self._wire_is_bad = False
        self._before = ExitStack()  # what the stack stands on
        try:
            self.ways = {name: self._before.enter_context(Proxy("127.0.0.1", 1)) for name in LISTENERS}
            self.kafka = self._before.enter_context(_broker(self.ways))
        except BaseException:
            self._before.close()
            raise
        super().__init__(self.kafka.bootstrap_servers, directory)
        self._exits.push(self._before)

    def __enter__(self):
        try:
            return self._enter()
        except BaseException:
            self._exits.close()
            raise

    def _enter(self):
        super().__enter__()
        enter = self._exits.enter_context
        self.wire = enter(Proxy("127.0.0.1", int(self.simulator.url.rpartition(":")[2])))
        self.key_file, self.destination_file = self.directory / "key", self.directory / "destination.yaml"
        self.key_file.touch(0o600)
        self.key_file.write_text(API_KEY)
        del self.environment["CONNECTOR_ENCHARGE_API_KEY"]
        self.environment |= {
            "CONNECTOR_ENCHARGE_API_KEY_FILE": str(self.key_file),
            "CONNECTOR_ENCHARGE_INGEST_URL": f"{self.wire.url}/v1",
            "CONNECTOR_ENCHARGE_API_URL": self.wire.url,
            "CONNECTOR_COMMIT_INTERVAL": f"{COMMIT_S}s",
            "CONNECTOR_SESSION_TIMEOUT": f"{SESSION_S}s",
            "CONNECTOR_REQUEST_TIMEOUT": f"{REQUEST_TIMEOUT_S}s",
        }
        self.calm()
        self.simulator.configure(seed=self.seed, max_log=HELD, keep_state=False, retry_after="1")
        self.vitals = VitalsWatch(self.elapsed_s)
        self.commits = enter(
            CommitWatch(self.bootstrap_servers, self.deliver_group, self.by_user, self.partitions)
        )
        self.books = enter(Books(self, self.breach))
        self.load = Load(self.books, rate=self.rate, people=self.people, seed=self.seed)
        self.veteran = self.start_worker(way="VETERAN")
        self.await_whole()
        self.begun_s, self.begun_at_s = time.monotonic(), time.time()
        enter(self.vitals)
        return self

    def calm(self):
        """Let Encharge be as it is between faults."""
        self.simulator.configure(
            latency="uniform:10,30",
            max_requests_per_second=0,
            **{f"rate_{name}": 0.0 for name in ("429", "500", "503", "hang", "reset", "lost_reply")},
        )

    def elapsed_s(self):
        return time.monotonic() - self.begun_s

    def last(self, seconds):
        """Let what is going on go on; the time is the fault, nothing is waited for."""
        self.ending.wait(seconds)

    def breach(self, text):
        self.breaches.append(f"after {self.elapsed_s():.0f} s: {text}")

    # Workers

    @property
    def deliver_group(self):
        return f"{self.group}.deliver.test"

    @property
    def alive(self):
        return [worker for worker in self.workers if worker.exit_code is None]

    @property
    def others(self):
        return [worker for worker in self.alive if worker is not self.veteran]

    def start_worker(self, way="OTHERS", **environment):
        servers = self.ways[way].address
        worker = super().start_worker(CONNECTOR_KAFKA_BOOTSTRAP_SERVERS=servers, **environment)
        self.vitals.watch(worker.name, worker.pid)
        return worker

    def await_whole(self):
        """Start the workers that are missing, and wait until all that run are members of both groups."""
        eventually(self._is_whole, BACK_S, "a whole group")

    def _is_whole(self):
        for _ in range(self.wanted - len(self.alive)):
            self.start_worker()
        # The group counts a killed member until its session is over, so numbers alone could deceive.
        if not all(_has_started(worker) for worker in self.alive):
            return False
        count = len(self.alive)
        groups = (self.deliver_group, f"{self.group}.ingest")
        return all(len(members(self.bootstrap_servers, group)) == count for group in groups)

    def terminate(self, *workers):
        """SIGTERM to workers that are members; they must end by themselves and well."""
        for worker in workers:
            worker.begin_stop()
        for worker in workers:
            if (code := worker.finish_stop()) != 0 and not self._was_refused(worker):
                self.breach(f"{worker.name} ended with {code} after SIGTERM")

    def look_for_the_dead(self):
        """Workers that ended although nobody ended them are a breach."""
        for worker in self.workers:
            if worker.exit_code not in (None, 0, -9) and worker not in self._told:
                self._told.add(worker)
                if self._was_refused(worker):
                    continue
                self.breach(f"{worker.name} ended with {worker.exit_code}, see {worker.log}")

    def _was_refused(self, worker):
        """Whether it ended at its start because the destination file was broken, as it must."""
        return worker.exit_code == 2 and f"error: {self.destination_file}:" in worker.log.read_text()

    # What may be done twice

    @contextmanager
    def crash(self, why, most_s=float("inf")):
        """Around what makes workers forget; after `most_s` they do nothing more that could be forgotten."""
        begun_s = time.time()
        in_flight = self.simulator.stats()["in_flight"]
        if self._wire_is_bad:  # more may be under way than the simulator knows of
            in_flight = max(in_flight, self.wire.connections)
        yield
        self.crashes.append(Crash(why, begun_s, min(time.time(), begun_s + most_s), in_flight))

    @contextmanager
    def wire_trouble(self, **fault):
        """A fault of the network between workers and Encharge, for as long as the block lasts."""
        self._wire_is_bad = True
        self.wire.set(**fault)
        try:
            yield
        finally:
            self.wire.heal()
            self._wire_is_bad = False

    def bound(self):
        """The most duplicates that the promise allows, and what it is made of.

        At each crash: what was in flight, what one commit interval of the deliver stage delivered and what one
        of the ingest stage forwarded. Of the network and of Encharge: the answers that they ate.
        """
        stats = self.simulator.stats()
        parts = {
            "in flight at a crash": sum(crash.in_flight for crash in self.crashes),
            "delivered before a crash": sum(
                self.books.accepted_between(crash.begun_s - COMMIT_S, crash.ended_s) for crash in self.crashes
            ),
            "forwarded before a crash": sum(
                self.books.forwarded_between(crash.begun_s - INGEST_COMMIT_S, crash.ended_s)
                for crash in self.crashes
            ),
            "answers the network ate": self.wire.struck,
            "answers Encharge ate": stats["outcomes"].get("reply_lost", 0)
            + stats["outcomes"].get("client_gone", 0),
        }
        return sum(parts.values()), parts

    def is_settled(self):
        """Whether everything produced was accepted or given up, and is committed."""
        return self.books.ledger.settled >= self.books.ledger.produced and self.lag() == 0


def _has_started(worker):
    with worker.log.open("rb") as log:
        return b"worker started" in log.read(BEGIN_OF_LOG)


@contextmanager
def _broker(ways):
    """Run a broker that sends the clients of a listener to the proxy of its name; ports survive its restarts."""
    port = free_port("127.0.0.1")
    advertised = {"PLAINTEXT": port} | {name: proxy.port for name, proxy in ways.items()}
    addresses = ",".join(f"{name}://127.0.0.1:{to}" for name, to in advertised.items())
    with EmbeddedKafka(
        port=port,
        listeners=dict.fromkeys(ways, "PLAINTEXT"),
        properties={"advertised.listeners": addresses},
    ) as kafka:
        for name, proxy in ways.items():
            proxy.lead_to("127.0.0.1", int(kafka.address(name).rpartition(":")[2]))
        yield kafka
