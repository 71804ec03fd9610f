"""What scenarios found by chance, in its smallest form and without a broker."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

import connector.edges.kafka
from connector.core import Request
from connector.edges.http1 import Http1Sender


@asynccontextmanager
async def silent_server():
    """Give a port on which nobody ever answers, and a queue that is told of arrivals and of partings."""
    seen = asyncio.Queue()

    async def listen(reader, writer):
        while data := await reader.read(65536):
            seen.put_nowait(len(data))
        seen.put_nowait("gone")
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


def test_a_write_to_a_closed_connection_of_kafka_is_a_lost_connection_on_uvloop_too():
    assert connector.edges.kafka  # mends aiokafka when it is imported

    async def story():
        async with silent_server() as (port, _):
            connection = AIOKafkaConnection("127.0.0.1", port)
            connection._do_version_lookup = lambda: asyncio.sleep(0)
            await connection.connect()
            connection._versions = {MetadataRequest.API_KEY: (0, 5)}
            connection._writer.transport.abort()
            await asyncio.sleep(0)  # closed now, and nobody was told yet
            with pytest.raises(KafkaConnectionError):
                connection.send(MetadataRequest([]))
            assert not connection.connected()

    uvloop.run(story())


async def test_a_request_that_nobody_waits_for_any_more_is_taken_from_a_server_that_hangs():
    async with silent_server() as (port, seen), Http1Sender(timeout_s=60) as sender:
        request = Request("POST", f"http://127.0.0.1:{port}/v1", {"Content-Type": "application/json"}, b"{}")
        sending = asyncio.ensure_future(sender.send(request))
        arrived = await asyncio.wait_for(seen.get(), 10)
        sending.cancel()

        assert arrived
        assert await asyncio.wait_for(seen.get(), 10) == "gone"
        assert sending.cancelled()
