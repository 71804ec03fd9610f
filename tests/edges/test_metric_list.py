"""The closed list of metrics keeps Prometheus' conventions, and nothing else can be exposed."""

import re

import pytest
from prometheus_client.core import HistogramMetricFamily

from connector.delivery.stats import Histogram
from connector.edges.metric_families import family, histogram, single
from connector.edges.metric_list import METRIC_LIST, METRICS, Unit

each_metric = pytest.mark.parametrize("metric", METRIC_LIST, ids=lambda metric: metric.name)

IDS = {
    "user",
    "user_id",
    "id",
    "key",
    "email",
    "partition",
    "offset",
    "topic",
    "instance",
    "job",
    "le",
    "host",
    "pid",
}
"""Labels that would name a person or have no bound, and those that belong to Prometheus."""


def test_no_name_is_listed_twice():
    assert len(METRICS) == len(METRIC_LIST)


@each_metric
class TestEachMetric:
    def test_its_name_begins_with_connector_and_is_in_small_letters(self, metric):
        assert re.fullmatch(r"connector(_[a-z]+)+", metric.name)

    def test_it_ends_in_total_if_and_only_if_it_is_a_counter(self, metric):
        assert metric.name.endswith("_total") == (metric.type == "counter")

    def test_a_base_unit_is_in_the_name(self, metric):
        stem = metric.name.removesuffix("_total")

        assert metric.base_unit in ("", "seconds", "bytes")
        assert stem.endswith(("_seconds", "_bytes")) == bool(metric.base_unit)
        assert stem.endswith(metric.base_unit)
        assert not re.search(r"_(ms|milliseconds|minutes|kb|mb|percent)(_|$)", stem)

    def test_its_labels_are_no_ids(self, metric):
        assert not set(metric.labels) & IDS
        assert all(re.fullmatch(r"[a-z]+", label) for label in metric.labels)

    def test_its_help_is_one_plain_sentence(self, metric):
        assert re.fullmatch(r"[A-Z1][^\n|`]*\.", metric.help)
        assert len(metric.help) <= 100

    def test_what_is_0_or_1_says_when_it_is_1(self, metric):
        assert metric.help.startswith("1 while ") == (metric.unit is Unit.ZERO_OR_ONE)


def test_what_is_not_listed_cannot_be_exposed():
    with pytest.raises(KeyError):
        single("connector_orders_total", 1)
    with pytest.raises(KeyError):
        histogram("connector_orders_seconds", Histogram())


@pytest.mark.parametrize("labels", [(), ("Orders",), ("Orders", "trackEvent", "more")], ids=len)
def test_a_value_has_all_labels_of_its_metric_and_no_others(labels):
    with pytest.raises(ValueError, match="connector_requests_delivered_total has the labels"):
        family("connector_requests_delivered_total", {labels: 1})


def test_a_family_has_the_type_the_help_and_the_unit_of_the_list():
    metric = METRICS["connector_delivery_delay_seconds"]

    made = histogram(metric.name, Histogram())

    assert isinstance(made, HistogramMetricFamily)
    assert (made.name, made.documentation, made.unit) == (metric.name, metric.help, "seconds")
