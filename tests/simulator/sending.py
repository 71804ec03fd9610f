"""What the tests of the simulator send, and how they wait."""

import asyncio

import httpx

KEY = "key-of-the-tests"


def track(user, event="Order Completed", /, **more):
    """Give the body of a track event as the connector builds it."""
    return {"type": "track", "event": event, "userId": user, "user": {"userId": user}, "context": {}, **more}


def identify(user, /, **traits):
    """Give the body of an identify event as the connector builds it."""
    return {"type": "identify", "userId": user, "user": {"userId": user, **traits}, "context": {}}


def group(company, /, **more):
    """Give the body of a group event as the connector builds it."""
    return {
        "type": "group",
        "objectType": "company",
        "properties": {"externalId": company},
        "user": {},
        **more,
    }


class Sender:
    """Sends to a simulator as the connector does."""

    def __init__(self, url, token=KEY):
        self.http = httpx.AsyncClient(
            base_url=url,
            headers={"X-Encharge-Token": token, "User-Agent": "Segment (Actions)"},
            trust_env=False,
            timeout=10,
        )

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_exc):
        await self.http.aclose()

    async def ingest(self, body):
        return await self.http.post("/v1", json=body)

    async def add_tag(self, **body):
        return await self.http.post("/v1/tags", json=body)

    async def remove_tag(self, **body):
        return await self.http.request("DELETE", "/v1/tags", json=body)

    async def find(self, query):
        return (await self.http.get(f"/v1/people?{query}")).json()["users"]


async def until(check, *, within_s=5.0):
    """Let the event loop run until something holds."""
    async with asyncio.timeout(within_s):
        while not check():
            await asyncio.sleep(0)


async def under_way(simulator, coroutine):
    """Start a request and come back once the simulator is at work on it."""
    before = simulator.stats()["requests"]
    task = asyncio.ensure_future(coroutine)
    await until(lambda: simulator.stats()["requests"] == before + 1)
    return task


async def abandoned(task):
    """Take a request back, as a sender with a time limit does."""
    task.cancel()
    await asyncio.wait([task])
