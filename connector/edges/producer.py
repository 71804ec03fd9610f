"""The idempotent producer that forwards events and keeps dead letters."""

from __future__ import annotations

import asyncio

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from connector.edges.kafka import connection
from connector.settings import Settings

RECONNECT_S = 2.0
LARGEST_REQUEST_BYTES = 64 * 1024**2  # dead letters keep the original bytes, however many those are

log = structlog.get_logger(__name__)


async def start_producer(settings: Settings) -> AIOKafkaProducer:
    """Give a connected producer; waits for Kafka as long as it takes."""
    while True:
        producer = AIOKafkaProducer(
            enable_idempotence=True,
            acks="all",
            linger_ms=2,
            max_batch_size=128 * 1024,
            max_request_size=LARGEST_REQUEST_BYTES,
            **connection(settings, "producer"),
        )
        try:
            await producer.start()
        except KafkaError as error:
            log.warning("Kafka cannot be reached, will repeat", error=str(error))
            await producer.stop()
            await asyncio.sleep(RECONNECT_S)
        else:
            return producer
