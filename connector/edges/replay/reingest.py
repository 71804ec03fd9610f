"""The ingest stage of a replay from the source topic: chosen events go to the by-user topic once more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from aiokafka import ConsumerRecord
from aiokafka.structs import TopicPartition

from connector.delivery.replay import ReplayPlan
from connector.delivery.selection import Selection
from connector.edges.batch_reader import Assignment
from connector.edges.ingest_stage import IngestStage, _Work
from connector.edges.replay.bounds import Bounds
from connector.edges.replay.stage import MADE_ANEW
from connector.edges.replay.state import Done
from connector.errors import UnreadableRecord
from connector.ingest.routing import Routed

REPLAY_RECORD_HEADER: Final = "encharge.replay"
"""Kafka header of every record that a replay writes to the by-user topic; its value is the replay's id."""

STEP_S: Final = 0.5  # of records that are forwarded at once; a crash repeats so many and no more


class ReingestStage(IngestStage):
    """Forwards records up to the ends of the ranges, `rate` a second over all processes.

    broken  why the replay cannot go on; empty while it can. Nothing more is taken then
    """

    def __init__(
        self,
        plan: ReplayPlan,
        selection: Selection,
        rate: float,
        clock: Callable[[], float],
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._plan, self._selection, self._rate, self._clock = plan, selection, rate, clock
        self._bounds = Bounds(plan.ranges)
        self._share = 1.0
        self._next_s = 0.0  # when the next records may be forwarded
        self._assignment = object()
        self._forwarded = self._filtered = 0
        self.broken = ""
        self.waits: tuple[str, ...] = ()

    @property
    def full_lanes(self) -> Mapping[tuple[str, int], int]:
        """Partitions of which everything was read."""
        return dict.fromkeys(self._bounds.passed, 0)

    def assign(self, assignment: Assignment) -> None:
        """Begin an assignment."""
        self._assignment = object()
        self._share = self._bounds.assign(assignment.committed)
        super().assign(assignment)

    def rewind(self, partition: TopicPartition, offset: int) -> None:  # noqa: ARG002
        """Stop: offsets of the topic that was planned mean nothing in the one that took its place."""
        self.broken = f"{partition.topic} {MADE_ANEW}"

    async def take(self, partition: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        """Forward what belongs to the range, a little at a time; stops when the assignment is over."""
        assignment = self._assignment
        if self.broken:
            return
        records = self._bounds.cut(partition, records)
        while records:
            step = max(round(self._rate * self._share * STEP_S), 1)
            now_s = self._clock()
            if now_s < self._next_s:
                await asyncio.sleep(self._next_s - now_s)
            if assignment is not self._assignment:
                return
            before = self._forwarded
            await super().take(partition, records[:step])
            self._next_s = max(self._next_s, now_s) + (self._forwarded - before) / (self._rate * self._share)
            records = records[step:]

    async def drain(self, deadline_s: float) -> None:
        """Begin nothing more, and wait for the records under way."""
        self._assignment = object()
        await super().drain(deadline_s)

    async def _route(self, records: Sequence[ConsumerRecord]) -> _Work:
        events = {record.offset: self._chosen(record) for record in records}
        work = await super()._route([record for record in records if events[record.offset]])
        work.given_up.clear()  # they became dead letters when they came in
        for record, routed in work.outgoing:
            routed[:] = [each for number, each in enumerate(routed) if number in events[record.offset]]
        self._forwarded += sum(len(routed) for _, routed in work.outgoing)
        self._filtered += len(records) - len(work.outgoing)
        return work

    def _chosen(self, record: ConsumerRecord) -> frozenset[int]:
        try:
            return frozenset(self._selection.chosen(record).events)
        except UnreadableRecord:
            return frozenset()

    async def _queue(self, record: ConsumerRecord, routed: Routed) -> asyncio.Future[object]:
        headers = (*record.headers, (REPLAY_RECORD_HEADER, self._plan.id.encode()))
        return await super()._queue(replace(record, headers=headers), routed)

    def done(self) -> Done:
        """Give what this process did."""
        return Done(forwarded=self._forwarded, filtered=self._filtered)
