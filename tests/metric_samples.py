"""What Prometheus can have of a worker: the samples of all its metrics, with the names of their labels."""

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from connector.edges.metric_list import METRIC_LIST


def sample_labels():
    """Give name of a sample -> names of its labels, without those of the scrape."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    found = {sample.name: tuple(sample.labels) for family in registry.collect() for sample in family.samples}
    for metric in METRIC_LIST:
        if metric.type == "histogram":
            found[f"{metric.name}_bucket"] = (*metric.labels, "le")
            found[f"{metric.name}_sum"] = found[f"{metric.name}_count"] = metric.labels
        else:
            found[metric.name] = metric.labels
    return {**found, "up": ()}  # `up` is Prometheus' own
