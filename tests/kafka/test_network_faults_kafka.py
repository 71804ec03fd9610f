"""A worker whose way to the broker and to Encharge is a bad network: nothing lost, in order, and it lives on.

Every test has a real broker and a stand-in Encharge, each behind a proxy. What was produced and what arrived is
read past the proxies.
"""

import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from threading import Event, Thread
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import urlopen

import psutil
import pytest

from tests.eventually import eventually
from tests.kafka.stack import Stack, round_robin
from tests.netfaults.kafka import kafka_behind_proxy
from tests.netfaults.proxy import Proxy

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]  # on a loaded machine; seconds otherwise

SESSION_S, REQUEST_S, COMMIT_S = 6, 3, 1  # a shorter time for requests is over by itself on a loaded machine
RATE = 100  # events a second
PEOPLE = 40
WITHIN_S = 90  # for all to arrive after the last fault, on a loaded machine
INGEST_COMMIT_S = 0.1  # of the ingest stage
IN_FLIGHT = 32  # requests at once, so connections to Encharge, too
MORE_FDS, MORE_MB = 10, 60  # that a worker may keep besides: connections to Kafka, pools of the allocator


class Far(NamedTuple):
    """A stack, the network between its workers and the broker, and that between them and Encharge."""

    stack: Stack
    kafka: Proxy
    encharge: Proxy

    def start(self, **environment):
        worker = self.stack.start_worker(**environment)
        eventually(lambda: self.ready(worker), WITHIN_S, "a worker with partitions")
        return worker

    def ready(self, worker):
        assert worker.exit_code is None, worker.log.read_text()
        return self.number('connector_assigned_partitions{stage="deliver"}') == self.stack.partitions

    def metrics(self):
        try:
            with urlopen(
                f"http://127.0.0.1:{self.stack.environment['CONNECTOR_WEB_PORT']}/metrics", timeout=10
            ) as page:
                return page.read().decode()
        except OSError:
            return ""

    def number(self, series):
        found = re.search(rf"^{re.escape(series)} (\S+)$", self.metrics(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def attempts(self, code):
        return self.number(f'connector_attempts_total{{code="{code}"}}')

    @contextmanager
    def load(self):
        """Write events at a steady rate for as long as the block lasts."""
        is_over = Event()

        def events():
            for event in round_robin(PEOPLE, 10**6):
                if is_over.is_set():
                    return
                yield event

        writing = Thread(target=self.stack.produce, args=(events(),), kwargs={"rate": RATE})
        writing.start()
        try:
            yield
        finally:
            is_over.set()
            writing.join()

    def settle(self):
        """Wait until all is accounted for and committed, end the workers, and give the verdict."""
        self.stack.await_all(WITHIN_S)
        eventually(lambda: self.stack.lag() == 0, WITHIN_S, "the commit of everything")
        self.stack.stop_workers()
        verdict = self.stack.verdict()
        assert verdict.is_good, verdict
        assert not verdict.dead_letters
        return verdict


@pytest.fixture(scope="module")
def network():
    with kafka_behind_proxy() as network:
        yield network


@pytest.fixture
def far(network, tmp_path):
    kafka, kafka_proxy = network
    with (
        Stack(kafka.bootstrap_servers, tmp_path) as stack,
        Proxy("127.0.0.1", urlsplit(stack.simulator.url).port) as encharge,
    ):
        stack.environment |= {
            "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": kafka_proxy.address,
            "CONNECTOR_ENCHARGE_INGEST_URL": f"{encharge.url}/v1",
            "CONNECTOR_ENCHARGE_API_URL": encharge.url,
            "CONNECTOR_SESSION_TIMEOUT": f"{SESSION_S}s",
            "CONNECTOR_REQUEST_TIMEOUT": f"{REQUEST_S}s",
            "CONNECTOR_MAX_IN_FLIGHT": str(IN_FLIGHT),
            "CONNECTOR_COMMIT_INTERVAL": f"{COMMIT_S}s",
            "CONNECTOR_WEB_PORT": str(free_port()),
        }
        try:
            yield Far(stack, kafka_proxy, encharge)
        finally:
            kafka_proxy.heal()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Size:
    """Descriptors and memory of a worker, to be compared with what they were."""

    def __init__(self, worker):
        self._process = psutil.Process(worker.pid)
        self._fds, self._bytes = self._process.num_fds(), self._process.memory_info().rss

    def assert_same(self):
        # A backlog takes as many connections as there may be requests; those that a fault broke are gone soon.
        most = self._fds + IN_FLIGHT + MORE_FDS
        eventually(lambda: self._process.num_fds() <= most, 30, f"at most {most} descriptors")
        assert self._process.memory_info().rss <= self._bytes + MORE_MB * 1024**2


def lasting(seconds):
    """Let a fault last; it is the time that is tested."""
    time.sleep(seconds)


def test_a_far_and_trembling_network_costs_time_only(far):
    for proxy in (far.kafka, far.encharge):
        proxy.set(latency_s=0.1, jitter_s=0.1)
    far.start()
    with far.load():
        lasting(6)

    assert far.settle().duplicates == 0


def test_connections_to_the_broker_may_be_cut_again_and_again(far):
    worker = far.start()
    with far.load():
        for _ in range(8):
            lasting(1)
            far.kafka.cut_all()

    verdict = far.settle()
    assert worker.exit_code == 0
    assert verdict.duplicates == 0


def test_a_broker_that_says_nothing_for_longer_than_the_session_is_found_again(far):
    worker = far.start()
    with far.load():
        lasting(2)
        size = Size(worker)
        begun_s = time.time()
        far.kafka.set(mode="blackhole")
        lasting(SESSION_S + 3)
        healed_s = time.time()
        far.kafka.heal()
        lasting(2)
    far.stack.await_all(WITHIN_S)
    eventually(lambda: far.ready(worker), WITHIN_S, "the worker's partitions")
    size.assert_same()

    # Until its lease ends the worker delivers what it has read, and forwards what it has read of the source topic,
    # and can commit neither. What it wrote meanwhile may have waited in the network and arrived at the end.
    delivered = sum(
        begun_s - COMMIT_S <= request["accepted_at"] <= begun_s + SESSION_S + REQUEST_S
        for request in far.stack.simulator.requests()
    )
    forwarded = sum(
        begun_s - INGEST_COMMIT_S <= record.timestamp()[1] / 1000 <= healed_s
        for record in far.stack.records(far.stack.by_user)
    )
    assert far.settle().duplicates <= delivered + forwarded


FAULTS = (
    {"mode": "blackhole"},
    {"mode": "half-open"},
    {"mode": "slow", "pause_s": 0.2},
    {"cut_after": 9},  # in the middle of "HTTP/1.1 200"
    {"end_after": 9},
    {"mode": "refuse"},
)


def test_encharge_behind_a_broken_network_is_waited_for(far):
    worker = far.start()
    with far.load():
        lasting(1)
        size = Size(worker)
        for fault in FAULTS:
            failed = far.attempts("transient")
            far.encharge.set(**fault)
            if fault == {"mode": "refuse"}:
                far.encharge.cut_all()
            eventually(lambda: far.attempts("transient") > failed, 60, f"failures by {fault}")  # noqa: B023
            delivered = far.attempts("delivered")
            far.encharge.heal()
            eventually(lambda: far.attempts("delivered") > delivered, 60, f"deliveries after {fault}")  # noqa: B023
    far.stack.await_all(WITHIN_S)
    size.assert_same()

    # Answers that were lost: on connections that were struck, which carry one request at a time, and those that
    # nobody waited for any more when they were ready.
    duplicates = far.settle().duplicates
    outcomes = far.stack.simulator.stats()["outcomes"]
    assert duplicates <= far.encharge.struck + outcomes.get("client_gone", 0)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("http://no-such-host.invalid", "dns", id="no such name"),
        pytest.param("https://{proxy}", "tls", id="no TLS behind it"),
    ],
)
def test_a_wrong_address_at_the_start_gives_nothing_up_and_the_right_one_delivers(far, url, reason):
    wrong = url.format(proxy=far.encharge.address)
    addresses = {"CONNECTOR_ENCHARGE_INGEST_URL": f"{wrong}/v1", "CONNECTOR_ENCHARGE_API_URL": wrong}
    worker = far.start(**addresses)
    far.stack.produce(round_robin(PEOPLE, 5))
    eventually(lambda: far.attempts("transient") >= 3, WITHIN_S)
    eventually(lambda: re.search(rf"Encharge is out.*reason={reason}\b", plain(worker)), WITHIN_S)
    far.stack.stop_workers()
    assert far.stack.accounted() == 0

    far.start()

    assert far.settle().duplicates == 0


