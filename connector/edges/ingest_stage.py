"""The ingest stage behind a batch reader: source records to the by-user topic, keyed by person."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Literal

import structlog
from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from connector.delivery.dead_letter import SOURCE_HEADER, Reason, make_dead_letter
from connector.delivery.planner import UNREADABLE_PREFIX
from connector.delivery.ports import DeadLetterSink
from connector.delivery.stats import IngestStats
from connector.errors import OperationalError, UnreadableRecord
from connector.ingest.routing import route

REPEAT_S = 1.0

log = structlog.get_logger(__name__)


class IngestStage:
    """Forwards one batch after the other; an offset is settled once all before it are acknowledged.

    The producer is idempotent, so a repeated send inside the client adds nothing; a batch that failed
    as a whole is sent again as a whole, in the order of the source.
    """

    def __init__(
        self,
        *,
        producer: AIOKafkaProducer,
        dead_letters: DeadLetterSink,
        topic: str,
        unidentified: Literal["dead-letter", "deliver"],
        largest_record: int,
        stats: IngestStats,
    ) -> None:
        self._producer, self._dead_letters, self._topic = producer, dead_letters, topic
        self._unidentified: Literal["dead-letter", "deliver"] = unidentified
        self._largest_record = largest_record
        self._stats = stats
        self._next: dict[TopicPartition, int] = {}
        self._under_way: asyncio.Task[None] | None = None
        self.held_records = 0
        self.held_bytes = 0

    def assign(self, committed: Mapping[TopicPartition, OffsetAndMetadata | None]) -> None:
        """Begin an assignment."""
        self._next = {tp: commit.offset for tp, commit in committed.items() if commit is not None}

    async def take(self, partition: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        """Forward a batch and wait until all of it is acknowledged."""
        self.held_records = len(records)
        self._under_way = asyncio.create_task(self._forward(partition, records))
        try:
            with suppress(asyncio.CancelledError):  # by drain(): the batch belongs to the next owner
                await self._under_way
        finally:
            self._under_way = None
            self.held_records = 0

    async def room(self, below_records: int, below_bytes: int) -> None:
        """Return at once: at most one batch is held, and it does not grow."""

    def commits(self) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """Give the next offset of every partition."""
        return {tp: OffsetAndMetadata(offset, "") for tp, offset in self._next.items()}

    async def drain(self, deadline_s: float) -> None:
        """Wait for the batch under way; a part of it that is not acknowledged will be sent again."""
        task = self._under_way
        if task is not None:
            _, late = await asyncio.wait({task}, timeout=deadline_s)
            if late:
                task.cancel()
                await asyncio.wait({task})

    def release(self) -> None:
        """Forget the assignment."""
        self._next = {}

    async def _forward(self, partition: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        settled = self._next.get(partition, 0)
        pending = [record for record in records if record.offset >= settled]
        while pending:
            try:
                await self._send_all(pending)
                break
            except (KafkaError, OperationalError) as error:
                log.warning("forwarding failed, will repeat", topic=self._topic, error=type(error).__name__)
                await asyncio.sleep(REPEAT_S)
        self._next[partition] = records[-1].offset + 1
        self._stats.received += len(pending)

    async def _send_all(self, records: Sequence[ConsumerRecord]) -> None:
        acknowledged = []
        for record in records:
            try:
                routed = route(record.value, unidentified=self._unidentified, largest=self._largest_record)
            except UnreadableRecord as error:
                await self._bury(record, error)
                continue
            headers = [*record.headers, (SOURCE_HEADER, _source(record))]
            for key, value in routed:
                acknowledged.append(await self._producer.send(self._topic, value, key=key, headers=headers))
        await asyncio.gather(*acknowledged)
        self._stats.forwarded += len(acknowledged)

    async def _bury(self, record: ConsumerRecord, error: UnreadableRecord) -> None:
        code = UNREADABLE_PREFIX + error.reason
        reason = Reason(code, error.message, kind=type(error).__name__)
        letter = make_dead_letter(record, reason, destination="", config_version="")
        await self._dead_letters.put(letter)
        self._stats.dead_letters[code] += 1


def _source(record: ConsumerRecord) -> bytes:
    return f"{record.topic}/{record.partition}/{record.offset}/{record.timestamp}".encode()
