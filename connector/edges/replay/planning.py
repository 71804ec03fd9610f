"""Makes a replay plan: reads the range once and plans every chosen event as the replay would."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import NamedTuple

from connector.delivery.codes import INTERNAL
from connector.delivery.dead_letter import Reason
from connector.delivery.planner import PlanRecord, Task, Tasks, plan_with
from connector.delivery.record import Record
from connector.delivery.replay import Forecast, ReplayPlan
from connector.delivery.selection import Choice, Filters, Selection, plan_chosen
from connector.edges.clocks import wall_clock
from connector.edges.destination_file import DestinationFile
from connector.edges.replay.reading import Wanted, range_reader
from connector.edges.suppression import read_suppressions
from connector.errors import ConfigurationError, Problem, TriggerError, UnreadableRecord
from connector.settings import Settings


class Order(NamedTuple):
    """What is asked of a plan; `rate` in requests a second, from the source topic in events."""

    wanted: Wanted
    filters: Filters
    rate: float
    max_age_s: float
    from_source: bool = False


async def make_plan(
    settings: Settings,
    file: DestinationFile,
    order: Order,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> tuple[ReplayPlan, Forecast]:
    """Read the range and give the plan, and the forecast with its sample requests; tell offsets read of all.

    Raises: ConfigurationError, OperationalError
    """
    filters, largest = order.filters, settings.max_record_bytes
    if order.from_source and settings.partitioning == "source":
        message = "is source, so events are delivered from there in any case; leave --from-source out"
        raise ConfigurationError(Problem(message, path="CONNECTOR_PARTITIONING"))
    if order.from_source and filters.mappings:
        message = "does not go with --from-source: there events are chosen, and the workers send them all"
        raise ConfigurationError(Problem(message, path="--mapping"))
    destination = file.compile(api_key="")
    names = tuple(mapping.name for mapping in destination.mappings)
    for name in filters.mappings:
        if name not in names:
            message = f"{name!r} is no enabled mapping of {file.path}; there are {', '.join(names)}"
            raise ConfigurationError(Problem(message, path="--mapping"))
    chosen_names = tuple(name for name in names if not filters.mappings or name in filters.mappings)
    choice = choice_of(filters)
    suppressions = await read_suppressions(settings, destination.id)
    forecast, created_at, replay = Forecast(), wall_clock(), secrets.token_hex(4)
    topic = settings.source_topic if order.from_source else settings.deliver_topic
    async with range_reader(settings, topic) as reader:
        ranges = await reader.ranges(order.wanted)
        selection = Selection(ranges, choice, suppressions.covers, largest_record=largest)
        plan = plan_chosen(
            plan_with(destination, largest_record=largest), selection,
            mappings=frozenset(chosen_names), replay=replay,
        )  # fmt: skip
        scan = _Scan(forecast, selection, plan)
        in_all = sum(range_.end - range_.start for range_ in ranges.values())
        passed: dict[int, int] = {}
        async for records in reader.read(ranges):
            for record in records:
                scan.take(record)
            if records:
                last = records[-1]
                passed[last.partition] = last.offset + 1 - ranges[last.partition].start
                on_progress(sum(passed.values()), in_all)
    return (
        ReplayPlan(
            id=replay,
            created_at=created_at,
            topic=topic,
            from_source=order.from_source,
            ranges=forecast.ranges,
            filters=filters,
            destination=destination.id,
            config_version=file.version,
            mappings=chosen_names,
            rate=order.rate,
            max_age_s=order.max_age_s,
            oldest_at=forecast.oldest_at,
            counts=forecast.as_json(),
        ),
        forecast,
    )


def choice_of(filters: Filters) -> Choice:
    """Compile filters.

    Raises: ConfigurationError
    """
    try:
        return Choice(filters)
    except TriggerError as error:
        raise ConfigurationError(Problem(error.message, path="--where")) from error


class _Scan:
    def __init__(self, forecast: Forecast, selection: Selection, plan: PlanRecord) -> None:
        self._forecast, self._selection, self._plan = forecast, selection, plan

    def take(self, record: Record) -> None:
        forecast = self._forecast
        try:
            chosen = self._selection.chosen(record)
        except UnreadableRecord:
            forecast.unreadable += 1
            return
        forecast.read += chosen.of
        forecast.suppressed += chosen.suppressed
        if not chosen.events:
            return
        tasks: dict[int, list[Task]] = {}
        try:
            for task in _flat(self._plan(record)):
                tasks.setdefault(task.event, []).append(task)
        except Exception as error:  # the dispatcher makes a dead letter of it, too
            reason = Reason(INTERNAL, "", type(error).__name__)
            tasks = {min(chosen.events): [Task("", "", None, reason)]}
        forecast.add(record, chosen.events, tasks)


def _flat(plan: Tasks | Iterator[Tasks]) -> Iterator[Task]:
    if isinstance(plan, tuple):
        yield from plan
    else:
        for tasks in plan:
            yield from tasks
