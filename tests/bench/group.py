"""`python -m tests.bench.group`: what many partitions and many workers cost a group on a real Kafka.

For each size: how long until all partitions belong to somebody after all workers were started at once, after
one was stopped and after one joined; what a worker without work costs; and that events still arrive.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path

import psutil
from confluent_kafka.admin import AdminClient, NewTopic

from connector.embedded import EmbeddedKafka
from tests.bench import load, measure
from tests.eventually import eventually

SIZES = ((8, 1), (8, 8), (1000, 1), (1000, 8), (1000, 16), (4000, 8))
IDLE_S = 10.0
EVENTS = 5_000
PATIENCE_S = 240.0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", nargs=2, type=int, action="append", metavar=("PARTITIONS", "WORKERS"))
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as directory, EmbeddedKafka() as kafka, measure.running_sink() as sink:
        for partitions, workers in options.size or SIZES:
            with Group(kafka, sink, Path(directory), partitions) as group:
                results.append(group.measure(workers))
            print(json.dumps(results[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    sys.exit(any(each["lost"] or each["violations"] for each in results))


class Group:
    """Workers of one group on a topic of its own."""

    def __init__(self, kafka, sink, directory, partitions):
        self._kafka, self._sink, self._partitions = kafka, sink, partitions
        self._directory = directory
        self._name, self._topic = f"g-{uuid.uuid4().hex[:6]}", f"t-{uuid.uuid4().hex[:6]}"
        self._admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        self._workers = []
        self._stack = ExitStack()

    def __enter__(self):
        (self._directory / "destination.yaml").write_text("id: bench\n")
        topics = [NewTopic(self._topic, self._partitions), NewTopic(f"{self._topic}-dead", 1)]
        for future in self._admin.create_topics(topics).values():
            future.result(120)
        self._sink.reset(20)
        return self

    def __exit__(self, *error):
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            worker.wait(60)
        self._stack.close()

    def measure(self, workers):
        """Play the life of a group; seconds, megabytes, shares of one core."""
        all_start_s = self._seconds(lambda: [self._start() for _ in range(workers)], workers)
        idle_cores, memory_mb = self._idle()
        stop_s = join_s = None
        if workers > 1:
            stop_s = self._seconds(lambda: self._workers.pop().terminate(), workers - 1)
            join_s = self._seconds(self._start, workers)
        load.produce(self._kafka.bootstrap_servers, self._topic, load.events(EVENTS, 500))
        eventually(lambda: self._sink.progress()["unique"] >= EVENTS, PATIENCE_S, what="all events")
        stats = self._sink.stats()
        return {
            "partitions": self._partitions,
            "workers": workers,
            "all_start_s": round(all_start_s, 1),
            "one_stops_s": stop_s and round(stop_s, 1),
            "one_joins_s": join_s and round(join_s, 1),
            "idle_cores_a_worker": round(idle_cores, 4),
            "memory_mb_a_worker": round(memory_mb),
            "events_per_s": stats["steady_per_s"] and round(stats["steady_per_s"]),
            "lost": EVENTS - stats["unique"],
            "violations": stats["violations"],
            "duplicates": stats["duplicates"],
        }

    def _start(self):
        log = self._stack.enter_context((self._directory / f"{uuid.uuid4().hex}.log").open("wb"))
        environment = {
            **os.environ,
            "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": self._kafka.bootstrap_servers,
            "CONNECTOR_SOURCE_TOPIC": self._topic,
            "CONNECTOR_DEAD_LETTER_TOPIC": f"{self._topic}-dead",
            "CONNECTOR_PARTITIONING": "source",
            "CONNECTOR_GROUP_ID": self._name,
            "CONNECTOR_DESTINATION_FILE": str(self._directory / "destination.yaml"),
            "CONNECTOR_ENCHARGE_API_KEY": "bench",
            "CONNECTOR_ENCHARGE_INGEST_URL": f"{self._sink.url}/v1",
            "CONNECTOR_ENCHARGE_API_URL": self._sink.url,
            "CONNECTOR_WEB_PORT": "0",
        }
        command = [sys.executable, "-m", "connector", "run"]
        self._workers.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))

    def _seconds(self, act, workers):
        begun_s = time.monotonic()
        act()
        eventually(lambda: self._assigned() == (workers, self._partitions), PATIENCE_S, what="the assignment")
        return time.monotonic() - begun_s

    def _assigned(self):
        """Give how many members the group has and how many partitions they hold together."""
        return measure.assigned(self._admin, f"{self._name}.deliver.bench")

    def _idle(self):
        processes = [psutil.Process(worker.pid) for worker in self._workers]
        before = [sum(each.cpu_times()[:2]) for each in processes]
        time.sleep(IDLE_S)  # the time over which idling is measured
        after = [sum(each.cpu_times()[:2]) for each in processes]
        cores = (sum(after) - sum(before)) / IDLE_S / len(processes)
        return cores, sum(each.memory_info().rss for each in processes) / len(processes) / 1024**2


if __name__ == "__main__":
    main()
