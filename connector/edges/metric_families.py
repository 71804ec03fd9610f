"""Makes what Prometheus reads, only of metrics of the list."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import TypeVar

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from connector.delivery.stats import Histogram
from connector.edges.metric_list import METRICS

Labels = TypeVar("Labels", bound=tuple[str, ...])


def family(name: str, values: Mapping[Labels, float]) -> Metric:
    """Give a counter or gauge: a value for each set of labels, in the order of the list.

    Raises: KeyError for what is not in the list, ValueError when the number of labels is another one
    """
    metric = METRICS[name]
    made = (CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily)(
        name, metric.help, labels=metric.labels, unit=metric.base_unit
    )
    for labels, value in values.items():
        if len(labels) != len(metric.labels):
            raise ValueError(f"{name} has the labels {metric.labels}, not {len(labels)}")
        made.add_metric(labels, value)
    return made


def single(name: str, value: float) -> Metric:
    """Give a counter or gauge without labels."""
    return family(name, {(): value})


def histogram(name: str, counted: Histogram) -> Metric:
    """Give a histogram without labels.

    Raises: KeyError for what is not in the list
    """
    metric = METRICS[name]
    bounds = [*map(str, counted.bounds_s), "+Inf"]
    return HistogramMetricFamily(
        name,
        metric.help,
        buckets=list(zip(bounds, accumulate(counted.counts), strict=True)),
        sum_value=counted.total_s,
        unit=metric.base_unit,
    )
