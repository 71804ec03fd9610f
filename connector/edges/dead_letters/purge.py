"""Deletes the beginnings of dead-letter partitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from connector.delivery.letter import Selection, State
from connector.edges.dead_letters.reader import DeadLetterReader, Progress, Scanned
from connector.edges.kafka import connection
from connector.edges.kafka_trouble import trouble
from connector.settings import Settings


@dataclass(slots=True)
class PurgePlan:
    """What would be deleted.

    ends      partition -> first offset that stays, for those of which something goes
    states    state -> letters that go
    waiting   destination -> letters that go and wait
    records   all that goes, also what is no letter
    """

    ends: dict[int, int] = field(default_factory=dict)
    states: Counter[State] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    records: int = 0


async def plan_purge(
    settings: Settings, destination: str, *, before: int | None, progress: Progress
) -> PurgePlan:
    """Find how much of each partition goes.

    before  milliseconds; up to the first letter that is not older. All there is when None

    Raises: OperationalError
    """
    plan, scanned = PurgePlan(), Scanned()
    async with DeadLetterReader(settings, destination) as reader:
        ends = {number: bounds.end for number, bounds in reader.bounds.items()}
        if before is not None:
            ends |= await reader.offsets_at(before)
        async for letter, state in reader.scan(Selection(), scanned, progress):
            if letter.place.offset < ends[letter.place.partition]:
                plan.states[state] += 1
                if state is State.WAITING:
                    plan.waiting[letter.destination] += 1
        for number, bounds in reader.bounds.items():
            if ends[number] > bounds.begin:
                plan.ends[number] = ends[number]
                plan.records += ends[number] - bounds.begin
    return plan


async def purge(settings: Settings, ends: Mapping[int, int]) -> None:
    """Delete all records of partitions below an offset each.

    Raises: OperationalError
    """
    topic = settings.dead_letter_topic
    admin = AIOKafkaAdminClient(**connection(settings, "dlq"))
    try:
        await admin.start()
        await admin.delete_records(
            {TopicPartition(topic, number): RecordsToDelete(end) for number, end in ends.items()}
        )
    except KafkaError as error:
        raise await trouble(settings, topic, error) from error
    finally:
        await admin.close()
