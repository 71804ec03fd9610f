"""A broker of its own that is killed and comes back; needs the embedded broker."""

import pytest

from connector.embedded import EmbeddedKafka
from tests.eventually import eventually
from tests.kafka.stack import Stack, round_robin

pytestmark = pytest.mark.kafka


def test_a_broker_that_is_killed_and_comes_back_costs_nothing(tmp_path):
    with EmbeddedKafka() as kafka, Stack(kafka.bootstrap_servers, tmp_path) as stack:
        stack.simulator.configure(latency="fixed:20")
        stack.start_worker()
        stack.produce(round_robin(people=100, per_person=30))
        eventually(lambda: stack.simulator.stats()["accepted"] > 500, 30)
        kafka.kill()
        kafka.restart()
        verdict = stack.await_all(within_s=90)
        eventually(lambda: stack.lag() == 0, 30)
        stack.stop_workers()

    assert verdict.lost == verdict.violations == verdict.wrong == []
    assert verdict.duplicates == 0
