"""Live parts, over real connections."""

import asyncio
import itertools

import aiohttp
import pytest
from aiohttp import web

from connector.edges.console import live
from connector.edges.console.live import Stream, frame
from tests.eventually import eventually_async


@pytest.fixture
def stream():
    return Stream()


@pytest.fixture
async def url(stream):
    app = web.Application()
    app.router.add_get("/live", stream.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/live"
    stream.close()
    await runner.cleanup()


@pytest.fixture
async def client():
    async with aiohttp.ClientSession() as session:
        yield session


async def next_event(answer):
    """The next event as (name, text); comments and `retry:` are passed over."""
    lines = []
    while True:
        line = (await asyncio.wait_for(answer.content.readline(), 5)).decode().rstrip("\n")
        if line:
            lines.append(line)
        elif any(each.startswith("event: ") for each in lines):
            name = next(each for each in lines if each.startswith("event: ")).removeprefix("event: ")
            return name, "\n".join(each.removeprefix("data: ") for each in lines if each.startswith("data: "))
        else:
            lines = []


async def watched(stream, number):
    await eventually_async(lambda: stream.watchers == number, within_s=5)


def test_a_text_is_one_line_without_its_indentation():
    assert frame("part", "<p>\n  a\r\n\n  b</p>\n") == b"event: part\ndata: <p> a b</p>\n\n"


@pytest.mark.parametrize(
    "text", ["a\nevent: other", "a\r\revent: other", "a\u2028event: other", "a\n\ndata: x"]
)
def test_no_text_can_begin_an_event_of_its_own(text):
    assert frame("part", text).decode().splitlines()[:2] == ["event: part", f"data: {' '.join(text.split())}"]
    assert frame("part", text).count(b"\n") == 3


async def test_whoever_comes_is_shown_everything_that_others_were_told_last(stream, url, client):
    async with client.get(url) as first:
        await watched(stream, 1)
        await stream.publish({"a": "one"})
        await stream.publish({"a": "two", "b": "three"})

        async with client.get(url) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            assert [await next_event(answer), await next_event(answer)] == [("a", "two"), ("b", "three")]
        assert await next_event(first) == ("a", "one")


async def test_what_was_told_to_those_who_went_is_not_told_to_who_comes_later(stream, url, client):
    async with client.get(url):
        await watched(stream, 1)
        await stream.publish({"a": "old", "b": "old"})

    async def gone():
        await stream.publish({"a": "old"})
        return stream.watchers == 0

    await eventually_async(gone, within_s=5)
    async with client.get(url) as answer:
        await watched(stream, 1)
        await stream.publish({"a": "new"})

        assert await next_event(answer) == ("a", "new")


async def test_only_what_changed_is_sent(stream, url, client):
    async with client.get(url) as answer:
        await watched(stream, 1)
        await stream.publish({"a": "one", "b": "same"})
        await stream.publish({"a": "two", "b": "same"})
        await stream.publish({"a": "two", "b": "other"})

        events = [await next_event(answer) for _ in range(4)]

        assert events == [("a", "one"), ("b", "same"), ("a", "two"), ("b", "other")]


async def test_whoever_goes_is_forgotten(stream, url, client):
    answer = await client.get(url)
    await watched(stream, 1)
    answer.close()

    async def gone():
        await stream.publish({"a": "one"})
        return stream.watchers == 0

    await eventually_async(gone, within_s=5)


async def test_who_does_not_read_is_dropped_and_others_are_served(stream, url, client, monkeypatch):
    monkeypatch.setattr(live, "MOST_UNREAD_BYTES", 1000)
    numbers = itertools.count()
    host, port = url.removeprefix("http://").removesuffix("/live").split(":")
    _reader, writer = await asyncio.open_connection(host, int(port), limit=1)
    writer.transport.pause_reading()
    writer.write(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
    async with client.get(url) as answer:
        await watched(stream, 2)

        async def dropped():
            await stream.publish({"a": "x" * 300_000 + str(next(numbers))})
            await next_event(answer)
            return stream.watchers == 1

        async with asyncio.timeout(20):
            while not await dropped():
                pass
        await stream.publish({"a": "still here"})
        assert await next_event(answer) == ("a", "still here")
    writer.close()


async def test_when_too_many_look_the_next_is_told_so(stream, url, client, monkeypatch):
    monkeypatch.setattr(live, "MOST_WATCHERS", 1)
    async with client.get(url):
        await watched(stream, 1)

        async with client.get(url) as second:
            assert second.status == 503


async def test_http_1_0_has_no_live_parts(url):
    host, port = url.removeprefix("http://").removesuffix("/live").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /live HTTP/1.0\r\n\r\n")

    assert b" 400 " in await asyncio.wait_for(reader.readline(), 5)
    writer.close()


async def test_everybody_is_let_go_when_the_worker_stops(stream, url, client):
    async with client.get(url) as answer:
        await watched(stream, 1)

        stream.close()

        rest = await asyncio.wait_for(answer.content.read(), 5)
        assert b"event:" not in rest
    async with client.get(url) as late:
        assert late.status == 503
