"""Runs one worker process against a filled topic and measures it from outside."""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
from confluent_kafka import Consumer, ConsumerGroupState, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

SAMPLE_S = 0.05
STALL_S = 30.0  # without any progress for so long a run is over
STOP_S = 30.0


class Sink:
    """The running sink."""

    def __init__(self, url):
        self.url = url

    def reset(self, latency_ms):
        return self._ask("POST", f"/_bench/reset?latency={latency_ms}")

    def progress(self):
        return self._ask("GET", "/_bench/progress")

    def stats(self):
        return self._ask("GET", "/_bench/stats")

    def answer_s(self, at_once=10, count=100):
        """Measure how long an answer takes, with bare sockets: so many at once, on each one after the other."""
        with ThreadPoolExecutor(at_once) as pool:
            return statistics.mean(pool.map(lambda _: self._answer_s(count), range(at_once)))

    def _answer_s(self, count):
        address = urllib.parse.urlsplit(self.url)
        body = b'{"messageId":"probe.1.0"}'
        request = b"POST /v1 HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            begun_s = time.perf_counter()
            for _ in range(count):
                connection.sendall(request)
                assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            return (time.perf_counter() - begun_s) / count

    def _ask(self, method, path):
        with urllib.request.urlopen(
            urllib.request.Request(self.url + path, method=method), timeout=30
        ) as answer:
            return json.load(answer)


@contextmanager
def running_sink():
    """Run the sink in a process of its own."""
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.sink"], stdout=subprocess.PIPE)
    try:
        yield Sink(process.stdout.readline().decode().strip())
    finally:
        process.terminate()
        process.wait()


@dataclass
class Usage:
    """CPU seconds (user and system) and peak resident memory of a process and its children."""

    cpu_s: float = 0.0
    peak_mb: float = 0.0

    def sample(self, process):
        try:
            family = [process, *process.children(recursive=True)]
            cpu = sum(sum(each.cpu_times()[:2]) for each in family)
            memory = sum(each.memory_info().rss for each in family) / 1024**2
        except psutil.NoSuchProcess:
            return
        self.cpu_s, self.peak_mb = max(self.cpu_s, cpu), max(self.peak_mb, memory)


def run(command, environment, *, sink, events, log, producing=None):
    """Start a process, wait until the sink has seen every event, stop it; give what was measured."""
    started_s = time.monotonic()
    with log.open("wb") as output:
        child = subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=output)
    process, usage = psutil.Process(child.pid), Usage()
    first_s, cpu_at_first_s, progress, progress_s = None, 0.0, -1, time.monotonic()
    if producing is not None:
        producing()
    while True:
        stats = sink.progress()
        usage.sample(process)
        now_s = time.monotonic()
        if first_s is None and stats["requests"]:
            first_s, cpu_at_first_s = now_s - started_s, usage.cpu_s
            counted_from = stats["requests"]
        if stats["unique"] != progress:
            progress, progress_s = stats["unique"], now_s
        if stats["unique"] >= events or child.poll() is not None or now_s - progress_s > STALL_S:
            break
        time.sleep(SAMPLE_S)
    usage.sample(process)
    cpu_s = usage.cpu_s - cpu_at_first_s
    child.terminate()
    code = child.wait(STOP_S)
    stats = sink.stats()
    counted = max(stats["requests"] - counted_from, 1) if first_s is not None else 1
    return {
        "events": events,
        "lost": events - stats["unique"],
        "duplicates": stats["duplicates"],
        "violations": stats["violations"],
        "overlaps": stats["overlaps"],
        "events_per_s": stats["steady_per_s"],
        "deliver_s": stats["last_at"] - stats["first_at"] if stats["requests"] else None,
        "cpu_us_per_event": cpu_s / counted * 1e6,
        "peak_mb": usage.peak_mb,
        "start_s": first_s,
        "p50_s": stats["p50_s"],
        "p99_s": stats["p99_s"],
        "in_flight": stats["peak_in_flight"],
        "connections": stats["connections"],
        "exit_code": code,
    }


def lag(bootstrap_servers, topic, group):
    """Give how many records of a topic a group has not committed."""
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": group})
    try:
        numbers = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        partitions = [TopicPartition(topic, number) for number in numbers]
        committed = consumer.committed(partitions, timeout=20)
        ends = [consumer.get_watermark_offsets(each, timeout=10) for each in partitions]
        return sum(end - max(each.offset, begin) for each, (begin, end) in zip(committed, ends, strict=True))
    finally:
        consumer.close()


def is_assigned(bootstrap_servers, group):
    """Tell whether a group is stable and has a member."""
    members, _ = assigned(AdminClient({"bootstrap.servers": bootstrap_servers}), group)
    return members > 0


def assigned(admin, group):
    """Give how many members a stable group has, and how many partitions they hold together."""
    try:
        found = admin.describe_consumer_groups([group])[group].result(10)
    except KafkaException:
        return 0, 0
    if found.state is not ConsumerGroupState.STABLE:
        return 0, 0
    return len(found.members), sum(len(each.assignment.topic_partitions) for each in found.members)
