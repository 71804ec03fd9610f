"""Persons who were deleted: what of them lies in dead letters or is replayed must not bring them back.

A deletion is one record on the control topic, `deleted/<destination>/<digest>`, with its time. The digest
stands for the id, so that the list of deleted persons is not a list of persons.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

import orjson
from aiokafka.errors import KafkaError

from connector.core.event import Event
from connector.core.javascript import is_falsy, text_of
from connector.edges.control_topic import ControlReader, tell
from connector.edges.producer import Producer
from connector.errors import OperationalError
from connector.settings import Settings

DELETED_PREFIX: Final = "deleted/"
_IDS: Final = ("userId", "anonymousId")


class Suppressions:
    """The deletions of one destination."""

    def __init__(self, destination: str, control: Mapping[str, Any]) -> None:
        self._destination = destination
        prefix = f"{DELETED_PREFIX}{destination}/"
        self._deleted_at = {
            key: value["at"]
            for key, value in control.items()
            if key.startswith(prefix)
            and isinstance(value, dict)
            and isinstance(value.get("at"), (int, float))
        }

    def __bool__(self) -> bool:
        return bool(self._deleted_at)

    def covers(self, event: Event, at: float) -> bool:
        """Tell whether an event of that time (epoch seconds) is about somebody who was deleted since."""
        return bool(self._deleted_at) and any(
            at <= self._deleted_at.get(key, float("-inf")) for key in _keys(self._destination, event)
        )


async def read_suppressions(settings: Settings, destination: str) -> Suppressions:
    """Read the deletions as of now; none when there is no control topic.

    Raises: OperationalError when Kafka does not answer
    """
    control = ControlReader(settings)
    await control.read_to_end()
    return Suppressions(destination, control.values)


async def suppress(settings: Settings, destination: str, event: Event) -> None:
    """Remember that the person an event names is deleted.

    Raises: OperationalError when it cannot be written
    """
    for key in _keys(destination, event):
        await tell(settings, key, {"at": time.time()})


class ControlTopicMemory:
    """Implements the port DeletionMemory with the producer that a worker has anyway."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer, self._topic = producer, topic

    async def remember(self, destination: str, event: Event, at: float) -> None:
        """Return once the deletion is on the control topic.

        Raises: OperationalError when it could not be written
        """
        value = orjson.dumps({"at": at})
        try:
            for key in _keys(destination, event):
                await self._producer.send_and_wait(self._topic, value, key=key.encode(), headers=())
        except KafkaError as error:
            raise OperationalError(f"{self._topic}: {type(error).__name__}") from error


def _keys(destination: str, event: Event) -> Iterator[str]:
    for name in _IDS:
        value = event.get(name)
        if not is_falsy(value):
            text = f"{destination}\0{name}\0{text_of(value)}"
            digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
            yield f"{DELETED_PREFIX}{destination}/{digest}"
