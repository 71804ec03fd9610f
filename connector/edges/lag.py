"""How far consumer groups are behind, from Kafka alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Self

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.structs import TopicPartition

from connector.edges.aiokafka_internals import describe_topics
from connector.edges.kafka import connection, unreachable
from connector.errors import OperationalError
from connector.settings import Settings

PATIENCE_S = 10.0  # a new cluster makes its coordinator when it is first asked


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition for one group; offsets as Kafka knows them, `committed` None before any commit."""

    topic: str
    partition: int
    begin: int
    end: int
    committed: int | None

    @property
    def lag(self) -> int:
        """Records not yet committed."""
        position = self.begin if self.committed is None else max(self.committed, self.begin)
        return max(self.end - position, 0)


class LagReader:
    """Asks Kafka for ends and commits; to be used as an async context manager.

    Entering raises OperationalError when Kafka cannot be reached.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = AIOKafkaAdminClient(**connection(settings, "lag"))
        self._consumer = AIOKafkaConsumer(**connection(settings, "lag"))

    async def __aenter__(self) -> Self:
        try:
            await self._admin.start()
            await self._consumer.start()
        except KafkaError as error:
            await self._close()
            raise unreachable(self._settings, error) from error
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._close()

    async def _close(self) -> None:
        await self._consumer.stop()
        await self._admin.close()

    async def read(self, topic: str, group: str) -> list[PartitionLag]:
        """Give all partitions of a topic, in order; a passing trouble is waited for.

        Raises: OperationalError
        """
        deadline_s = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            try:
                return await self._read(topic, group)
            except KafkaError as error:
                if not error.retriable or asyncio.get_running_loop().time() > deadline_s:
                    raise OperationalError(f"lag of {group} on {topic}: {type(error).__name__}") from error
            await asyncio.sleep(0.2)

    async def _read(self, topic: str, group: str) -> list[PartitionLag]:
        numbers = await self._partitions(topic)
        partitions = [TopicPartition(topic, number) for number in numbers]
        begins = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        commits = await self._admin.list_consumer_group_offsets(group, partitions=partitions)
        return [
            PartitionLag(topic, tp.partition, begins[tp], ends[tp], _offset(commits.get(tp)))
            for tp in partitions
        ]

    async def _partitions(self, topic: str) -> list[int]:
        [description] = await describe_topics(self._admin, [topic])
        if description["error_code"]:
            raise for_code(description["error_code"])
        return sorted(partition["partition"] for partition in description["partitions"])


def _offset(commit: object) -> int | None:
    offset: int = getattr(commit, "offset", -1)
    return offset if offset >= 0 else None
