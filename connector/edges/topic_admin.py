"""Compares the topics of a cluster with what they should be, and creates or changes them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Literal

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from connector.edges.aiokafka_internals import describe_topics
from connector.edges.kafka import connection
from connector.edges.kafka_trouble import RIGHTS, in_words, trouble
from connector.errors import OperationalError
from connector.settings import Settings
from topics import TopicSpec, load_topics

UNKNOWN_TOPIC = 3
TOPIC_EXISTS = 36
DYNAMIC_TOPIC_CONFIG = 1  # source of a topic setting that was made for this topic


@dataclass(frozen=True, slots=True)
class TopicDiff:
    """One topic as it is and as it should be.

    changes  settings that differ: name -> (actual or None, wanted)
    target   partitions that somebody asked for; 0: as specified when it is new, else those it has
    """

    spec: TopicSpec
    name: str
    exists: bool
    partitions: int = 0
    changes: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)
    target: int = 0

    @property
    def needs(self) -> Literal["nothing", "create", "change", "grow"]:
        """What `topics apply` would do; a topic that needs a change may have to grow as well."""
        if not self.exists:
            return "create"
        if self.changes:
            return "change"
        return "grow" if self.grows else "nothing"

    @property
    def grows(self) -> bool:
        """Whether an existing topic gets partitions."""
        return self.exists and self.target > self.partitions

    @property
    def new_partitions(self) -> int:
        """Partitions it has, or gets when it is made."""
        return self.partitions or self.target or self.spec.partitions


class TopicAdmin:
    """Looks at topics and applies the specifications."""

    def __init__(self, client: AIOKafkaAdminClient, settings: Settings) -> None:
        self._client, self._settings = client, settings

    @property
    def client(self) -> AIOKafkaAdminClient:
        """Give the connected client, for other questions than those about topics."""
        return self._client

    async def diff(self, only: Container[str] | None = None) -> list[TopicDiff]:
        """Compare every topic that the settings make use of, or of these only the ones named.

        Raises: OperationalError
        """
        wanted = [each for each in topics_in_use(self._settings) if only is None or each[1] in only]
        found = await self._partitions([name for _, name in wanted])
        actual = await self._configs(list(found))
        return [_diff(spec, name, found.get(name), actual.get(name, {})) for spec, name in wanted]

    async def apply(self, diff: TopicDiff) -> None:
        """Create a topic, or change its settings and add partitions.

        Raises: OperationalError
        """
        if diff.needs == "create":
            await self._create(diff)
            return
        if diff.changes:
            await self._change(diff)
        if diff.grows:
            await self.grow(diff.name, diff.target)

    async def partition_counts(self, names: Sequence[str]) -> dict[str, int]:
        """Give the number of partitions of those topics that exist.

        Raises: OperationalError
        """
        return await self._partitions(names)

    async def _partitions(self, names: Iterable[str]) -> dict[str, int]:
        with _told("topics cannot be described"):
            described = await describe_topics(self._client, names)
        found = {}
        for topic in described:
            error = topic["error_code"]
            if error == 0:
                found[topic["topic"]] = len(topic["partitions"])
            elif error != UNKNOWN_TOPIC:
                raise OperationalError(f"{topic['topic']}: {_explained(error)}")
        return found

    async def _configs(self, names: Sequence[str]) -> dict[str, dict[str, tuple[str | None, bool]]]:
        """Give name -> setting -> (value, whether it was set for this topic)."""
        if not names:
            return {}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        with _told("topic settings cannot be read"):
            responses = await self._client.describe_configs(resources)
        found: dict[str, dict[str, tuple[str | None, bool]]] = {}
        for response in responses:
            for error, _message, _type, name, entries in response.resources:
                if error:
                    raise OperationalError(f"{name}: {_explained(error)}")
                found[name] = {entry[0]: (entry[1], entry[3] == DYNAMIC_TOPIC_CONFIG) for entry in entries}
        return found

    async def _create(self, diff: TopicDiff) -> None:
        topic = NewTopic(
            diff.name,
            diff.new_partitions,
            self._settings.topic_replication or 1,
            topic_configs=dict(diff.spec.settings),
        )
        if self._settings.topic_replication is None:
            topic.replication_factor = -1  # the broker's default; the constructor refuses it
        with _told(f"{diff.name} cannot be created"):
            response = await self._client.create_topics([topic])
        for name, error, *message in response.topic_errors:
            if error and error != TOPIC_EXISTS:
                raise OperationalError(f"{name}: {_explained(error, *message)}")

    async def _change(self, diff: TopicDiff) -> None:
        # AlterConfigs replaces all settings of a topic, so those made by others are sent along.
        current = (await self._configs([diff.name]))[diff.name]
        settings = {name: value for name, (value, is_own) in current.items() if is_own}
        settings |= {name: wanted for name, (_, wanted) in diff.changes.items()}
        resource = ConfigResource(ConfigResourceType.TOPIC, diff.name, configs=settings)
        with _told(f"settings of {diff.name} cannot be changed"):
            responses = await self._client.alter_configs([resource])
        for response in responses:
            for error, message, _type, name in response.resources:
                if error:
                    raise OperationalError(f"{name}: {_explained(error, message)}")

    async def grow(self, name: str, partitions: int) -> None:
        """Add partitions to a topic, up to this number; Kafka cannot take any away.

        Raises: OperationalError
        """
        with _told(f"partitions of {name} cannot be added"):
            response = await self._client.create_partitions({name: NewPartitions(partitions)})
        for _name, error, *message in response.topic_errors:
            if error:
                raise OperationalError(f"{name}: {_explained(error, *message)}")


@asynccontextmanager
async def topic_admin(settings: Settings) -> AsyncIterator[TopicAdmin]:
    """Connect to the cluster.

    Raises: OperationalError when it cannot be reached
    """
    client = AIOKafkaAdminClient(request_timeout_ms=15_000, **connection(settings, "admin"))
    try:
        await client.start()
    except KafkaError as error:
        await client.close()
        raise await trouble(settings, "Kafka", error) from error
    try:
        yield TopicAdmin(client, settings)
    finally:
        await client.close()


def topics_in_use(settings: Settings) -> list[tuple[TopicSpec, str]]:
    """Give the specifications with the names that the settings give them."""
    names = {
        "source": settings.source_topic,
        "by-user": settings.by_user_topic,
        "dead-letter": settings.dead_letter_topic,
        "control": settings.control_topic,
    }
    return [
        (spec, names[spec.role])
        for spec in load_topics()
        if not (spec.role == "by-user" and settings.partitioning == "source")
    ]


def _diff(
    spec: TopicSpec, name: str, partitions: int | None, actual: Mapping[str, tuple[str | None, bool]]
) -> TopicDiff:
    if partitions is None:
        return TopicDiff(spec, name, exists=False)
    changes = {
        setting: (actual.get(setting, (None, False))[0], wanted)
        for setting, wanted in spec.settings.items()
        if actual.get(setting, (None, False))[0] != wanted
    }
    if spec.role == "source":  # somebody else's topic: created when missing, never changed
        changes = {}
    return TopicDiff(spec, name, exists=True, partitions=partitions, changes=changes)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn Kafka's errors into ours, with what was being done."""
    try:
        yield
    except KafkaError as error:
        raise OperationalError(f"{what}: {in_words(error)}") from error


def _explained(code: int, message: str | None = None) -> str:
    error = for_code(code)
    if issubclass(error, RIGHTS):
        return in_words(error())
    return message or error.description or error.__name__
