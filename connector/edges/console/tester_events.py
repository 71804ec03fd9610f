"""Where events for the tester come from: samples, what somebody types, and records of Kafka."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from connector.core.event import Event, events_of, person_key, read_object
from connector.core.javascript import text_of
from connector.core.json_text import ReadError, read_json
from connector.delivery.letter import Letter, Place
from connector.delivery.record import Record
from connector.edges.clocks import monotonic_clock
from connector.edges.console.masking import MASK, mask_id
from connector.edges.dead_letters.reader import DeadLetterReader
from connector.edges.kafka import connection
from connector.edges.kafka_trouble import missing_topic, trouble
from connector.edges.topic_admin import topic_admin
from connector.errors import OperationalError, UnreadableRecord
from connector.settings import Settings

MOST_EVENTS: Final = 20  # of an envelope, in one go
NEWEST: Final = 20  # records that are offered
MOST_READ_BYTES: Final = 8 * 1024 * 1024
READING_S: Final = 8.0
_FETCH_BYTES: Final = 256 * 1024  # of one partition at a time; a larger record comes nevertheless
_TYPES: Final = frozenset(("identify", "track", "page", "screen", "group", "alias", "delete"))


class Sample(NamedTuple):
    """An event to begin with."""

    name: str
    title: str
    event: Event

    @property
    def text(self) -> str:
        """The event as it stands in the text field."""
        return json.dumps(self.event, indent=2, ensure_ascii=False)


class EventError(Exception):
    """What was typed is no event; `line` and `column` from 1 where they are known."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


@dataclass(frozen=True, slots=True)
class Recent:
    """A record of the by-user topic, as the list tells of it; texts are MASK where they may not be seen."""

    place: Place
    at: float
    type: str
    name: str
    person: str


class Records(Protocol):
    """Reads records of Kafka."""

    async def newest(self, settings: Settings) -> list[Record]:
        """Give the newest records of the by-user topic, the newest first.

        Raises: OperationalError
        """
        ...

    async def at(self, settings: Settings, place: Place) -> Record | None:
        """Give one record of the by-user topic; None when there is none at that place.

        Raises: OperationalError
        """
        ...

    async def letter(self, settings: Settings, destination: str, place: Place) -> Letter | None:
        """Give one dead letter; None when there is none at that place.

        Raises: OperationalError
        """
        ...


@cache
def samples() -> tuple[Sample, ...]:
    """Give the samples, one or more of every type."""
    text = files(__package__).joinpath("samples.json").read_text(encoding="utf-8")
    return tuple(Sample(**each) for each in json.loads(text))


def sample(name: str) -> Sample:
    """Give one sample, the first for a name that there is not."""
    return next((each for each in samples() if each.name == name), samples()[0])


def sample_for(event_type: str) -> Sample:
    """Give a sample of a type, the first where there is none."""
    return next((each for each in samples() if each.event["type"] == event_type), samples()[0])


def typed_events(text: str, *, largest: int) -> list[Event]:
    """Read an event that somebody typed, or an envelope of several, as the worker reads a record.

    Raises: EventError
    """
    if not text.strip():
        raise EventError("write an event, or take a sample")
    content = text.strip().encode("utf-8", "surrogatepass")
    if len(content) > largest:
        raise EventError(f"{len(content):,} bytes are too many, at most {largest:,} are taken")
    try:
        found = events_of(read_object(content, largest=largest))
    except UnreadableRecord as error:
        raise _event_error(error, text) from error
    if len(found) > MOST_EVENTS:
        raise EventError(f"{len(found)} events are too many at a time, at most {MOST_EVENTS} are taken")
    return found


def _event_error(error: UnreadableRecord, text: str) -> EventError:
    if error.reason != "not_json":
        return EventError(error.message)
    try:
        json.loads(text)
    except json.JSONDecodeError as found:
        return EventError(f"no JSON: {found.msg}", found.lineno, found.colno)
    except (RecursionError, ValueError):
        pass
    try:
        read_json(text)
    except json.JSONDecodeError as found:
        return EventError(f"no JSON: {found.msg}", found.lineno, found.colno)
    except ReadError as found:
        return EventError(f"no JSON: {found}")
    return EventError(error.message)


def recent_of(record: Record, *, reveals: bool) -> Recent:
    """Tell of a record; the type is no personal data, the name of an event may be."""
    try:
        event: Event = events_of(read_object(record.value, largest=len(record.value or b"")))[0]
    except (UnreadableRecord, IndexError):
        event = {}
    kind = event.get("type")
    person = person_key(event) or ""
    name = event.get("event", event.get("name"))
    return Recent(
        Place(record.partition, record.offset),
        record.timestamp / 1000,
        kind if isinstance(kind, str) and (kind in _TYPES or reveals) else MASK,
        (text_of(name) if isinstance(name, (str, int, float)) else "") if reveals else MASK,
        person if reveals else mask_id(person),
    )


