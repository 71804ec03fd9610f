"""The idempotent producer that forwards events and keeps dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from connector.edges.aiokafka_internals import stop_producer
from connector.edges.kafka import connection
from connector.edges.kafka_trouble import Refused, trouble
from connector.settings import Settings

RECONNECT_S = 2.0
STOP_S = 5.0
LARGEST_REQUEST_BYTES = 64 * 1024**2  # dead letters keep the original bytes, however many those are

log = structlog.get_logger(__name__)

Headers = Sequence[tuple[str, bytes]]


class Producer:
    """Writes records; replaces its client when that cannot go on.

    A batch that the broker refuses for good (too large, not allowed) has used up sequence numbers that the
    broker never counted. aiokafka 0.14 does not take them back, so the broker refuses everything after it
    for that partition (OutOfOrderSequenceNumber), and only a new client gets out of that. What the old one
    has still to write comes before anything that is written anew, as its callers wait for it.
    """

    def __init__(self, settings: Settings, client: AIOKafkaProducer) -> None:
        self._settings, self._client = settings, client
        self._is_broken = False
        self._replacing = asyncio.Lock()
        self._old: set[asyncio.Task[None]] = set()

    async def send(
        self, topic: str, value: bytes | None, *, key: bytes | None, headers: Headers
    ) -> asyncio.Future[Any]:
        """Queue a record; the future is done once it is written to the quorum.

        Raises: KafkaError, as does the future
        """
        client = await self._working_client()
        try:
            future: asyncio.Future[Any] = await client.send(topic, value, key=key, headers=headers)
        except KafkaError as error:
            self._note(client, error)
            raise
        future.add_done_callback(partial(self._note_result, client))
        return future

    async def send_and_wait(
        self, topic: str, value: bytes | None, *, key: bytes | None, headers: Headers
    ) -> None:
        """Return once the record is written to the quorum.

        Raises: KafkaError
        """
        await (await self.send(topic, value, key=key, headers=headers))

    async def stop(self) -> None:
        """Write what is queued, unless that takes longer than STOP_S, and close all connections.

        What was not written was not committed or settled either, so it is done again.
        """
        await asyncio.gather(_stop(self._client), *self._old)

    def _note_result(self, client: AIOKafkaProducer, future: asyncio.Future[Any]) -> None:
        error = None if future.cancelled() else future.exception()
        if isinstance(error, KafkaError):
            self._note(client, error)

    def _note(self, client: AIOKafkaProducer, error: KafkaError) -> None:
        if client is self._client and not error.retriable:
            self._is_broken = True

    async def _working_client(self) -> AIOKafkaProducer:
        if self._is_broken:
            async with self._replacing:
                if self._is_broken:
                    log.info("producer cannot go on, making another")
                    old, self._client = self._client, await _connected(self._settings)
                    self._is_broken = False
                    closing = asyncio.create_task(_stop(old))
                    self._old.add(closing)
                    closing.add_done_callback(self._old.discard)
        return self._client


async def _stop(client: AIOKafkaProducer) -> None:
    if not await stop_producer(client, STOP_S):
        log.warning("producer stopped with records that it could not write; they will be done again")


async def start_producer(settings: Settings) -> Producer:
    """Give a connected producer; waits for Kafka as long as it takes.

    Raises: Refused when waiting does not help
    """
    return Producer(settings, await _connected(settings, insists=False))


async def _connected(settings: Settings, *, insists: bool = True) -> AIOKafkaProducer:
    """Connect; one that insists waits also when it is refused: others may have the new password before us."""
    while True:
        client = AIOKafkaProducer(
            enable_idempotence=True,
            acks="all",
            linger_ms=2,
            max_batch_size=128 * 1024,
            max_request_size=LARGEST_REQUEST_BYTES,
            **connection(settings, "producer"),
        )
        try:
            await client.start()
        except KafkaError as error:
            await client.stop()
            told = await trouble(settings, "producer", error)
            if isinstance(told, Refused) and not insists:
                raise told from error
            log.warning("Kafka cannot be reached, will repeat", error=str(told))
            await asyncio.sleep(RECONNECT_S)
        except BaseException:
            await client.stop()
            raise
        else:
            return client
