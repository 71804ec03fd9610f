"""The control topic: what all workers of a group must know, and what survives restarts.

A compacted topic with one partition. Everybody who wants to know reads it from its beginning, outside of
any consumer group, and goes on reading; the newest value of a key counts. Nothing is taken twice: what was
said before a flood does not end it. Without the topic nothing is paused, and the worker says so once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from connector.edges.kafka import connection
from connector.edges.kafka_trouble import in_words, missing_topic, trouble
from connector.edges.topic_admin import topic_admin
from connector.errors import OperationalError
from connector.settings import Settings

PAUSE_PREFIX: Final = "pause/"
READ_TIMEOUT_S: Final = 15.0
RECONNECT_S: Final = 5.0

log = structlog.get_logger(__name__)


class Pause(NamedTuple):
    """Whether a destination is paused, since when (epoch seconds), by whom and why."""

    paused: bool
    at: float
    by: str = ""
    note: str = ""


class ControlReader:
    """Follows the control topic; `values` holds the newest value of every key."""

    def __init__(
        self, settings: Settings, on_change: Callable[[str, Any], None] = lambda _key, _value: None
    ) -> None:
        self._settings, self._on_change = settings, on_change
        self._partition = TopicPartition(settings.control_topic, 0)
        self._told = False
        self._next_offset = 0
        self.values: dict[str, Any] = {}

    async def read_to_end(self, *, must_exist: bool = False) -> None:
        """Read what is there now. Returns without it when the topic is missing and need not exist.

        Raises: OperationalError when we may not read it, or Kafka does not answer in time
        """
        # A consumer does not tell a topic that it may not see from one that is missing.
        if not await _exists(self._settings) and must_exist:
            raise missing_topic(self._partition.topic)
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                consumer = await self._connect()
                try:
                    if consumer is not None:
                        end = (await consumer.end_offsets([self._partition]))[self._partition]
                        while await consumer.position(self._partition) < end:
                            self._take(await consumer.getmany(timeout_ms=200))
                finally:
                    if consumer is not None:
                        await consumer.stop()
        except TimeoutError as error:
            raise OperationalError(f"{self._partition.topic} cannot be read: TimeoutError") from error
        except KafkaError as error:
            raise await trouble(self._settings, self._partition.topic, error) from error

    async def follow(self) -> None:
        """Go on reading until cancelled; whatever is wrong with Kafka is waited for."""
        while True:
            consumer = None
            try:
                consumer = await self._connect()
                while consumer is not None:
                    self._take(await consumer.getmany(timeout_ms=1000))
            except KafkaError as error:
                log.warning(
                    "control topic cannot be read, will repeat",
                    topic=self._partition.topic,
                    error=in_words(error),
                )
            finally:
                if consumer is not None:
                    await consumer.stop()
            await asyncio.sleep(RECONNECT_S)

    async def _connect(self) -> AIOKafkaConsumer | None:
        consumer = AIOKafkaConsumer(
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",  # a redrive writes here in transactions
            **connection(self._settings, "control"),
        )
        try:
            await consumer.start()
            if self._partition.topic in await consumer.topics():
                await self._begin(consumer)
                return consumer
        except BaseException:
            await consumer.stop()
            raise
        await consumer.stop()
        if not self._told:
            self._told = True
            log.warning(
                "control topic is missing, the destination cannot be paused by command;"
                " `encharge-connector topics apply` makes it",
                topic=self._partition.topic,
            )
        return None

    async def _begin(self, consumer: AIOKafkaConsumer) -> None:
        consumer.assign([self._partition])
        end = (await consumer.end_offsets([self._partition]))[self._partition]
        was_made_anew = end < self._next_offset
        consumer.seek(self._partition, 0 if was_made_anew else self._next_offset)

    def _take(self, found: Mapping[TopicPartition, Any]) -> None:
        for records in found.values():
            for record in records:
                self._next_offset = record.offset + 1
                self._take_one(record.key, record.value)

    def _take_one(self, key: bytes | None, value: bytes | None) -> None:
        name = (key or b"").decode("utf-8", "replace")
        try:
            parsed = None if value is None else orjson.loads(value)
        except orjson.JSONDecodeError:
            log.warning("control record is not JSON, passed over", key=name)
            return
        if parsed is None:
            self.values.pop(name, None)
        else:
            self.values[name] = parsed
        self._on_change(name, parsed)


def pause_of(value: Any) -> Pause | None:
    """Read the value of a pause key; None for one that says nothing."""
    if not isinstance(value, dict) or not isinstance(value.get("paused"), bool):
        return None
    at = value.get("at")
    texts = {name: text for name in ("by", "note") if isinstance(text := value.get(name), str)}
    return Pause(value["paused"], float(at) if isinstance(at, (int, float)) else 0.0, **texts)


async def tell_pause(settings: Settings, destination: str, *, paused: bool, by: str, note: str) -> None:
    """Pause or resume a destination in all its workers.

    Raises: OperationalError when it cannot be written
    """
    value = Pause(paused, time.time(), by, note)._asdict()
    await tell(settings, f"{PAUSE_PREFIX}{destination}", value)


async def tell(settings: Settings, key: str, value: Any) -> None:
    """Write one control record.

    Raises: OperationalError when it cannot be written
    """
    if not await _exists(settings):  # a producer would wait for it
        raise missing_topic(settings.control_topic)
    producer = AIOKafkaProducer(acks="all", request_timeout_ms=15_000, **connection(settings, "control"))
    try:
        await producer.start()
        await producer.send_and_wait(settings.control_topic, orjson.dumps(value), key=key.encode())
    except KafkaError as error:
        raise await trouble(settings, settings.control_topic, error) from error
    finally:
        await producer.stop()


async def _exists(settings: Settings) -> bool:
    async with topic_admin(settings) as admin:
        return bool(await admin.partition_counts([settings.control_topic]))
