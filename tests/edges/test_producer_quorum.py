"""What the producer asks of Kafka, without one."""

import asyncio

from connector.edges import producer as module
from connector.settings import Settings


def test_every_record_is_written_to_all_in_sync_replicas_and_once(monkeypatch):
    asked = []

    class Client:
        def __init__(self, **options):
            asked.append(options)

        async def start(self):
            """Be connected."""

        async def stop(self):
            """Close nothing."""

    monkeypatch.setattr(module, "AIOKafkaProducer", Client)

    asyncio.run(module.start_producer(Settings(kafka_bootstrap_servers="localhost:1")))

    [options] = asked
    assert options["acks"] == "all"
    assert options["enable_idempotence"] is True