def text_of_record(value: bytes | None) -> str:
    """Give a record's value for the text field: indented where it is JSON, else as it is."""
    try:
        parsed = read_json(value or b"")
        return indented(parsed)
    except (ReadError, RecursionError):
        return (value or b"").decode("utf-8", "replace")


def text_of_letter(letter: Letter) -> str:
    """Give the event a letter is about; all of the record where it is about that."""
    try:
        events = letter.events(largest=len(letter.value or b""))
    except UnreadableRecord:
        return text_of_record(letter.value)
    return indented(events[0]) if letter.event is not None and events else text_of_record(letter.value)


def indented(value: Any) -> str:
    """Write JSON to be read and edited; half an emoji stays an escape."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=2)
    return text


class KafkaRecords:
    """Reads records by short-lived consumers that are in no group."""

    async def newest(self, settings: Settings) -> list[Record]:
        """Give the newest records of the by-user topic, the newest first."""
        topic = settings.by_user_topic
        partitions = [TopicPartition(topic, number) for number in range(await _partitions(settings, topic))]
        async with _consumer(settings, topic) as consumer:
            ends = await consumer.end_offsets(partitions)
            begins = await consumer.beginning_offsets(partitions)
            first = {each: max(ends[each] - NEWEST, begins[each]) for each in partitions}
            wanted = [each for each in partitions if first[each] < ends[each]]
            found: list[ConsumerRecord] = [
                record
                async for record in _records(consumer, {each: (first[each], ends[each]) for each in wanted})
            ]
        found.sort(key=lambda record: (record.timestamp, record.offset), reverse=True)
        return list(found[:NEWEST])

    async def at(self, settings: Settings, place: Place) -> Record | None:
        """Give one record of the by-user topic; None when there is none at that place."""
        topic = settings.by_user_topic
        if not 0 <= place.partition < await _partitions(settings, topic):
            return None
        partition = TopicPartition(topic, place.partition)
        async with _consumer(settings, topic) as consumer:
            end = (await consumer.end_offsets([partition]))[partition]
            begin = (await consumer.beginning_offsets([partition]))[partition]
            if begin <= place.offset < end:
                async for record in _records(consumer, {partition: (place.offset, place.offset + 1)}):
                    return record  # type: ignore[no-any-return]
        return None

    async def letter(self, settings: Settings, destination: str, place: Place) -> Letter | None:
        """Give one dead letter; None when there is none at that place."""
        async with DeadLetterReader(settings, destination) as reader:
            found = await reader.letter(place)
        return None if found is None else found.letter


async def _partitions(settings: Settings, topic: str) -> int:
    async with topic_admin(settings) as admin:
        counts = await admin.partition_counts([topic])
    if topic not in counts:
        raise missing_topic(topic)
    return counts[topic]


@asynccontextmanager
async def _consumer(settings: Settings, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_bytes=MOST_READ_BYTES,
        **connection(settings, "console"),
    )
    try:
        async with asyncio.timeout(2 * READING_S):
            await consumer.start()
            yield consumer
    except TimeoutError as error:
        raise OperationalError(f"{topic}: Kafka does not answer in time") from error
    except KafkaError as error:
        raise await trouble(settings, topic, error) from error
    finally:
        await consumer.stop()


async def _records(
    consumer: AIOKafkaConsumer, bounds: dict[TopicPartition, tuple[int, int]]
) -> AsyncIterator[ConsumerRecord]:
    """Read from an offset up to another, within the limits of bytes and time."""
    if not bounds:
        return
    consumer.assign(list(bounds))
    for partition, (first, _end) in bounds.items():
        consumer.seek(partition, first)
    left, size, until_s = set(bounds), 0, monotonic_clock() + READING_S
    while left and size < MOST_READ_BYTES and monotonic_clock() < until_s:
        for partition, records in (await consumer.getmany(*left, timeout_ms=500)).items():
            for record in _below(records, bounds[partition][1]):
                size += len(record.value or b"")
                yield record
        for partition in tuple(left):
            if await consumer.position(partition) >= bounds[partition][1]:
                left.discard(partition)


def _below(records: Iterable[ConsumerRecord], end: int) -> Iterable[ConsumerRecord]:
    return (record for record in records if record.offset < end)
