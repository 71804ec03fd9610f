"""A console on a real port, over a snapshot that the test gives; no Kafka."""

import time

import httpx
import pytest
from aiohttp import web

from connector.edges.console.app import make_console
from connector.edges.console.parts import Process
from connector.edges.console.snapshot import Snapshot
from connector.edges.status_report import Report
from connector.settings import Settings

TOKEN = "a-token-of-the-tests"


class Looks:
    """Gives the snapshot that was put into it."""

    def __init__(self):
        self.now = Snapshot(time.time(), {}, Report(time.time(), "localhost:9092", [], [], []))

    def want(self):
        pass

    async def snapshot(self):
        return self.now

    async def close(self):
        pass


@pytest.fixture
def looks():
    return Looks()


@pytest.fixture
def settings(tmp_path):
    """Overridden by modules that need other ones."""
    return Settings(console_token=TOKEN, destination_file=tmp_path / "destination.yaml")


@pytest.fixture
def process(settings):
    return Process(settings=settings, environment={}, instance="here-1", facts=dict)


@pytest.fixture
async def console_url(process, looks):
    app = web.Application()
    app.add_subapp("/console", make_console(process, looks))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def http(console_url):
    """Somebody who did not sign in."""
    async with httpx.AsyncClient(base_url=console_url, trust_env=False) as client:
        yield client


class SignedIn:
    """Somebody with a session, who sends the proof along as our forms do."""

    def __init__(self, client):
        self.client = client
        self.proof = ""

    async def sign_in(self):
        await self.client.post("/console/sign-in", data={"token": TOKEN})
        text = (await self.client.get("/console/")).text
        self.proof = text.split('name="csrf" value="', 1)[1].split('"', 1)[0]

    async def get(self, path, **options):
        return await self.client.get(path, **options)

    async def post(self, path, data=None, **options):
        return await self.client.post(path, data={"csrf": self.proof, **(data or {})}, **options)


@pytest.fixture
async def signed_in(console_url):
    async with httpx.AsyncClient(base_url=console_url, trust_env=False) as client:
        somebody = SignedIn(client)
        await somebody.sign_in()
        yield somebody
