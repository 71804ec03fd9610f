"""`python -m tests.bench`: throughput and cost of one worker on a real Kafka; prints a table, writes JSON."""

import argparse
import json
import sys
import tempfile
import uuid
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

from connector.embedded import EmbeddedKafka
from tests.bench import load, measure

PARTITIONS = 8
DESTINATION = "bench"


def main():
    options = arguments()
    results = []
    with tempfile.TemporaryDirectory() as directory, EmbeddedKafka() as kafka, measure.running_sink() as sink:
        topic = f"bench-{uuid.uuid4().hex[:6]}"
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        for future in admin.create_topics([NewTopic(topic, PARTITIONS), NewTopic("dead", 1)]).values():
            future.result(30)
        size = load.produce(kafka.bootstrap_servers, topic, load.events(options.events, options.people))
        print(
            f"{options.events} events of {options.people} people, {size:.0f} bytes on average",
            file=sys.stderr,
        )
        for latency_ms in options.latency:
            sink.reset(latency_ms)
            environment = settings(kafka, sink, topic, Path(directory), options.in_flight)
            found = measure.run(
                [sys.executable, "-m", "connector", "run"],
                environment,
                sink=sink,
                events=options.events,
                log=Path(directory) / "worker.log",
            )
            group = f"{environment['CONNECTOR_GROUP_ID']}.deliver.{DESTINATION}"
            found |= {
                "latency_ms": latency_ms,
                "max_in_flight": options.in_flight,
                "lag_after_stop": measure.lag(kafka.bootstrap_servers, topic, group),
            }
            results.append(found)
            show(found)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    bad = [each for each in results if each["lost"] or each["violations"] or each["lag_after_stop"]]
    sys.exit(1 if bad else 0)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--latency", type=float, nargs="+", default=[0, 20, 100], help="milliseconds")
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--json", type=Path, help="file for the results")
    return parser.parse_args()


def settings(kafka, sink, topic, directory, in_flight):
    file = directory / "destination.yaml"
    file.write_text(f"id: {DESTINATION}\n")
    return {
        "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "CONNECTOR_SOURCE_TOPIC": topic,
        "CONNECTOR_DEAD_LETTER_TOPIC": "dead",
        "CONNECTOR_PARTITIONING": "source",
        "CONNECTOR_GROUP_ID": f"g-{uuid.uuid4().hex[:6]}",
        "CONNECTOR_DESTINATION_FILE": str(file),
        "CONNECTOR_ENCHARGE_API_KEY": "bench",
        "CONNECTOR_ENCHARGE_INGEST_URL": f"{sink.url}/v1",
        "CONNECTOR_ENCHARGE_API_URL": sink.url,
        "CONNECTOR_MAX_IN_FLIGHT": str(in_flight),
        "CONNECTOR_WEB_PORT": "0",
    }


def show(found):
    print(
        "latency {latency_ms:g} ms, {max_in_flight} in flight: {events_per_s:.0f} events/s,"
        " {cpu_us_per_event:.0f} us CPU/event, peak {peak_mb:.0f} MB, start {start_s:.1f} s,"
        " lost {lost}, duplicates {duplicates}, order violations {violations},"
        " not committed {lag_after_stop}".format(**found),
        flush=True,
    )


if __name__ == "__main__":
    main()
