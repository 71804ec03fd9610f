"""The ingest stage behind a batch reader: source records to the by-user topic, keyed by person."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from connector.delivery.codes import INTERNAL, UNREADABLE_PREFIX
from connector.delivery.dead_letter import SOURCE_HEADER, Reason, make_dead_letter
from connector.delivery.ports import DeadLetterSink
from connector.delivery.stats import IngestStats
from connector.delivery.trail import BatchSteps, IngestTrail
from connector.edges.batch_reader import Assignment
from connector.edges.kafka_trouble import in_words
from connector.edges.producer import Producer
from connector.errors import OperationalError, UnreadableRecord
from connector.ingest.routing import Routed, route, route_one_by_one

REPEAT_S = 1.0
PORTION_BYTES = 1024 * 1024  # eight times 250 ordinary records; as JSON it is parsed in 5 to 50 ms
MANY_EVENTS_BYTES = 32 * 1024  # an envelope of these may hold 2,000 events; one of 1 MiB 60,000
PAUSE_EVERY = 1000  # events of an envelope, which take some 5 ms

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Work:
    """What is left to do of one batch."""

    outgoing: deque[tuple[ConsumerRecord, list[Routed]]]
    given_up: deque[tuple[ConsumerRecord, Reason]]

    @property
    def records(self) -> list[ConsumerRecord]:
        return [record for record, _ in (*self.outgoing, *self.given_up)]


class IngestStage:
    """Forwards one batch after the other; an offset is settled once all before it are acknowledged.

    topic    the by-user topic, to which it writes
    trouble  why the batch under way has to be sent again; "" for nothing

    The producer is idempotent, so a repeated send inside the client adds nothing; a batch of which
    something failed is sent again as a whole, in the order of the source.
    """

    def __init__(
        self,
        *,
        producer: Producer,
        dead_letters: DeadLetterSink,
        topic: str,
        unidentified: Literal["dead-letter", "deliver"],
        largest_record: int,
        stats: IngestStats,
        trail: IngestTrail | None = None,
    ) -> None:
        self._producer, self._dead_letters, self.topic = producer, dead_letters, topic
        self._unidentified: Literal["dead-letter", "deliver"] = unidentified
        self._largest_record = largest_record
        self._stats = stats
        self._trail = trail
        self._steps: BatchSteps | None = None  # of the batch under way, if anybody wants to know
        self._next: dict[TopicPartition, int] = {}
        self._under_way: asyncio.Task[None] | None = None
        self.held_records = 0
        self.held_bytes = 0
        self.trouble = ""  # why the batch under way has to be sent again

    @property
    def full_lanes(self) -> Mapping[tuple[str, int], int]:
        """Nothing is held by person here."""
        return {}

    def assign(self, assignment: Assignment) -> None:
        """Begin an assignment."""
        committed = assignment.committed.items()
        self._next = {tp: commit.offset for tp, commit in committed if commit is not None}

    def rewind(self, partition: TopicPartition, offset: int) -> None:
        """Begin a partition at an offset below the committed one."""
        self._next[partition] = offset

    async def take(self, partition: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        """Forward a batch and wait until all of it is acknowledged."""
        self.held_records = len(records)
        task = self._under_way = asyncio.create_task(self._forward(partition, records))
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()  # matters only when we are cancelled ourselves
            self._under_way = None
            self.held_records = 0
        if not task.cancelled():  # by drain(): the batch belongs to the next owner
            task.result()

    async def room(self, below_records: int, below_bytes: int) -> None:  # noqa: ARG002
        """Wait for the batch under way, if that is too much; at most one is held, and it does not grow."""
        if self._under_way is not None and self.held_records >= below_records:
            await asyncio.wait({self._under_way})

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
        for portion in _portions([record for record in records if record.offset >= settled]):
            work = await self._route(portion)
            self._steps = None if self._trail is None else self._trail.begin(work.records)
            try:
                await self._forward_all(work)
            finally:
                if self._steps is not None:
                    self._steps.ended()
            self.trouble = ""
            self._next[partition] = portion[-1].offset + 1
            self._stats.received += len(portion)
        self._next[partition] = records[-1].offset + 1

    async def _forward_all(self, work: _Work) -> None:
        while work.outgoing or work.given_up:
            try:
                await self._bury(work)
                await self._send(work)
            except (KafkaError, OperationalError) as error:
                self._note_trouble(error)
                log.warning("forwarding failed, will repeat", topic=self.topic, error=_words(error))
                await asyncio.sleep(REPEAT_S)
            except Exception as error:  # the outermost guard: what is not acknowledged is never passed over
                self._note_trouble(error)
                log.exception("forwarding failed, will repeat", topic=self.topic)
                await asyncio.sleep(REPEAT_S)

    def _note_trouble(self, error: Exception) -> None:
        self.trouble = type(error).__name__
        if self._steps is not None:
            self._steps.repeats(self.trouble)

    async def _route(self, records: Sequence[ConsumerRecord]) -> _Work:
        work = _Work(deque(), deque())
        for record in records:
            try:
                if len(record.value or b"") < MANY_EVENTS_BYTES:
                    routed = route(
                        record.value, unidentified=self._unidentified, largest=self._largest_record
                    )
                else:
                    routed = await self._routed_with_pauses(record)
            except UnreadableRecord as error:
                work.given_up.append((record, _unreadable(error)))
            except Exception as error:  # a poison record becomes a dead letter, never the end of forwarding
                log.exception("record could not be routed", place=_source(record).decode())
                reason = Reason(INTERNAL, "unexpected error, see the log", kind=type(error).__name__)
                work.given_up.append((record, reason))
            else:
                work.outgoing.append((record, routed))
        return work

    async def _routed_with_pauses(self, record: ConsumerRecord) -> list[Routed]:
        routed: list[Routed] = []
        for each in route_one_by_one(
            record.value, unidentified=self._unidentified, largest=self._largest_record
        ):
            routed.append(each)
            if len(routed) % PAUSE_EVERY == 0:
                await asyncio.sleep(0)
        return routed

    async def _bury(self, work: _Work) -> None:
        """Write all dead letters at once: one after the other, a flood of them would hold back everybody."""
        letters = [
            make_dead_letter(record, reason, destination="", config_version="")
            for record, reason in work.given_up
        ]
        results = await asyncio.gather(
            *(self._dead_letters.put(letter) for letter in letters), return_exceptions=True
        )
        given_up, work.given_up = work.given_up, deque()
        for (record, reason), result in zip(given_up, results, strict=True):
            if result is not None:
                work.given_up.append((record, reason))
                continue
            self._stats.dead_letters[reason.code] += 1
            if self._steps is not None:
                self._steps.dead_lettered(record, reason)
        errors = [result for result in results if result is not None]
        if errors:
            raise errors[0]

    async def _send(self, work: _Work) -> None:
        """Send all that is outgoing, and wait until it is acknowledged."""
        sent = [
            (record, await self._queue(record, each)) for record, routed in work.outgoing for each in routed
        ]
        results = await asyncio.gather(*(future for _, future in sent), return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        is_refused = any(isinstance(error, MessageSizeTooLargeError) for error in errors)
        if errors and not is_refused:
            raise errors[0]
        self._stats.forwarded += len(sent) - len(errors)
        if is_refused:
            log.warning("records are refused for their size, sending one by one", topic=self.topic)
            missing = {
                record.offset
                for (record, _), result in zip(sent, results, strict=True)
                if isinstance(result, BaseException)
            }
            self._tell_forwarded(entry for entry in work.outgoing if entry[0].offset not in missing)
            work.outgoing = deque(entry for entry in work.outgoing if entry[0].offset in missing)
            await self._send_one_by_one(work)
        self._tell_forwarded(work.outgoing)
        work.outgoing.clear()

    def _tell_forwarded(self, entries: Iterable[tuple[ConsumerRecord, list[Routed]]]) -> None:
        if self._steps is not None:
            for record, routed in entries:
                self._steps.forwarded(record, len(routed))

    async def _send_one_by_one(self, work: _Work) -> None:
        """Send each event alone, as a broker refuses records together; who is refused alone is too large."""
        while work.outgoing:
            record, routed = work.outgoing[0]
            try:
                for each in routed:
                    await (await self._queue(record, each))
                    self._stats.forwarded += 1
            except MessageSizeTooLargeError:
                error = UnreadableRecord("too_large", f"{self.topic} refuses it; raise its max.message.bytes")
                work.given_up.append((record, _unreadable(error)))
            else:
                self._tell_forwarded(((record, routed),))
            work.outgoing.popleft()

    async def _queue(self, record: ConsumerRecord, routed: Routed) -> asyncio.Future[object]:
        traced = () if self._steps is None else self._steps.headers(record)
        headers = [*record.headers, *traced, (SOURCE_HEADER, _source(record))]  # the last: see produced_at
        return await self._producer.send(self.topic, routed.value, key=routed.key, headers=headers)


def _portions(records: Sequence[ConsumerRecord]) -> Iterator[Sequence[ConsumerRecord]]:
    """Cut a batch where it gets large: a portion is parsed without a pause, and is in memory twice."""
    begin, held_bytes = 0, 0
    for end, record in enumerate(records):
        size_bytes = len(record.value or b"")
        if end > begin and held_bytes + size_bytes > PORTION_BYTES:
            yield records[begin:end]
            begin, held_bytes = end, 0
        held_bytes += size_bytes
    if begin < len(records):
        yield records[begin:]


def _unreadable(error: UnreadableRecord) -> Reason:
    return Reason(UNREADABLE_PREFIX + error.reason, error.message, kind=type(error).__name__)


def _source(record: ConsumerRecord) -> bytes:
    return f"{record.topic}/{record.partition}/{record.offset}/{record.timestamp}".encode()


def _words(error: KafkaError | OperationalError) -> str:
    return str(error) if isinstance(error, OperationalError) else in_words(error)
