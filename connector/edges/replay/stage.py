"""The deliver stage of a replay: bounded ranges, chosen events, marked requests, a rate of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from aiokafka import ConsumerRecord
from aiokafka.structs import TopicPartition

from connector.delivery.context import Configuration, Context
from connector.delivery.replay import ReplayPlan
from connector.delivery.selection import Selection, plan_chosen
from connector.edges.batch_reader import Assignment
from connector.edges.deliver_stage import DeliverStage
from connector.edges.replay.bounds import Bounds
from connector.edges.replay.state import Done

MADE_ANEW = "was made anew since the plan was made; make another plan"


class ReplayStage(DeliverStage):
    """Takes records up to the ends of the ranges.

    broken  why the replay cannot go on; empty while it can. Nothing more is taken then
    """

    def __init__(
        self, context: Context, plan: ReplayPlan, selection: Selection, *, version: str | None
    ) -> None:
        """Wrap the configuration of the context; `version`, if any, is the only one that may be in force."""
        self._plan, self._selection, self._version = plan, selection, version
        self._bounds = Bounds(plan.ranges)
        self._stats = context.stats
        self.broken = ""
        context.configuration = self._choosing(context.configuration)
        super().__init__(context)

    def _choosing(self, configuration: Configuration) -> Configuration:
        plan_record = plan_chosen(
            configuration.plan_record,
            self._selection,
            mappings=frozenset(self._plan.mappings),
            replay=self._plan.id,
        )
        return configuration._replace(plan_record=plan_record)

    @property
    def full_lanes(self) -> Mapping[tuple[str, int], int]:
        """Partitions that should not be read on: also those of which everything was read."""
        return {**super().full_lanes, **dict.fromkeys(self._bounds.passed, 0)}

    @property
    def waits(self) -> tuple[str, ...]:
        """Why nothing is sent at the moment."""
        return tuple(
            f"{reason} ({closed.detail})" if closed.detail else str(reason)
            for reason, closed in self.closed.items()
        )

    def assign(self, assignment: Assignment) -> None:
        """Begin an assignment."""
        super().assign(assignment._replace(share=self._bounds.assign(assignment.committed)))

    def rewind(self, partition: TopicPartition, offset: int) -> None:  # noqa: ARG002
        """Stop: offsets of the topic that was planned mean nothing in the one that took its place."""
        self.broken = f"{partition.topic} {MADE_ANEW}"

    async def take(self, partition: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        """Put records into their lanes, as far as they belong to the range."""
        if not self.broken:
            await super().take(partition, self._bounds.cut(partition, records))

    def reconfigure(self, configuration: Configuration) -> None:
        """Plan by another configuration from now on, or stop where that would not be the replay asked for."""
        if self._version is not None and configuration.version != self._version:
            self.broken = "the destination file changed, and --configuration as-planned was asked for"
        elif configuration.discards:
            self.broken = "the destination is disabled and discards"
        if not self.broken:
            super().reconfigure(self._choosing(configuration))

    def done(self) -> Done:
        """Give what this process did."""
        stats, sent, letters = self._stats, Counter[str](), Counter[str]()
        for (mapping, _), number in stats.delivered.items():
            sent[mapping] += number
        for (code, _), number in stats.dead_letters.items():
            letters[code] += number
        return Done(sent, letters, stats.filtered, stats.retries)
