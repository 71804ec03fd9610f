"""Encharge's REST API, asked over real HTTP."""

import asyncio
import socket
import time

import httpx
import pytest

from connector.core.request import Endpoints
from connector.edges.encharge_api import EnchargeApi, RequestFailed
from connector.errors import ConfigurationError, OperationalError
from connector.simulator import SimulatorConfig, running_simulator

KEY = "test-key"


@pytest.fixture(scope="module")
def simulator():
    with running_simulator(SimulatorConfig(tokens=(KEY,))) as client:
        yield client


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


async def tried(url, key=KEY, timeout_s=10.0):
    async with EnchargeApi(Endpoints(key, api_url=url), timeout_s=timeout_s) as api:
        return await api.test_credentials()


def summary(credentials):
    return credentials.valid, credentials.answer


async def answering(status_line, *headers, key=KEY):
    """Try a key against a server that always answers the same; give the result and what was asked."""
    asked = []

    async def serve(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        lines = [f"HTTP/1.1 {status_line}", "Content-Length: 0", "Connection: close", *headers]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        return await tried(f"http://127.0.0.1:{port}", key), asked


async def test_a_key_that_works_is_valid(simulator):
    assert summary(await tried(simulator.url)) == (True, "HTTP 200 OK")


async def test_a_key_that_does_not_work_is_not_valid_and_the_answer_is_told(simulator):
    assert summary(await tried(simulator.url, "wrong")) == (False, "HTTP 401 Unauthorized")


async def test_a_key_beyond_ascii_goes_out_as_latin_1():
    _, [asked] = await answering("200 OK", key="kéy")

    assert b"x-encharge-token: k\xe9y\r\n" in asked.lower()


async def test_one_question_is_asked_with_the_headers_of_all_requests():
    _, [asked] = await answering("200 OK")

    request_line, *headers = asked.decode().strip().lower().split("\r\n")
    assert request_line == "get /v1/accounts/info http/1.1"
    assert {
        "x-encharge-token: test-key",
        "content-type: application/json",
        "x-segment-actions: 1",
        "user-agent: segment (actions)",
    } <= set(headers)


@pytest.mark.parametrize(
    ("status_line", "valid"),
    [
        ("200 OK", True),
        ("204 No Content", True),
        ("304 Not Modified", False),
        ("403 Forbidden", False),
        ("429 Too Many Requests", False),
        ("500 Internal Server Error", False),
    ],
)
async def test_success_is_any_2xx_and_nothing_else(status_line, valid):
    credentials, asked = await answering(status_line, "Location: /elsewhere")

    assert summary(credentials) == (valid, f"HTTP {status_line}")
    assert len(asked) == 1


async def test_nobody_listening_is_an_error_that_names_the_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

        with pytest.raises(OperationalError) as caught:
            await tried(url)

    assert str(caught.value) == f"Encharge at {url} cannot be reached (ConnectError)"


async def test_no_answer_in_time_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"

        async with asyncio.timeout(5):
            with pytest.raises(OperationalError, match=r"cannot be reached \(ReadTimeout\)"):
                await tried(url, timeout_s=0.2)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("secret\nkey", id="line break"),
        pytest.param("secret\u20ac", id="beyond Latin-1"),
        pytest.param("secret ", id="space at the end"),
    ],
)
async def test_a_key_that_cannot_be_sent_is_told_without_quoting_it(simulator, key):
    with pytest.raises(ConfigurationError) as caught:
        await tried(simulator.url, key)

    [problem] = caught.value.problems
    assert problem.path == "CONNECTOR_ENCHARGE_API_KEY"
    assert "secret" not in problem.message


async def test_redirects_in_a_circle_end():
    credentials, asked = await answering("301 Moved Permanently", "Location: /elsewhere")

    assert summary(credentials) == (False, "maximum redirect reached")
    assert len(asked) == 21


async def test_a_key_is_not_taken_to_another_host():
    credentials, asked = await answering(
        "307 Temporary Redirect", "Location: http://localhost:1/v1/accounts/info"
    )

    assert summary(credentials) == (False, "HTTP 307 Temporary Redirect")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("event", "with_archived", "found"),
    [
        pytest.param({"userId": "a+b&c"}, False, True, id="by user id"),
        pytest.param({"anonymousId": "anon"}, False, True, id="by anonymous id"),
        pytest.param({"userId": "nobody"}, True, False, id="unknown"),
        pytest.param({}, False, False, id="an event that names nobody"),
    ],
)
async def test_a_person_is_looked_for(simulator, event, with_archived, found):
    person = {"userId": "a+b&c", "segmentAnonymousId": "anon"}
    async with httpx.AsyncClient(base_url=simulator.url, headers={"X-Encharge-Token": KEY}) as http:
        await http.post("/v1", json={"type": "identify", **person, "user": person})

    async with EnchargeApi(Endpoints(KEY, api_url=simulator.url)) as api:
        assert await api.finds(event, with_archived=with_archived) is found


async def test_an_archived_person_is_found_only_among_the_archived(simulator):
    person = {"userId": "gone"}
    async with httpx.AsyncClient(base_url=simulator.url, headers={"X-Encharge-Token": KEY}) as http:
        await http.post("/v1", json={"type": "identify", **person, "user": person})

    async with EnchargeApi(Endpoints(KEY, api_url=simulator.url)) as api:
        await api.delete(person, encode=True)
        archived = await api.finds(person), await api.finds(person, with_archived=True)
        await api.delete(person, encode=True, erase=True)
        erased = await api.finds(person, with_archived=True)

    assert archived == (False, True)
    assert not erased


@pytest.mark.parametrize(
    ("status_line", "found"),
    [pytest.param("404 Not Found", False, id="not found"), pytest.param("500 Oops", None, id="no answer")],
)
async def test_nobody_is_found_by_a_404_and_other_failures_are_told(status_line, found):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status_line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with EnchargeApi(Endpoints(KEY, api_url=url)) as api:
            if found is None:
                with pytest.raises(RequestFailed):
                    await api.finds({"userId": "u1"})
            else:
                assert await api.finds({"userId": "u1"}) is found


async def test_the_time_of_encharge_s_clock_is_told(simulator):
    async with EnchargeApi(Endpoints(KEY, api_url=simulator.url)) as api:
        before = (await api.test_credentials()).server_time

    assert before == pytest.approx(time.time(), abs=5)
