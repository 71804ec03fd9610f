"""What Prometheus reads of a worker."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from connector.core import Destination
from connector.delivery.codes import CODES
from connector.delivery.stats import DeliveryStats, IngestStats
from connector.edges.label_bounds import FORMER, OTHER, label_text
from connector.edges.metrics import (
    LABELLED_ACTIONS,
    LABELLED_CODES,
    LABELLED_OUTCOMES,
    StageCollector,
)

MOST_MAPPINGS = 50


@pytest.fixture
def delivery():
    return DeliveryStats()


@pytest.fixture
def ingest():
    return IngestStats()


@pytest.fixture
def in_force():
    """The names of the mappings in force."""
    return {"Track Event", "Orders", "People"}


@pytest.fixture
def scrape(delivery, ingest, in_force):
    return reader(delivery, ingest, lambda: in_force)


def reader(delivery, ingest, in_force):
    """Read all samples as Prometheus does: (name, labels) -> value."""
    registry = CollectorRegistry()
    registry.register(StageCollector(delivery, ingest, in_force))

    def read():
        text = generate_latest(registry).decode()
        samples = [
            ((sample.name, *sorted(sample.labels.items())), sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]
        assert len(dict(samples)) == len(samples), "the same series twice"
        return dict(samples)

    return read


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
        pytest.param("delivery", "handed_over", ("connector_records_handed_over_total",), id="handed over"),
        pytest.param("delivery", "unreadable", ("connector_records_unreadable_total",), id="unreadable"),
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
    delivery.planned.update({("Orders", "trackEvent"): 6})
    delivery.withdrawn.update({("Orders", "trackEvent"): 1})
    delivery.delivered.update({("Orders", "trackEvent"): 3, ("People", "identifyUser"): 1})
    delivery.attempts.update(delivered=4, transient=2)
    delivery.dead_letters.update({("rejected", "Orders"): 2})
    ingest.dead_letters.update(unreadable_empty=1, rejected=5)

    found = scrape()

    delivered = "connector_requests_delivered_total"
    orders = ("action", "trackEvent"), ("mapping", "Orders")
    assert found["connector_requests_planned_total", *orders] == 6
    assert found["connector_requests_withdrawn_total", *orders] == 1
    assert found[delivered, *orders] == 3
    assert found[delivered, ("action", "identifyUser"), ("mapping", "People")] == 1
    assert found["connector_attempts_total", ("code", "delivered")] == 4
    assert found["connector_attempts_total", ("code", "transient")] == 2
    letters = "connector_dead_letters_total"
    assert found[letters, ("code", "rejected"), ("mapping", "Orders"), ("stage", "deliver")] == 2
    assert found[letters, ("code", "rejected"), ("mapping", ""), ("stage", "ingest")] == 5
    assert found[letters, ("code", "unreadable_empty"), ("mapping", ""), ("stage", "ingest")] == 1


def test_the_mappings_of_the_configuration_before_are_counted_together(scrape, delivery, in_force):
    delivery.delivered.update({("Orders", "trackEvent"): 3, ("People", "identifyUser"): 1})
    delivery.dead_letters.update({("rejected", "Orders"): 2})
    scrape()
    in_force.clear()
    in_force.add("Bestellungen")
    delivery.delivered.update({("Orders", "trackEvent"): 1, ("Bestellungen", "trackEvent"): 5})
    delivery.dead_letters.update({("internal", "Orders"): 1})

    found = scrape()

    delivered, letters = "connector_requests_delivered_total", "connector_dead_letters_total"
    assert {key: value for key, value in found.items() if key[0] == delivered} == {
        (delivered, ("action", "trackEvent"), ("mapping", "Bestellungen")): 5,
        (delivered, ("action", "trackEvent"), ("mapping", FORMER)): 1,
    }
    assert {key: value for key, value in found.items() if key[0] == letters and value} == {
        (letters, ("code", "internal"), ("mapping", FORMER), ("stage", "deliver")): 1
    }


def test_actions_codes_and_outcomes_that_are_not_known_count_as_other(scrape, delivery, ingest):
    delivery.delivered.update({("Orders", "u1"): 1, ("Orders", "u2"): 2})
    delivery.attempts.update({"u1": 1, "u2": 2})
    delivery.dead_letters.update({("u1", "Orders"): 1, ("u2", "Orders"): 2})
    ingest.dead_letters.update({"u1": 1, "u2": 2})

    found = scrape()

    assert found["connector_requests_delivered_total", ("action", OTHER), ("mapping", "Orders")] == 3
    assert found["connector_attempts_total", ("code", OTHER)] == 3
    letters = "connector_dead_letters_total"
    assert found[letters, ("code", OTHER), ("mapping", "Orders"), ("stage", "deliver")] == 3
    assert found[letters, ("code", OTHER), ("mapping", ""), ("stage", "ingest")] == 3


hostile = st.text(st.characters(exclude_categories=()), max_size=300) | st.sampled_from(
    ["", FORMER, OTHER, 'a"} 1\nconnector_records_total{stage="x', "\\", '\\"', "\n", "\r", "\ud800", "\x00", "\u2028", " x ", "#"]
)  # fmt: skip


@given(
    delivered=st.dictionaries(st.tuples(hostile, hostile), st.integers(1, 9), max_size=30),
    letters=st.dictionaries(st.tuples(hostile, hostile), st.integers(1, 9), max_size=30),
    codes=st.dictionaries(hostile, st.integers(1, 9), max_size=30),
    in_force=st.sets(hostile, max_size=MOST_MAPPINGS),
)
def test_hostile_names_neither_add_series_nor_break_the_exposition(delivered, letters, codes, in_force):
    delivery, ingest = DeliveryStats(), IngestStats()
    delivery.delivered.update(delivered)
    delivery.dead_letters.update(letters)
    delivery.attempts.update(codes)
    ingest.dead_letters.update(codes)

    found = reader(delivery, ingest, lambda: in_force)()  # the parser is that of prometheus_client

    by_name = Counter(name for name, *_ in found)
    labels = {(label, value) for _, *pairs in found for label, value in pairs if label != "le"}
    mappings = {"", FORMER} | {label_text(name) for name in in_force}
    assert labels <= {
        *(("mapping", name) for name in mappings),
        *(("action", value) for value in (*LABELLED_ACTIONS, OTHER)),
        *(("code", value) for value in (*LABELLED_CODES, *LABELLED_OUTCOMES, OTHER)),
        *(("stage", value) for value in ("ingest", "deliver")),
    }
    actions, given_up, outcomes = (
        len(LABELLED_ACTIONS) + 1,
        len(LABELLED_CODES) + 1,
        len(LABELLED_OUTCOMES) + 1,
    )
    assert by_name["connector_requests_delivered_total"] <= (MOST_MAPPINGS + 2) * actions
    assert by_name["connector_dead_letters_total"] <= (MOST_MAPPINGS + 2) * given_up + given_up
    assert by_name["connector_attempts_total"] <= outcomes
    for name, counts in {
        "connector_requests_delivered_total": delivered,
        "connector_dead_letters_total": Counter(letters)
        + Counter({("", code): n for code, n in codes.items()}),
        "connector_attempts_total": codes,
    }.items():
        assert sum(value for key, value in found.items() if key[0] == name) == sum(counts.values())


def test_ten_thousand_reloads_leave_as_many_series_as_one(scrape, delivery, in_force):
    sizes = set()
    for number in range(10_000):
        in_force.clear()
        in_force.add(f"Mapping {number}")
        delivery.delivered[f"Mapping {number}", "trackEvent"] += 1
        delivery.dead_letters["rejected", f"Mapping {number}"] += 1
        if number % 1000 == 999:
            sizes.add(len(scrape()))

    assert len(sizes) == 1


def test_there_are_no_more_mappings_in_force_than_a_destination_may_have():
    mapping = {"action": "trackEvent", "trigger": 'type = "track"'}
    config = {"id": "x", "mappings": [{**mapping, "name": f"M{n}"} for n in range(MOST_MAPPINGS)]}

    destination = Destination.from_config(config, api_key="k")

    assert len({each.name for each in destination.mappings}) == MOST_MAPPINGS
    with pytest.raises(Exception, match="50"):
        Destination.from_config(
            {**config, "mappings": [*config["mappings"], {**mapping, "name": "one more"}]}, api_key="k"
        )


def test_the_codes_of_dead_letters_are_those_of_the_closed_set():
    assert set(CODES) == LABELLED_CODES


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
