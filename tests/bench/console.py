"""`python -m tests.bench.console`: what people who look at the console cost the delivery.

In pairs, in turn: a worker delivers a filled topic, once with nobody looking, once with so many on the live
overview. Both are measured over the same number of events, from the moment on that everybody looks. The
order within a pair changes from pair to pair, so that a machine that gets slower favours neither.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from connector.embedded import EmbeddedKafka
from tests.bench import measure
from tests.bench.__main__ import Bench
from tests.bench.cases import Case
from tests.eventually import eventually

UNMEASURED = 0.25  # of the events, in which everybody connects
CONTROL_TOPIC = "bench-control"


def main():
    options = arguments()
    case = Case(name="console", latency_ms=options.latency, events=options.events)
    pairs = []
    with tempfile.TemporaryDirectory() as directory, EmbeddedKafka() as kafka, measure.running_sink() as sink:
        bench = ConsoleBench(kafka, sink, Path(directory))
        bench.fill(case)
        for number in range(options.pairs):
            counts = (0, options.watchers) if number % 2 else (options.watchers, 0)
            found = {watchers: bench.measure(case, watchers) for watchers in counts}
            pairs.append((found[0], found[options.watchers]))
            show(number, *pairs[-1])
    rate = [looked["events_per_s"] / alone["events_per_s"] for alone, looked in pairs]
    cpu = [looked["cpu_us"] / alone["cpu_us"] for alone, looked in pairs]
    print(
        f"{len(pairs)} pairs, with against without {options.watchers} who look:"
        f" rate {statistics.median(rate):.3f} ({min(rate):.3f} to {max(rate):.3f}),"
        f" CPU per event {statistics.median(cpu):.3f} ({min(cpu):.3f} to {max(cpu):.3f})"
    )
    if options.json:
        options.json.write_text(json.dumps(pairs, indent=2) + "\n")
    sys.exit(1 if statistics.median(rate) < 1 - options.most_lost else 0)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--watchers", type=int, default=1000)
    parser.add_argument("--events", type=int, default=150_000)
    parser.add_argument("--latency", type=float, default=20, help="milliseconds")
    parser.add_argument("--most-lost", type=float, default=0.03, help="share of the rate; beyond it: exit 1")
    parser.add_argument("--json", type=Path, help="file for the results")
    return parser.parse_args()


def show(number, alone, looked):
    print(
        f"pair {number + 1}: {alone['events_per_s']:.0f} -> {looked['events_per_s']:.0f} events/s,"
        f" {alone['cpu_us']:.1f} -> {looked['cpu_us']:.1f} us CPU/event;"
        f" {looked['updates_per_s']:.0f} updates/s, {looked['bytes_per_s'] / 1e6:.1f} MB/s,"
        f" {looked['lost_watchers']} dropped",
        flush=True,
    )


class ConsoleBench(Bench):
    """A bench whose worker has its web port open."""

    def fill(self, case):
        self.run(case)  # once, so that everything is warm, and the topic filled
        self._create(CONTROL_TOPIC, 1)

    def measure(self, case, watchers):
        port = free_port()
        environment = self._settings(case, case.topic) | {
            "CONNECTOR_WEB_PORT": str(port), "CONNECTOR_CONTROL_TOPIC": CONTROL_TOPIC,
        }  # fmt: skip
        self._sink.reset(case.latency_ms)
        with (self._directory / "worker.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, *case.command], env={**os.environ, **environment}, stdout=log, stderr=log
            )
        looking = None
        try:
            eventually(lambda: is_open(port) or worker.poll() is not None, 60, what="the web port")
            if watchers:
                command = [sys.executable, "-m", "tests.bench.watchers", str(port), str(watchers)]
                looking = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
                assert looking.stdout.readline() == "ready\n"
            found = self._measure(case, psutil.Process(worker.pid))
        finally:
            if looking is not None:
                looking.terminate()
                updates, size, lost = looking.stdout.readline().split()
                looking.wait()
            worker.terminate()
            worker.wait(measure.STOP_S)
        if looking is not None:
            found |= {
                "updates_per_s": float(updates), "bytes_per_s": float(size), "lost_watchers": int(lost),
            }  # fmt: skip
        stats = self._sink.stats()
        assert (stats["unique"], stats["duplicates"], stats["violations"]) == (case.events, 0, 0), stats
        return found

    def _measure(self, case, process):
        first = self._when(case, process, UNMEASURED)
        last = self._when(case, process, 0.97)
        events = last[1] - first[1]
        found = {
            "events_per_s": events / (last[0] - first[0]),
            "cpu_us": (last[2] - first[2]) / events * 1e6,
        }
        self._when(case, process, 1.0)
        return found

    def _when(self, case, process, share):
        """Wait until such a share of the events was taken; give the time, the count and the CPU seconds."""
        while (taken := self._sink.progress()["unique"]) < case.events * share:
            time.sleep(measure.SAMPLE_S)
        return time.monotonic(), taken, sum(process.cpu_times()[:2])


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
