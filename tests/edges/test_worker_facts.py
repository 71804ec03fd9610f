"""What a heartbeat tells of health; all of it on real workers is in tests/kafka/test_status.py."""

import pytest
from jsonschema import Draft202012Validator

from connector.delivery.history import History
from connector.delivery.liveness import HealthReason
from connector.delivery.stats import DeliveryStats, IngestStats
from connector.edges.worker_facts import WorkerFacts
from schemas import load_schema


@pytest.fixture
def health():
    """What the facts are asked of; a test may change it."""
    return {"not_ready": [], "stuck": 0}


@pytest.fixture
def facts(health):
    return WorkerFacts(
        host="host-1",
        pid=1,
        started_at=0.0,
        role="deliver",
        web="",
        readers=[],
        delivery=DeliveryStats(),
        ingest=IngestStats(),
        not_ready=lambda: health["not_ready"],
        marks=History(0.0),
        stuck=lambda: health["stuck"],
    )


def test_reasons_are_told_by_code_and_topic_and_stuck_partitions_are_counted(facts, health):
    health["not_ready"] = [HealthReason("not_assigned", "why", "events"), HealthReason("paused", "by ops")]
    health["stuck"] = 3

    told = facts()

    assert (told["not_ready"], told["stuck"]) == (["not_assigned:events", "paused"], 3)
    assert list(Draft202012Validator(load_schema("worker.json")).iter_errors(told)) == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"stuck": 1}, id="stuck"),
        pytest.param({"not_ready": [HealthReason("paused", "by ops")]}, id="not ready"),
        pytest.param({"not_ready": [HealthReason("outage", "503")]}, id="for another reason"),
    ],
)
def test_a_change_of_health_is_told_at_once(facts, health, change):
    health["not_ready"] = [HealthReason("flood", "many")]
    before = facts.shape()

    health.update(change)

    assert facts.shape() != before


def test_another_text_of_the_same_reason_is_not_told_at_once(facts, health):
    health["not_ready"] = [HealthReason("outage", "503")]
    before = facts.shape()

    health["not_ready"] = [HealthReason("outage", "timeout")]

    assert facts.shape() == before
