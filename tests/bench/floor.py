"""What the hardware and the libraries allow: the worker's consumer and sender, and nothing between them.

Reads the topic with aiokafka's `getmany` and posts each record's value as it is, as many at once as a worker
may: no mapping, no lanes, no order, no retries, offsets committed at the end.
"""

import asyncio
import os
import signal
import uuid

import uvloop
from aiokafka import AIOKafkaConsumer

from connector.core import Request
from connector.core.request import headers
from connector.edges.http1 import Http1Sender


async def main():
    environment = {name.removeprefix("CONNECTOR_"): value for name, value in os.environ.items()}
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    consumer = AIOKafkaConsumer(
        environment["SOURCE_TOPIC"],
        bootstrap_servers=environment["KAFKA_BOOTSTRAP_SERVERS"],
        group_id=f"{environment['GROUP_ID']}.deliver.bench",
        client_id=uuid.uuid4().hex,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    head, url = headers(environment["ENCHARGE_API_KEY"]), environment["ENCHARGE_INGEST_URL"]
    waiting = asyncio.Queue(maxsize=4000)

    async def send_all(sender):
        while True:
            record = await waiting.get()
            await sender.send(Request("POST", url, head, record.value))

    async with Http1Sender(timeout_s=10.0) as sender:
        workers = [asyncio.ensure_future(send_all(sender)) for _ in range(int(environment["MAX_IN_FLIGHT"]))]
        while not stop.is_set():
            for records in (await consumer.getmany(timeout_ms=200, max_records=500)).values():
                for record in records:
                    await waiting.put(record)
        for worker in workers:
            worker.cancel()
        await consumer.commit()
        await consumer.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
