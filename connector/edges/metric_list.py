"""The closed list of the metrics of a worker: what is not here cannot be exposed.

Names, types, units and labels are what versions promise. docs/metrics.md is made from this list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

Type = Literal["counter", "gauge", "histogram"]
Owner = Literal["every worker", "ingest", "deliver"]


class Unit(StrEnum):
    """What a value counts or measures. A base unit of Prometheus is the end of the metric's name, too."""

    SECONDS = "seconds"
    BYTES = "bytes"
    RECORDS = "records"
    EVENTS = "events"
    REQUESTS = "requests"
    REQUESTS_PER_SECOND = "requests per second"
    ATTEMPTS = "attempts"
    LETTERS = "dead letters"
    LOOKS = "looks"
    LANES = "lanes"
    PARTITIONS = "partitions"
    ZERO_OR_ONE = "0 or 1"
    ONE = "always 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedMetric:
    """One metric.

    name     as exposed, without the suffixes of a histogram
    labels   names of the labels, in the order in which the collectors give the values
    help     one plain sentence
    owner    which workers expose it: every one, or those that have this stage
    example  a query that answers an operator's question, empty where the metric alone does
    """

    name: str
    type: Type
    unit: Unit
    help: str
    labels: tuple[str, ...] = ()
    owner: Owner = "every worker"
    example: str = ""

    @property
    def base_unit(self) -> str:
        """The unit as OpenMetrics knows it: empty for what is counted."""
        return self.unit if self.unit in (Unit.SECONDS, Unit.BYTES) else ""


