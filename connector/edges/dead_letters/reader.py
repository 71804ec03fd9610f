"""Reads the dead-letter topic from its beginning to where it ended at the start, in no consumer group."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from connector.core.event import Event
from connector.delivery.letter import Letter, Place, Selection, State, read_letter
from connector.delivery.redriven import Redriven, all_redriven
from connector.edges.control_topic import ControlReader
from connector.edges.kafka import connection
from connector.edges.kafka_trouble import trouble
from connector.edges.suppression import Suppressions
from connector.edges.topic_admin import topic_admin
from connector.errors import OperationalError, UnreadableRecord
from connector.settings import Settings

PATIENCE_S: Final = 30.0  # without a single record
_POLL_MS: Final = 500

Progress = Callable[[int, int], None]  # (records read, records in all)


class Bounds(NamedTuple):
    """Offsets of one partition: the first that is there, and the next to be written."""

    begin: int
    end: int


class Found(NamedTuple):
    """A letter, and what became of it."""

    letter: Letter
    state: State


@dataclass(slots=True)
class Scanned:
    """What was seen besides the letters that were asked for.

    passed_over  records that are no letters: of other programs, or probes of `check`
    others       letters of other destinations, by destination
    made_anew    partitions of which the control topic tells about an earlier topic
    """

    read: int = 0
    passed_over: int = 0
    others: Counter[str] = field(default_factory=Counter)
    made_anew: set[int] = field(default_factory=set)


class DeadLetterReader:
    """Reads letters and what became of them; to be used as an async context manager.

    destination   whose deletions hold for letters of the ingest stage
    most_at_once  records that are given without a turn for others; None for all that Kafka sent at once

    Entering raises OperationalError when Kafka cannot be used or the topic is missing.
    """

    def __init__(self, settings: Settings, destination: str, *, most_at_once: int | None = None) -> None:
        self._settings, self._destination = settings, destination
        self._most_at_once = most_at_once
        self.topic = settings.dead_letter_topic
        self._consumer = AIOKafkaConsumer(
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
            **connection(settings, "dlq"),
        )
        self.bounds: Mapping[int, Bounds] = {}
        self.control: Mapping[str, Any] = {}
        self._suppressions: dict[str, Suppressions] = {}

    async def __aenter__(self) -> Self:
        try:
            await self._consumer.start()
            self.bounds = await self._read_bounds()
            control = ControlReader(self._settings)
            await control.read_to_end()
        except KafkaError as error:
            await self._consumer.stop()
            raise await trouble(self._settings, self.topic, error) from error
        except BaseException:
            await self._consumer.stop()
            raise
        self.control = control.values
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._consumer.stop()

    async def scan(
        self,
        selection: Selection,
        scanned: Scanned,
        progress: Progress = lambda _read, _all: None,
        *,
        newest: int | None = None,
    ) -> AsyncIterator[Found]:
        """Give the letters that are asked for, partition by partition in the order they were written.

        newest  how many records are looked at at most: of each partition the newest; None for all
        Raises: OperationalError
        """
        looked_at = self.bounds if newest is None else newest_of(self.bounds, newest)
        in_all = sum(bounds.end - bounds.begin for bounds in looked_at.values())
        redriven = all_redriven(self.control, self.topic, self.bounds)
        before = 0
        for partition, bounds in looked_at.items():
            gone = redriven[partition]
            async for record in self.records(partition, bounds.begin, bounds.end):
                scanned.read += 1
                progress(before + record.offset - bounds.begin + 1, in_all)
                letter = read_letter(record)
                if letter is None:
                    scanned.passed_over += 1
                    continue
                if gone.contradicts(record.offset, record.timestamp):
                    scanned.made_anew.add(partition)
                    gone = Redriven()
                if not selection.is_for(letter):
                    scanned.others[letter.destination] += 1
                elif selection.takes(letter):
                    yield Found(letter, self._state(letter, gone))
            before += bounds.end - bounds.begin
        progress(in_all, in_all)

    async def letter(self, place: Place) -> Found | None:
        """Give one letter; None when there is none at that place.

        Raises: OperationalError
        """
        bounds = self.bounds.get(place.partition)
        if bounds is None or not bounds.begin <= place.offset < bounds.end:
            return None
        redriven = all_redriven(self.control, self.topic, self.bounds)[place.partition]
        async for record in self.records(place.partition, place.offset, place.offset + 1):
            letter = read_letter(record)
            if letter is not None:
                if redriven.contradicts(record.offset, record.timestamp):
                    redriven = Redriven()
                return Found(letter, self._state(letter, redriven))
        return None

    async def records(self, partition: int, first: int, end: int) -> AsyncIterator[ConsumerRecord]:
        """Give the records of a partition from an offset up to another, which is not included.

        Raises: OperationalError when Kafka gives nothing for half a minute
        """
        place = TopicPartition(self.topic, partition)
        consumer, idle_s = self._consumer, 0.0
        consumer.assign([place])
        consumer.seek(place, first)
        position = first
        try:
            while position < end:
                found = await consumer.getmany(place, timeout_ms=_POLL_MS, max_records=self._most_at_once)
                for record in found.get(place, ()):
                    if record.offset < end:
                        yield record
                if self._most_at_once is not None:
                    await asyncio.sleep(0)
                now_at = await consumer.position(place)
                idle_s = 0.0 if now_at > position else idle_s + _POLL_MS / 1000
                position = now_at
                if idle_s > PATIENCE_S:
                    raise OperationalError(
                        f"{self.topic}, partition {partition}: nothing came for {PATIENCE_S:g} s"
                    )
        except KafkaError as error:
            raise await trouble(self._settings, self.topic, error) from error

    async def offsets_at(self, timestamp: int) -> dict[int, int]:
        """Give for each partition that has one the first offset that is not older than a time (milliseconds).

        Raises: OperationalError
        """
        places = {TopicPartition(self.topic, number): timestamp for number in self.bounds}
        try:
            found = await self._consumer.offsets_for_times(places)
        except KafkaError as error:
            raise await trouble(self._settings, self.topic, error) from error
        return {place.partition: each.offset for place, each in found.items() if each is not None}

    async def _read_bounds(self) -> Mapping[int, Bounds]:
        async with topic_admin(self._settings) as admin:
            # Without a right on the control topic it would look as if nothing had been redriven.
            counts = await admin.partition_counts([self.topic, self._settings.control_topic])
        if self.topic not in counts:
            raise OperationalError(
                f"{self.topic} does not exist (CONNECTOR_DEAD_LETTER_TOPIC);"
                " `encharge-connector topics apply` makes it"
            )
        partitions = [TopicPartition(self.topic, number) for number in range(counts[self.topic])]
        begins = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        return {place.partition: Bounds(begins[place], ends[place]) for place in partitions}

    def _state(self, letter: Letter, redriven: Redriven) -> State:
        if redriven.holds(letter.place.offset):
            return State.REDRIVEN
        return State.SUPPRESSED if self.is_suppressed(letter) else State.WAITING

    def is_suppressed(self, letter: Letter) -> bool:
        """Tell whether the person of a letter was deleted since its event came."""
        id_ = letter.destination or self._destination
        if id_ not in self._suppressions:
            self._suppressions[id_] = Suppressions(id_, self.control)
        suppressions = self._suppressions[id_]
        return bool(suppressions) and any(
            suppressions.covers(event, letter.happened / 1000) for event in _events(letter)
        )


def newest_of(bounds: Mapping[int, Bounds], most: int) -> dict[int, Bounds]:
    """Give the ends of partitions that hold so many records at most; what is short leaves its share."""
    left, share = most, {}
    by_size = sorted(bounds.items(), key=lambda each: each[1].end - each[1].begin)
    for number, (partition, each) in enumerate(by_size):
        share[partition] = min(each.end - each.begin, left // (len(by_size) - number))
        left -= share[partition]
    return {partition: Bounds(each.end - share[partition], each.end) for partition, each in bounds.items()}


def _events(letter: Letter) -> list[Event]:
    try:
        return letter.events(largest=len(letter.value or b""))
    except UnreadableRecord:
        return []
