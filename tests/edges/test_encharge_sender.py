"""The sender on real sockets against the stand-in Encharge."""

import asyncio
import socket

import orjson
import pytest

from connector.core import Request
from connector.core.request import headers
from connector.delivery.outcome import NoReply, Reply
from connector.edges.encharge_sender import EnchargeSender
from connector.simulator import Simulator, SimulatorConfig

BODY = orjson.dumps({"type": "track", "event": "X", "user": {"userId": "u1"}, "messageId": "m1"})


@pytest.fixture
async def simulator():
    async with Simulator(SimulatorConfig(tokens=("test-key",))) as simulator:
        yield simulator


@pytest.fixture
async def sender():
    async with EnchargeSender(timeout_s=2.0, max_connections=8) as sender:
        yield sender


def request(url, key="test-key", body=BODY, method="POST"):
    return Request(method, url, headers(key), body)


async def test_a_request_goes_over_the_wire_as_it_was_planned(simulator, sender):
    answer = await sender.send(request(f"{simulator.url}/v1"))

    assert answer == Reply(200)
    [logged] = simulator.requests()
    assert logged["body"] == orjson.loads(BODY)
    found = {name.lower(): value for name, value in logged["headers"].items()}
    assert found["content-type"] == "application/json"
    assert found["x-segment-actions"] == "1"
    assert found["user-agent"] == "Segment (Actions)"


async def test_a_delete_carries_its_body(simulator, sender):
    tag = orjson.dumps({"tag": "vip", "userId": "u1"})

    answer = await sender.send(request(f"{simulator.url}/v1/tags", body=tag, method="DELETE"))

    assert 200 <= answer.status < 300
    assert simulator.requests()[0]["body"] == {"tag": "vip", "userId": "u1"}


async def test_connections_are_reused(simulator, sender):
    for _ in range(20):
        await sender.send(request(f"{simulator.url}/v1"))

    assert simulator.stats()["connections"] == 1


async def test_a_refusal_comes_with_its_body(simulator, sender):
    answer = await sender.send(request(f"{simulator.url}/v1", key="wrong"))

    assert answer.status == 401
    assert "error" in orjson.loads(answer.body)


async def test_retry_after_is_passed_on(simulator, sender):
    simulator.configure(rate_429=1.0, retry_after="7")

    answer = await sender.send(request(f"{simulator.url}/v1"))

    assert (answer.status, answer.retry_after) == (429, "7")


async def test_no_answer_in_time_is_a_timeout(simulator, sender):
    simulator.configure(stall_s=30)

    assert (await sender.send(request(f"{simulator.url}/v1"))).reason == "timeout"


async def test_a_reset_connection_is_trouble_on_the_wire(simulator, sender):
    simulator.configure(rate_reset=1.0)

    assert isinstance(await sender.send(request(f"{simulator.url}/v1")), NoReply)


async def test_nobody_listening_is_a_failed_connect(sender):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    assert (await sender.send(request(f"http://127.0.0.1:{port}/v1"))).reason == "connect"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(sender, status):
    async def redirect(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n" % status)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        answer = await sender.send(request(f"http://127.0.0.1:{port}/v1"))

    assert answer.status == status
