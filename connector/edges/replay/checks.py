"""What is looked at before a plan is executed: does it fit the configuration, is its range still there?"""

from __future__ import annotations

from typing import NamedTuple

from connector.delivery.replay import ReplayPlan
from connector.edges.control_topic import ControlReader
from connector.edges.deliverable import read_deliverable
from connector.edges.lag import LagReader, PartitionLag
from connector.edges.replay.state import group_of, key_of, known_of
from connector.errors import ConfigurationError, OperationalError, Problem
from connector.settings import Settings


class Look(NamedTuple):
    """What was found before anything is done: whether all is done already, and what to ask about."""

    is_done: bool
    findings: list[str]


def check_plan(settings: Settings, plan: ReplayPlan, *, as_planned: bool) -> None:
    """Refuse a plan that does not fit the configuration.

    Raises: ConfigurationError
    """
    deliverable = read_deliverable(settings)
    destination = deliverable.destination
    file = str(settings.destination_file)
    topic, setting = settings.deliver_topic, "CONNECTOR_BY_USER_TOPIC"
    if plan.from_source:
        topic, setting = settings.source_topic, "CONNECTOR_SOURCE_TOPIC"
    if plan.topic != topic:
        raise ConfigurationError(Problem(f"is {topic}, but the plan is of {plan.topic}", path=setting))
    if plan.destination != destination.id:
        message = f"is {destination.id}, but the plan is for {plan.destination}"
        raise ConfigurationError(Problem(message, path="id", file=file))
    if as_planned and plan.config_version != deliverable.version:
        message = (
            f"is version {deliverable.version}, but was {plan.config_version} when the plan was made; make"
            " another plan, or say --configuration current"
        )
        raise ConfigurationError(Problem(message, file=file))
    names = {mapping.name for mapping in destination.mappings}
    gone = [name for name in plan.mappings if name not in names]
    if gone:
        message = f"has no enabled {', '.join(map(repr, gone))} any more; make another plan"
        raise ConfigurationError(Problem(message, path="mappings", file=file))
    if not destination.enabled and destination.when_disabled == "discard":
        message = "is false and when_disabled is discard, so nothing would be sent"
        raise ConfigurationError(Problem(message, path="enabled", file=file))


async def look(settings: Settings, plan: ReplayPlan) -> Look:
    """See what became of the plan's range, and of the replay if it was begun before.

    Raises: OperationalError when the topic is another one than was planned, or Kafka cannot be asked
    """
    control = ControlReader(settings)
    await control.read_to_end(must_exist=True)
    known = known_of(plan.id, control.values.get(key_of(plan.id)))
    async with LagReader(settings) as reader:
        lags = await reader.read(plan.topic, group_of(settings, plan.id))
    check_topic(plan, lags)
    if known is not None and known.state == "done":
        return Look(is_done=True, findings=[])
    findings = []
    if known is not None and known.state == "cancelled":
        findings.append("this replay was cancelled; it would go on where it stopped")
    ranges = {
        lag.partition: (lag, plan.ranges[lag.partition]) for lag in lags if lag.partition in plan.ranges
    }
    if known is not None and any(lag.committed is None for lag, _ in ranges.values()):
        findings.append("this replay was begun before, but how far it came is forgotten; it would begin anew")
    gone = sum(
        max(min(lag.begin, range_.end) - max(range_.start, lag.committed or 0), 0)
        for lag, range_ in ranges.values()
    )
    if gone:
        findings.append(f"{gone} of the records are gone from {plan.topic}; they cannot be sent")
    return Look(is_done=False, findings=findings)


def check_topic(plan: ReplayPlan, lags: list[PartitionLag]) -> None:
    """Refuse a topic that ends before the range of the plan.

    Raises: OperationalError
    """
    ends = {lag.partition: lag.end for lag in lags}
    if any(ends.get(number, -1) < range_.end for number, range_ in plan.ranges.items()):
        raise OperationalError(
            f"{plan.topic} ends before the range of the plan, so it was made anew; make another plan"
        )
