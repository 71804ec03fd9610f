"""How far consumer groups are behind, from Kafka alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError, for_code
from aiokafka.structs import TopicPartition

from connector.delivery.offset_map import decode_map
from connector.edges.aiokafka_internals import describe_topics
from connector.edges.kafka import connection
from connector.edges.kafka_trouble import in_words, trouble
from connector.errors import OperationalError
from connector.settings import Settings

PATIENCE_S = 10.0  # a new cluster makes its coordinator when it is first asked
OLDEST_S: Final = 3.0  # for the first records of all lagging partitions together
FIRST_BYTES: Final = 16 * 1024  # of each partition that are fetched to find its first record


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition for one group; offsets as Kafka knows them, `committed` None before any commit.

    settled_above  offsets above the committed one that are settled, by the map in the commit's metadata
    """

    topic: str
    partition: int
    begin: int
    end: int
    committed: int | None
    settled_above: int = 0

    @property
    def position(self) -> int:
        """The offset from which a new owner would read."""
        return self.begin if self.committed is None else max(self.committed, self.begin)

    @property
    def lag(self) -> int:
        """Records not yet committed."""
        return max(self.end - self.position, 0)


class GroupState(NamedTuple):
    """A consumer group as its coordinator sees it: Stable, Empty, Dead, …, and how many belong to it."""

    state: str
    members: int


class LagReader:
    """Asks Kafka for ends and commits; to be used as an async context manager.

    Entering raises OperationalError when Kafka cannot be reached.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = AIOKafkaAdminClient(**connection(settings, "lag"))
        self._consumer = AIOKafkaConsumer(**connection(settings, "lag"))
        self._peek: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._admin.start()
            await self._consumer.start()
        except KafkaError as error:
            await self._close()
            raise await trouble(self._settings, "Kafka", error) from error
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._close()

    async def _close(self) -> None:
        if self._peek is not None:
            await self._peek.stop()
        await self._consumer.stop()
        await self._admin.close()

    async def read(self, topic: str, group: str) -> list[PartitionLag]:
        """Give all partitions of a topic, in order; a passing trouble is waited for.

        Raises: OperationalError
        """
        found: list[PartitionLag] = await self._patiently(
            f"lag of {group} on {topic}", self._read, topic, group
        )
        return found

    async def _read(self, topic: str, group: str) -> list[PartitionLag]:
        numbers = await self._partitions(topic)
        partitions = [TopicPartition(topic, number) for number in numbers]
        begins = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        commits = await self._admin.list_consumer_group_offsets(group, partitions=partitions)
        return [
            PartitionLag(topic, tp.partition, begins[tp], ends[tp], *_committed(commits.get(tp), ends[tp]))
            for tp in partitions
        ]

    async def missing(self, topics: Iterable[str]) -> set[str]:
        """Give those topics that do not exist; a passing trouble is waited for.

        Raises: OperationalError
        """
        names = sorted(set(topics))
        found = await self._patiently("topics", describe_topics, self._admin, names)
        return {each["topic"] for each in found if each["error_code"] == UnknownTopicOrPartitionError.errno}

    async def groups(self, prefix: str) -> list[str]:
        """Give the consumer groups whose names begin so, as far as we may see them.

        Raises: OperationalError
        """
        found = await self._patiently("groups", self._admin.list_consumer_groups)
        return sorted(name for name, *_ in found if name.startswith(prefix))

    async def state(self, group: str) -> GroupState:
        """Give the state of a group.

        Raises: OperationalError
        """
        found: GroupState = await self._patiently(f"group {group}", self._state, group)
        return found

    async def _state(self, group: str) -> GroupState:
        [response] = await self._admin.describe_consumer_groups([group])
        [[error_code, _name, state, _kind, _protocol, members, *_]] = response.groups
        if error_code:  # a coordinator that has just moved, most often
            raise for_code(error_code)
        return GroupState(state, len(members))

    async def _patiently(self, what: str, ask: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        deadline_s = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            try:
                return await ask(*arguments)
            except KafkaError as error:
                if not error.retriable or asyncio.get_running_loop().time() > deadline_s:
                    raise OperationalError(f"{what}: {in_words(error)}") from error
            await asyncio.sleep(0.2)

    async def oldest(self, lagging: Iterable[PartitionLag]) -> Mapping[tuple[str, int], float | None]:
        """Give the time (epoch seconds) of the first record that each of these has not committed.

        None where there is none up to the end: what lies there are marks of transactions. Left out is what
        could not be read within OLDEST_S.
        """
        wanted = {TopicPartition(each.topic, each.partition): each for each in lagging if each.lag}
        found: dict[tuple[str, int], float | None] = {}
        if not wanted:
            return found
        try:
            async with asyncio.timeout(OLDEST_S):
                await self._find_oldest(wanted, found)
        except TimeoutError:
            return found  # the age of some is not known, all else is
        except KafkaError:
            peek, self._peek = self._peek, None
            if peek is not None:
                await peek.stop()
        return found

    async def _find_oldest(
        self, wanted: Mapping[TopicPartition, PartitionLag], found: dict[tuple[str, int], float | None]
    ) -> None:
        consumer = await self._peeking()
        consumer.assign(list(wanted))
        for tp, each in wanted.items():
            consumer.seek(tp, each.position)
        while len(found) < len(wanted):
            for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                found.setdefault((tp.topic, tp.partition), records[0].timestamp / 1000)
                consumer.pause(tp)
            for tp, each in wanted.items():
                if tuple(tp) not in found and await consumer.position(tp) >= each.end:
                    found[tp.topic, tp.partition] = None

    async def _peeking(self) -> AIOKafkaConsumer:
        if self._peek is None:
            consumer = AIOKafkaConsumer(
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                max_partition_fetch_bytes=FIRST_BYTES,
                **connection(self._settings, "lag"),
            )
            self._peek = consumer
            await consumer.start()
        return self._peek

    async def _partitions(self, topic: str) -> list[int]:
        [description] = await describe_topics(self._admin, [topic])
        if description["error_code"]:
            raise for_code(description["error_code"])
        return sorted(partition["partition"] for partition in description["partitions"])


def _committed(commit: object, end: int) -> tuple[int | None, int]:
    offset: int = getattr(commit, "offset", -1)
    if offset < 0:
        return None, 0
    runs = decode_map(offset, getattr(commit, "metadata", None)).completed
    return offset, sum(min(run.last, end - 1) - run.first + 1 for run in runs if run.first < end)
