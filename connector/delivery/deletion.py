"""A deletion that was carried out is remembered before its record is settled.

What lies in dead letters or is replayed must not bring the person back; whoever sends those looks at what
is remembered here.
"""

from __future__ import annotations

from typing import Protocol

import structlog

from connector.core.event import Event, events_of, read_object
from connector.delivery.record import Record
from connector.errors import OperationalError

log = structlog.get_logger(__name__)


class DeletionMemory(Protocol):
    """Keeps durably who was deleted."""

    async def remember(self, destination: str, event: Event, at: float) -> None:
        """Return once it is written to the quorum that the person of an event was deleted at epoch seconds.

        Raises: OperationalError when it could not be written; nothing may be settled then
        """
        ...


async def remember_deletion(
    memory: DeletionMemory, destination: str, record: Record, number: int, at: float
) -> bool:
    """Remember the deletion that an event of a record asked for; False when it has to be repeated.

    number  of the event in the record, from 0
    """
    value = record.value or b""
    event = events_of(read_object(value, largest=len(value)))[number]
    try:
        await memory.remember(destination, event, at)
    except OperationalError as error:
        log.warning(
            "deletion not remembered, will repeat", error=str(error),
            topic=record.topic, partition=record.partition, offset=record.offset,
        )  # fmt: skip
        return False
    return True
