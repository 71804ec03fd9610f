"""What a whole worker answers on its real web port, below a consumer that is not Kafka's."""

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from types import SimpleNamespace

import httpx
import pytest

from connector import wiring
from connector.edges import batch_reader
from connector.edges.control_topic import ControlReader
from connector.edges.heartbeat import Heartbeat
from connector.embedded.ports import free_port
from connector.errors import OperationalError
from connector.settings import Settings
from tests.edges.test_batch_reader import FakeConsumer
from tests.eventually import eventually_async


class NoProducer:
    """Nothing is produced here."""

    async def stop(self):
        pass


@pytest.fixture
def group(monkeypatch):
    """Let workers join a group that is not Kafka's, whose polls hang when told to."""
    facts = {
        "calls": [], "unreachable": 0, "fetch_troubles": deque(), "commit_troubles": deque(),
        "committed": {}, "begins": {}, "is_known": True, "poll_hangs": False,
    }  # fmt: skip
    world = SimpleNamespace(**facts)

    class Consumer(FakeConsumer):
        async def getmany(self, *partitions, **options):
            if world.poll_hangs:
                await asyncio.get_running_loop().create_future()
            return await super().getmany(*partitions, **options)

    async def no_producer(_settings):
        return NoProducer()

    async def no_topic(_control):
        raise OperationalError("no Kafka here")

    async def nothing(_self):
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(wiring, "start_producer", no_producer)
    monkeypatch.setattr(batch_reader, "AIOKafkaConsumer", lambda **settings: Consumer(world, settings))
    monkeypatch.setattr(ControlReader, "read_to_end", no_topic)
    monkeypatch.setattr(ControlReader, "follow", nothing)
    monkeypatch.setattr(Heartbeat, "_run", nothing)
    return world


@pytest.fixture
def running(tmp_path):
    """Run a deliver stage; give a client of its web port."""

    @asynccontextmanager
    async def run(destination="id: test\n", **changes):
        file = tmp_path / "destination.yaml"
        file.write_text(destination)
        port = free_port("127.0.0.1")
        environment = {
            "CONNECTOR_DESTINATION_FILE": str(file),
            "CONNECTOR_ENCHARGE_API_KEY": "k",
            "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "CONNECTOR_WEB_PORT": str(port),
            **changes,
        }
        worker = wiring.Worker(Settings.from_environment(environment), "deliver", environment)
        stop = asyncio.Event()
        task = asyncio.create_task(worker.run(stop))
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
                await eventually_async(lambda: answers(http, "/live"), 15)
                yield http
        finally:
            stop.set()
            await task

    return run


async def answers(http, path):
    """Give the status of an answer, None while nobody listens."""
    try:
        return (await http.get(path)).status_code
    except httpx.TransportError:
        return None


async def test_a_worker_whose_reader_hangs_turns_from_live_to_dead_and_says_why(group, running):
    async with running(CONNECTOR_MAX_POLL_INTERVAL="1s") as http:

        async def is_ready():
            return await answers(http, "/ready") == 200

        await eventually_async(is_ready, 15)
        before = await http.get("/live")
        group.poll_hangs = True

        async def is_dead():
            answer = await http.get("/live")
            return answer if answer.status_code == 503 else None

        dead = (await eventually_async(is_dead, 15)).json()

    assert (before.status_code, before.json()) == (200, {"live": True})
    [reason] = dead["reasons"]
    assert dead["live"] is False
    assert (reason["code"], reason["topic"]) == ("poll_hangs", "segment.events.by-user")
    assert reason["text"].startswith("the reader has not come back from Kafka since 1")


async def test_a_worker_that_has_no_partitions_is_live_and_not_ready(group, running):
    group.unreachable = 10_000

    async with running(CONNECTOR_MAX_POLL_INTERVAL="1s") as http:
        live, ready = await http.get("/live"), await http.get("/ready")

    assert live.status_code == 200
    assert ready.status_code == 503
    assert [(reason["code"], reason["topic"]) for reason in ready.json()["reasons"]] == [
        ("not_assigned", "segment.events.by-user")
    ]


async def test_a_worker_whose_destination_is_disabled_is_live_and_not_ready_and_says_so_in_status(
    group, running
):
    async with running("id: test\nenabled: false\n") as http:

        async def is_reading():
            reasons = (await http.get("/ready")).json()["reasons"]
            return [reason["code"] for reason in reasons] == ["disabled"]

        await eventually_async(is_reading, 15)
        live, status = await http.get("/live"), (await http.get("/status")).json()

    assert live.json() == {"live": True}
    assert status["stuck"] == 0
    assert status["steering"]["shut"] == {"disabled": ""}