def plain(worker):
    """Give a worker's log without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", worker.log.read_text())


@pytest.fixture
def hosts(tmp_path, monkeypatch):
    """Give the file that workers of this test have for /etc/hosts, and nobody else; they know no other names."""
    hosts, resolver = tmp_path / "hosts", tmp_path / "resolv.conf"
    hosts.write_text("127.0.0.1 localhost\n")
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    mounts = f"mount --bind {hosts} /etc/hosts && mount --bind {resolver} /etc/resolv.conf"
    if subprocess.run(["unshare", "-m", "sh", "-c", mounts], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount, to take a name away from one process")
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nexec unshare -m sh -c \'{mounts} && exec {sys.executable} "$@"\' sh "$@"\n'
    )
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))  # what WorkerProcess runs
    return hosts


def test_a_name_that_stops_resolving_is_waited_for(far, hosts):
    known = f"{hosts.read_text()}127.0.0.1 encharge.test\n"
    hosts.write_text(known)
    url = f"http://encharge.test:{far.encharge.port}"
    worker = far.start(CONNECTOR_ENCHARGE_INGEST_URL=f"{url}/v1", CONNECTOR_ENCHARGE_API_URL=url)
    with far.load():
        eventually(lambda: far.attempts("delivered") > 50, WITHIN_S)
        hosts.write_text("127.0.0.1 localhost\n")
        far.encharge.close_all()
        eventually(lambda: re.search(r"Encharge is out.*reason=dns\b", plain(worker)), WITHIN_S)
        hosts.write_text(known)
        delivered = far.attempts("delivered")
        eventually(lambda: far.attempts("delivered") > delivered, WITHIN_S)

    struck = far.encharge.struck
    assert far.settle().duplicates <= struck
