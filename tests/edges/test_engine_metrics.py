"""What Prometheus reads of the engine's state."""

import math

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from connector.delivery.gate import Shut
from connector.edges.engine_metrics import EngineCollector
from tests.builders import record
from tests.delivery.setup import play, until
from tests.fakes import BROKEN, ScriptedSender


class Reader:
    expired = 3


def scrape(setup, *, is_broken=False, **options):
    """Read all samples as Prometheus does: (name, label) -> value."""
    registry = CollectorRegistry()
    registry.register(
        EngineCollector(setup.flow, setup.stage, Reader(), setup.stats, lambda: is_broken, **options)
    )
    return {
        (sample.name.removeprefix("connector_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


def test_an_engine_at_rest():
    async def scenario(setup):
        return scrape(setup)

    _, found = play(scenario, max_in_flight=8)

    assert found == {
        **{("shut", reason): 0 for reason in Shut},
        ("destination_info", "v1", "test"): 1,
        ("configuration_broken",): 0,
        ("in_flight",): 0,
        ("window",): 8,
        ("pace_per_second",): math.inf,
        ("failing_lanes",): 0,
        ("full_lanes",): 0,
        ("stuck_partitions",): 0,
        ("held_records",): 0,
        ("held_bytes",): 0,
        ("records_discarded_total",): 0,
        ("records_expired_total",): 3,
        ("lease_waits_total",): 0,
    }


def test_a_configuration_that_cannot_be_used_shows():
    async def scenario(setup):
        return scrape(setup, is_broken=True)

    _, found = play(scenario)

    assert found["configuration_broken",] == 1


def test_another_configuration_shows_and_the_one_before_no_longer():
    async def scenario(setup):
        setup.reconfigure(version="v2")
        return scrape(setup)

    _, found = play(scenario)

    assert [key for key in found if key[0] == "destination_info"] == [("destination_info", "v2", "test")]


def test_partitions_that_are_stuck_are_counted_by_who_knows_them():
    async def scenario(setup):
        return scrape(setup, stuck=lambda: 3)

    _, found = play(scenario)

    assert found["stuck_partitions",] == 3


@pytest.mark.parametrize("reason", Shut)
def test_a_shut_gate_shows_why(reason):
    async def scenario(setup):
        setup.stage.shut(reason)
        return scrape(setup)

    _, found = play(scenario)

    assert {
        label for (name, *label), value in found.items() for label in label if name == "shut" and value
    } == {reason}


def test_what_is_held_and_under_way_and_fails_is_counted():
    async def scenario(setup):
        setup.submit(*(record(offset, "hot") for offset in range(5)), record(5, "other"))
        await until(lambda: setup.flow.breaker.failing_lanes == 2)
        return scrape(setup)

    _, found = play(scenario, most_per_lane=3, per_s=50.0, sender=ScriptedSender(BROKEN, BROKEN))

    assert (found["held_records",], found["failing_lanes",], found["full_lanes",]) == (6, 2, 1)
    assert found["held_bytes",] > 0
    assert found["pace_per_second",] == 50.0
