"""`python -m tests.bench`: throughput, cost and delay of a worker on a real Kafka; prints rows, writes JSON."""

import argparse
import json
import sys
import tempfile
import uuid
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

from connector.embedded import EmbeddedKafka
from tests.bench import load, measure
from tests.bench.cases import all_cases, order_bound_s
from tests.eventually import eventually

PARTITIONS = 8
DESTINATION = "bench"


def main():
    options = arguments()
    cases = all_cases(options.events, options.people, options.latency, options.in_flight)
    chosen = [case for case in cases if not options.case or case.name in options.case]
    with tempfile.TemporaryDirectory() as directory, EmbeddedKafka() as kafka, measure.running_sink() as sink:
        bench = Bench(kafka, sink, Path(directory))
        results = [bench.run(case) for case in chosen]
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    bad = [
        each
        for each in results
        if each["lost"] or each["lag_after_stop"] or (each["violations"] and each["case"] != "floor")
    ]
    sys.exit(1 if bad else 0)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--latency", type=float, nargs="+", default=[0, 20, 100], help="milliseconds")
    parser.add_argument("--in-flight", type=int, default=256, help="at 100 ms and more: at least 1,024")
    parser.add_argument("--case", nargs="+", help="only these: worker, floor, 'hot keys', …")
    parser.add_argument("--json", type=Path, help="file for the results")
    return parser.parse_args()


class Bench:
    """Broker, sink and topics of one run."""

    def __init__(self, kafka, sink, directory):
        self._kafka, self._sink, self._directory = kafka, sink, directory
        self._admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        self._filled = {}
        self._create("dead", 1)

    def run(self, case):
        """Measure one case and print its row."""
        if case.rate is None and case.topic not in self._filled:
            self._create(case.topic, PARTITIONS)
            keys = []
            load.produce(self._kafka.bootstrap_servers, case.topic, self._events(case, keys))
            self._filled[case.topic] = keys
        topic = case.topic
        if case.rate is not None:
            topic = f"{case.topic}-{uuid.uuid4().hex[:6]}"
            self._create(topic, PARTITIONS)
        environment = self._settings(case, topic)
        self._sink.reset(case.latency_ms)
        group = f"{environment['CONNECTOR_GROUP_ID']}.deliver.{DESTINATION}"
        found = measure.run(
            [sys.executable, *case.command],
            environment,
            sink=self._sink,
            events=case.events,
            log=self._directory / "worker.log",
            producing=None if case.rate is None else lambda: self._produce_slowly(case, topic, group),
        )
        found |= {
            "case": case.name,
            "latency_ms": case.latency_ms,
            "max_in_flight": case.in_flight,
            "lag_after_stop": measure.lag(
                self._kafka.bootstrap_servers, environment.get("CONNECTOR_BY_USER_TOPIC", topic), group
            ),
        }
        if case.hot_share:
            found["answer_s"] = self._sink.answer_s()
            found["share_of_order_bound"] = (
                order_bound_s(self._filled[topic], found["answer_s"]) / found["deliver_s"]
            )
        if found["events_per_s"] is None:
            log = (self._directory / "worker.log").read_text()
            raise SystemExit(f"{case.name}: nothing was delivered\n{log[-3000:]}")
        show(found)
        return found

    def _create(self, topic, partitions):
        for future in self._admin.create_topics([NewTopic(topic, partitions)]).values():
            future.result(30)

    def _events(self, case, keys):
        for key, value in load.events(case.events, case.people, hot_share=case.hot_share):
            keys.append(key)
            yield key, value

    def _produce_slowly(self, case, topic, group):
        eventually(
            lambda: measure.is_assigned(self._kafka.bootstrap_servers, group), 60, what="the assignment"
        )
        load.produce(self._kafka.bootstrap_servers, topic, self._events(case, []), rate=case.rate)

    def _settings(self, case, topic):
        file = self._directory / "destination.yaml"
        file.write_text(f"id: {DESTINATION}\n")
        settings = {
            "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": self._kafka.bootstrap_servers,
            "CONNECTOR_SOURCE_TOPIC": topic,
            "CONNECTOR_DEAD_LETTER_TOPIC": "dead",
            "CONNECTOR_PARTITIONING": case.partitioning,
            "CONNECTOR_GROUP_ID": f"g-{uuid.uuid4().hex[:6]}",
            "CONNECTOR_DESTINATION_FILE": str(file),
            "CONNECTOR_ENCHARGE_API_KEY": "bench",
            "CONNECTOR_ENCHARGE_INGEST_URL": f"{self._sink.url}/v1",
            "CONNECTOR_ENCHARGE_API_URL": self._sink.url,
            "CONNECTOR_MAX_IN_FLIGHT": str(case.in_flight),
            "CONNECTOR_WEB_PORT": "0",
        }
        if case.partitioning == "repartition":
            settings["CONNECTOR_BY_USER_TOPIC"] = f"by-user-{uuid.uuid4().hex[:6]}"
            self._create(settings["CONNECTOR_BY_USER_TOPIC"], PARTITIONS)
        return settings


def show(found):
    print(
        "{case}, {latency_ms:g} ms, {max_in_flight} in flight: {events_per_s:.0f} events/s,"
        " {cpu_us_per_event:.0f} us CPU/event, peak {peak_mb:.0f} MB, start {start_s:.1f} s,"
        " produce to acceptance p50 {p50_s:.3f} s p99 {p99_s:.3f} s,"
        " lost {lost}, duplicates {duplicates}, order violations {violations},"
        " not committed {lag_after_stop}".format(**found)
        + (
            f", {found['share_of_order_bound']:.1%} of what order allows"
            if "share_of_order_bound" in found
            else ""
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