METRIC_LIST: Final[tuple[ListedMetric, ...]] = (
    # The worker
    ListedMetric(
        name="connector_build_info",
        type="gauge",
        unit=Unit.ONE,
        labels=("version",),
        help="The version of the connector, as a label.",
        example="count by (version) (connector_build_info)",
    ),
    ListedMetric(
        name="connector_ready",
        type="gauge",
        unit=Unit.ZERO_OR_ONE,
        help="1 while the worker is ready to work, as /ready says.",
        example="count(connector_ready == 0)",
    ),
    ListedMetric(
        name="connector_assigned_partitions",
        type="gauge",
        unit=Unit.PARTITIONS,
        labels=("stage",),
        help="Partitions that the worker owns in the consumer group of the stage.",
        example="sum by (stage) (connector_assigned_partitions)",
    ),
    # What the stages did since the process started
    ListedMetric(
        name="connector_records_total",
        type="counter",
        unit=Unit.RECORDS,
        labels=("stage",),
        help="Records taken from the topic of the stage.",
        example="sum by (stage) (rate(connector_records_total[5m]))",
    ),
    ListedMetric(
        name="connector_events_forwarded_total",
        type="counter",
        unit=Unit.EVENTS,
        help="Events that the ingest stage wrote to the by-user topic.",
        example="sum(rate(connector_events_forwarded_total[5m]))",
    ),
    ListedMetric(
        name="connector_records_repeated_total",
        type="counter",
        unit=Unit.RECORDS,
        help="Records read again that were settled before, and passed over.",
    ),
    ListedMetric(
        name="connector_records_filtered_total",
        type="counter",
        unit=Unit.RECORDS,
        help="Records that no mapping matched.",
        example=(
            "sum(rate(connector_records_filtered_total[5m])) / sum(rate(connector_records_settled_total[5m]))"
        ),
    ),
    ListedMetric(
        name="connector_records_settled_total",
        type="counter",
        unit=Unit.RECORDS,
        help="Records of which nothing is left to do.",
        example="sum(rate(connector_records_settled_total[5m]))",
    ),
    ListedMetric(
        name="connector_records_handed_over_total",
        type="counter",
        unit=Unit.RECORDS,
        help="Records that were held and not settled when their partition was taken away.",
    ),
    ListedMetric(
        name="connector_records_unreadable_total",
        type="counter",
        unit=Unit.RECORDS,
        help="Records that the deliver stage gave up as a whole, as they hold no event.",
    ),
    ListedMetric(
        name="connector_requests_planned_total",
        type="counter",
        unit=Unit.REQUESTS,
        labels=("mapping", "action"),
        help="Requests whose turn came; each counts once, however often it is tried.",
        example="sum by (mapping) (rate(connector_requests_planned_total[5m]))",
    ),
    ListedMetric(
        name="connector_requests_withdrawn_total",
        type="counter",
        unit=Unit.REQUESTS,
        labels=("mapping", "action"),
        help="Requests planned and not finished here, as their partition or configuration went.",
    ),
    ListedMetric(
        name="connector_requests_delivered_total",
        type="counter",
        unit=Unit.REQUESTS,
        labels=("mapping", "action"),
        help="Requests that Encharge took.",
        example="sum by (mapping) (rate(connector_requests_delivered_total[5m]))",
    ),
    ListedMetric(
        name="connector_attempts_total",
        type="counter",
        unit=Unit.ATTEMPTS,
        labels=("code",),
        help="HTTP exchanges with Encharge, by what they came to.",
        example="sum by (code) (rate(connector_attempts_total[5m]))",
    ),
    ListedMetric(
        name="connector_retries_total",
        type="counter",
        unit=Unit.ATTEMPTS,
        help="Attempts after the first one of a request.",
        example="sum(rate(connector_retries_total[5m])) / sum(rate(connector_attempts_total[5m]))",
    ),
    ListedMetric(
        name="connector_dead_letters_total",
        type="counter",
        unit=Unit.LETTERS,
        labels=("stage", "code", "mapping"),
        help="Dead letters written.",
        example="sum by (code, mapping) (increase(connector_dead_letters_total[1h]))",
    ),
    ListedMetric(
        name="connector_dead_letter_failures_total",
        type="counter",
        unit=Unit.ATTEMPTS,
        help="Attempts to write a dead letter that failed.",
    ),
    ListedMetric(
        name="connector_delivery_delay_seconds",
        type="histogram",
        unit=Unit.SECONDS,
        help="Time from when a record was produced until Encharge took a request of it.",
        example="histogram_quantile(0.99, sum by (le) (rate(connector_delivery_delay_seconds_bucket[5m])))",
    ),
    # How the stages are
    ListedMetric(
        name="connector_ingest_trouble",
        type="gauge",
        unit=Unit.ZERO_OR_ONE,
        owner="ingest",
        help="1 while the ingest stage repeats a batch that it could not forward.",
    ),
    ListedMetric(
        name="connector_stuck_partitions",
        type="gauge",
        unit=Unit.PARTITIONS,
        owner="deliver",
        help="Partitions of the worker that hold records and have not moved for CONNECTOR_STUCK_AFTER.",
        example="sum(connector_stuck_partitions)",
    ),
    ListedMetric(
        name="connector_shut",
        type="gauge",
        unit=Unit.ZERO_OR_ONE,
        labels=("reason",),
        owner="deliver",
        help="1 while nothing is sent for a reason.",
        example="max by (reason) (connector_shut)",
    ),
    ListedMetric(
        name="connector_destination_info",
        type="gauge",
        unit=Unit.ONE,
        labels=("destination", "configuration"),
        owner="deliver",
        help="The destination that the worker delivers to and the version of its file, as labels.",
        example="count by (destination, configuration) (connector_destination_info)",
    ),
    ListedMetric(
        name="connector_configuration_broken",
        type="gauge",
        unit=Unit.ZERO_OR_ONE,
        owner="deliver",
        help="1 while destination file or key cannot be used and the version before is in force.",
    ),
    ListedMetric(
        name="connector_in_flight",
        type="gauge",
        unit=Unit.REQUESTS,
        owner="deliver",
        help="Requests under way.",
        example="sum(connector_in_flight) / sum(connector_window)",
    ),
    ListedMetric(
        name="connector_window",
        type="gauge",
        unit=Unit.REQUESTS,
        owner="deliver",
        help="Requests that may be under way at once.",
    ),
    ListedMetric(
        name="connector_pace_per_second",
        type="gauge",
        unit=Unit.REQUESTS_PER_SECOND,
        owner="deliver",
        help="Requests that may start in a second; infinite while there is no limit.",
        example="sum(connector_pace_per_second < Inf)",
    ),
    ListedMetric(
        name="connector_failing_lanes",
        type="gauge",
        unit=Unit.LANES,
        owner="deliver",
        help="People whose last request failed in passing.",
    ),
    ListedMetric(
        name="connector_full_lanes",
        type="gauge",
        unit=Unit.PARTITIONS,
        owner="deliver",
        help="Partitions not read on, as one person has too many records.",
    ),
    ListedMetric(
        name="connector_held_records",
        type="gauge",
        unit=Unit.RECORDS,
        owner="deliver",
        help="Records read and not settled.",
    ),
    ListedMetric(
        name="connector_held_bytes",
        type="gauge",
        unit=Unit.BYTES,
        owner="deliver",
        help="Bytes of records read and not settled.",
    ),
    ListedMetric(
        name="connector_records_discarded_total",
        type="counter",
        unit=Unit.RECORDS,
        owner="deliver",
        help="Records read while the destination was disabled with when_disabled: discard.",
    ),
    ListedMetric(
        name="connector_records_expired_total",
        type="counter",
        unit=Unit.RECORDS,
        owner="deliver",
        help="Records that retention deleted before they were delivered.",
    ),
    ListedMetric(
        name="connector_lease_waits_total",
        type="counter",
        unit=Unit.LOOKS,
        owner="deliver",
        help="Looks at a request that was not begun as membership of the group was uncertain.",
    ),
)

METRICS: Final[Mapping[str, ListedMetric]] = {metric.name: metric for metric in METRIC_LIST}
