"""What Prometheus reads of a worker."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from connector.delivery.stats import DeliveryStats, IngestStats
from connector.edges.metrics import StageCollector


@pytest.fixture
def delivery():
    return DeliveryStats()


@pytest.fixture
def ingest():
    return IngestStats()


@pytest.fixture
def scrape(delivery, ingest):
    """Read all samples as Prometheus does: (name, labels) -> value."""
    registry = CollectorRegistry()
    registry.register(StageCollector(delivery, ingest))

    def read():
        text = generate_latest(registry).decode()
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if not sample.name.endswith("_created")
        }

    return read


def test_the_metrics_are_these(scrape, delivery, ingest):
    delivery.delivered["Track Event", "trackEvent"] += 1
    delivery.attempts["delivered"] += 1
    ingest.dead_letters["unreadable_empty"] += 1

    names = {name for name, *_ in scrape()}

    assert names == {
        "connector_records_total",
        "connector_events_forwarded_total",
        "connector_records_repeated_total",
        "connector_records_filtered_total",
        "connector_records_settled_total",
        "connector_requests_delivered_total",
        "connector_attempts_total",
        "connector_retries_total",
        "connector_dead_letters_total",
        "connector_dead_letter_failures_total",
        "connector_delivery_delay_seconds_bucket",
        "connector_delivery_delay_seconds_count",
        "connector_delivery_delay_seconds_sum",
    }


def test_labels_are_only_those_of_closed_sets(scrape, delivery, ingest):
    delivery.delivered["Track Event", "trackEvent"] += 1
    delivery.attempts["delivered"] += 1
    ingest.dead_letters["unreadable_empty"] += 1

    labels = {name for _, *pairs in scrape() for name, _ in pairs}

    assert labels == {"stage", "action", "code", "mapping", "le"}


@pytest.mark.parametrize(
    ("stage", "count", "sample"),
    [
        pytest.param("ingest", "received", ("connector_records_total", ("stage", "ingest")), id="read by ingest"),
        pytest.param("delivery", "received", ("connector_records_total", ("stage", "deliver")), id="read by deliver"),
        pytest.param("ingest", "forwarded", ("connector_events_forwarded_total",), id="forwarded"),
        pytest.param("delivery", "repeated", ("connector_records_repeated_total",), id="repeated"),
        pytest.param("delivery", "filtered", ("connector_records_filtered_total",), id="filtered"),
        pytest.param("delivery", "settled", ("connector_records_settled_total",), id="settled"),
        pytest.param("delivery", "retries", ("connector_retries_total",), id="retries"),
        pytest.param("delivery", "dead_letter_failures", ("connector_dead_letter_failures_total",), id="failures"),
    ],
)  # fmt: skip
def test_a_metric_is_the_count_at_the_moment_of_asking(scrape, delivery, ingest, stage, count, sample):
    stats = {"ingest": ingest, "delivery": delivery}[stage]
    before = scrape()

    setattr(stats, count, 7)

    after = scrape()
    assert {key for key in after if after[key] != before[key]} == {sample}
    assert (before[sample], after[sample]) == (0, 7)


def test_requests_attempts_and_dead_letters_are_told_apart(scrape, delivery, ingest):
    delivery.delivered.update({("Orders", "trackEvent"): 3, ("People", "identifyUser"): 1})
    delivery.attempts.update(delivered=4, timeout=2)
    delivery.dead_letters.update({("rejected", "Orders"): 2})
    ingest.dead_letters.update(unreadable_empty=1, rejected=5)

    found = scrape()

    delivered = "connector_requests_delivered_total"
    assert found[delivered, ("action", "trackEvent"), ("mapping", "Orders")] == 3
    assert found[delivered, ("action", "identifyUser"), ("mapping", "People")] == 1
    assert found["connector_attempts_total", ("code", "delivered")] == 4
    assert found["connector_attempts_total", ("code", "timeout")] == 2
    letters = "connector_dead_letters_total"
    assert found[letters, ("code", "rejected"), ("mapping", "Orders"), ("stage", "deliver")] == 2
    assert found[letters, ("code", "rejected"), ("mapping", ""), ("stage", "ingest")] == 5
    assert found[letters, ("code", "unreadable_empty"), ("mapping", ""), ("stage", "ingest")] == 1


def test_buckets_of_the_delay_add_up(scrape, delivery):
    for delay_s in (0.001, 0.2, 0.25, 45.0, 100_000.0):
        delivery.delay.observe(delay_s)

    found = scrape()

    buckets = {
        dict(pairs)["le"]: value
        for (name, *pairs), value in found.items()
        if name == "connector_delivery_delay_seconds_bucket"
    }
    assert list(buckets.values()) == sorted(buckets.values())
    assert {le: buckets[le] for le in ("0.005", "0.1", "0.25", "30.0", "60.0", "14400.0", "+Inf")} == {
        "0.005": 1,
        "0.1": 1,
        "0.25": 3,  # a bound belongs to its bucket
        "30.0": 3,
        "60.0": 4,
        "14400.0": 4,
        "+Inf": 5,
    }
    assert found["connector_delivery_delay_seconds_count",] == 5
    assert found["connector_delivery_delay_seconds_sum",] == pytest.approx(100_045.451)
