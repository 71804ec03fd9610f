"""Records that are written to see whether that works, by a producer as a worker's, and read back."""

from __future__ import annotations

import uuid
from contextlib import AsyncExitStack
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from connector.edges.kafka import connection
from connector.errors import OperationalError
from connector.settings import Settings

PROBE_CODE: Final = "probe"
PROBE_KEY: Final = "check/"  # and something random: nobody else's key
READ_TIMEOUT_MS: Final = 10_000


async def probe_dead_letters(settings: Settings) -> int:
    """Write a dead letter of code `probe` and read it back; give its offset.

    Raises: OperationalError
    """
    headers = [("encharge.code", PROBE_CODE.encode())]
    return await _write_and_read(settings, settings.dead_letter_topic, None, b"{}", headers)


async def probe_control(settings: Settings) -> int:
    """Write a control record under a key of its own, read it back and remove it; give its offset.

    Raises: OperationalError
    """
    key = f"{PROBE_KEY}{uuid.uuid4().hex}".encode()
    return await _write_and_read(settings, settings.control_topic, key, b'{"probe": true}', [], remove=True)


async def _write_and_read(
    settings: Settings,
    topic: str,
    key: bytes | None,
    value: bytes,
    headers: list[tuple[str, bytes]],
    *,
    remove: bool = False,
) -> int:
    arguments: dict[str, Any] = connection(settings, "check")
    async with AsyncExitStack() as stack:
        try:
            producer = AIOKafkaProducer(
                enable_idempotence=True, acks="all", request_timeout_ms=15_000, **arguments
            )
            stack.push_async_callback(producer.stop)
            await producer.start()
            consumer = AIOKafkaConsumer(auto_offset_reset="none", **arguments)
            stack.push_async_callback(consumer.stop)
            await consumer.start()
            written = await producer.send_and_wait(topic, value, key=key, headers=headers)
            partition = TopicPartition(topic, written.partition)
            consumer.assign([partition])
            consumer.seek(partition, written.offset)
            found = await consumer.getmany(partition, timeout_ms=READ_TIMEOUT_MS)
            if remove:
                await producer.send_and_wait(topic, None, key=key)
        except KafkaError as error:
            raise OperationalError(f"{topic}: {type(error).__name__}") from error
    if not any(record.offset == written.offset for record in found.get(partition, ())):
        raise OperationalError(
            f"{topic}: a probe was written, but could not be read back within {READ_TIMEOUT_MS / 1000:g} s"
        )
    return int(written.offset)
