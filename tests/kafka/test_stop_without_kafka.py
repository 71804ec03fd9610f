"""A worker that is told to stop while its Kafka is gone ends, in time and without a traceback."""

import time

import pytest

from connector.embedded import EmbeddedKafka
from tests.eventually import eventually
from tests.kafka.stack import Stack, round_robin

# The chart gives a worker this much after SIGTERM beyond its drain time, at least.
DRAIN_S, MARGIN_S = 2, 15

pytestmark = pytest.mark.kafka


def test_a_worker_whose_kafka_is_gone_stops_within_its_time(tmp_path):
    with EmbeddedKafka() as kafka, Stack(kafka.bootstrap_servers, tmp_path) as stack:
        stack.simulator.configure(latency="fixed:30")
        worker = stack.start_worker(CONNECTOR_DRAIN_TIMEOUT=f"{DRAIN_S}s")
        stack.produce(round_robin(people=200, per_person=40))
        eventually(lambda: stack.simulator.stats()["accepted"] > 300, 60)
        assert stack.lag(stack.source, f"{stack.group}.ingest") > 0  # it has something to write
        kafka.kill()

        begun_s = time.monotonic()
        worker.begin_stop()

        assert worker.finish_stop() == 0
        assert time.monotonic() - begun_s < DRAIN_S + MARGIN_S
        log = worker.log.read_text()
        assert "worker stopped" in log
        assert "Traceback" not in log
