"""The library sender through proxies and over HTTP/2, on real sockets."""

import asyncio
import socket

import orjson
import pytest

from connector.core import Request
from connector.core.request import Endpoints, headers
from connector.delivery.outcome import NEVER_THE_EVENT, NoReply, Reply, Transient, classify
from connector.edges.http1 import Http1Sender
from connector.edges.pyreqwest_sender import PyreqwestSender
from connector.edges.senders import make_sender
from connector.settings import Settings
from connector.simulator import Simulator, SimulatorConfig
from tests.edges.certificates import make_authority, server_context
from tests.edges.h2_server import H2Server
from tests.edges.http_proxy import HttpProxy
from tests.netfaults.proxy import Proxy

pytestmark = pytest.mark.usefixtures("trusting_the_authority")

BODY = orjson.dumps({"type": "track", "event": "X", "user": {"userId": "u1"}, "messageId": "m1"})


@pytest.fixture
async def simulator():
    async with Simulator(SimulatorConfig(tokens=("test-key",))) as simulator:
        yield simulator


@pytest.fixture
async def server(authority):
    context = server_context(authority.sign("localhost"), "h2", "http/1.1")
    async with H2Server(context) as server:
        yield server


@pytest.fixture
async def proxy():
    async with HttpProxy() as proxy:
        yield proxy


@pytest.fixture
async def sender():
    async with PyreqwestSender(timeout_s=2.0, max_connections=8) as sender:
        yield sender


def request(url, body=BODY):
    return Request("POST", url, headers("test-key"), body)


def sender_for(url, choice="auto"):
    """Make the sender that a worker would use for this address in this environment."""
    settings = Settings.from_environment({"CONNECTOR_HTTP_SENDER": choice})
    return make_sender(settings, Endpoints("test-key", ingest_url=url, api_url=url))


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


# Proxies


async def test_a_request_goes_through_the_proxy(simulator, proxy, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", proxy.url())
    url = f"{simulator.url}/v1"

    async with sender_for(url) as sender:
        answer = await sender.send(request(url))

    assert isinstance(sender, PyreqwestSender)
    assert answer == Reply(200)
    assert proxy.requests == [("POST", url)]
    assert [each["body"] for each in simulator.requests()] == [orjson.loads(BODY)]


async def test_requests_over_tls_share_a_tunnel(server, proxy, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", proxy.url())

    async with sender_for(server.url) as sender:
        answers = [await sender.send(request(f"{server.url}/200")) for _ in range(5)]

    assert isinstance(sender, PyreqwestSender)
    assert answers == [Reply(200)] * 5
    assert proxy.requests == [("CONNECT", f"localhost:{server.port}")]
    assert [(each.protocol, each.body) for each in server.requests] == [("HTTP/2", BODY)] * 5


async def test_the_proxy_gets_the_credentials_of_its_address(simulator, proxy, monkeypatch):
    proxy.credentials = "worker:se@cret"
    monkeypatch.setenv("HTTP_PROXY", proxy.url("worker:se%40cret"))
    url = f"{simulator.url}/v1"

    async with sender_for(url) as sender:
        assert await sender.send(request(url)) == Reply(200)

    assert len(proxy.requests) == 1


async def test_the_credentials_of_a_tunnel_stay_with_the_proxy(server, proxy, monkeypatch):
    proxy.credentials = "worker:se@cret"
    monkeypatch.setenv("HTTPS_PROXY", proxy.url("worker:se%40cret"))

    async with sender_for(server.url) as sender:
        assert await sender.send(request(f"{server.url}/200")) == Reply(200)

    assert len(proxy.requests) == 1
    assert not [name for name in server.requests[0].headers if name.startswith("proxy")]


@pytest.mark.parametrize(("choice", "kind"), [("auto", Http1Sender), ("pyreqwest", PyreqwestSender)])
async def test_an_excepted_host_is_reached_directly(server, proxy, monkeypatch, choice, kind):
    monkeypatch.setenv("HTTPS_PROXY", proxy.url())
    monkeypatch.setenv("NO_PROXY", "encharge.example,localhost")

    async with sender_for(server.url, choice) as sender:
        assert await sender.send(request(f"{server.url}/200")) == Reply(200)

    assert isinstance(sender, kind)
    assert proxy.requests == []


async def refused(url):
    """Give the answer to a request that must not arrive; it is worth repeating and shows no credentials."""
    async with sender_for(url) as sender:
        answer = await sender.send(request(f"{url}/200"))
    assert isinstance(sender, PyreqwestSender)
    assert isinstance(classify(answer, now=0.0), Transient)
    assert "secret" not in repr(answer)
    return answer


@pytest.mark.parametrize(
    "status", ["407 Proxy Authentication Required", "502 Bad Gateway", "403 Forbidden", "302 Found"]
)
async def test_a_proxy_that_makes_no_tunnel_is_a_failed_connect(server, proxy, monkeypatch, status):
    proxy.answers = status
    monkeypatch.setenv("HTTPS_PROXY", proxy.url("worker:secret"))

    assert (await refused(server.url)).reason == "connect"
    assert [method for method, _ in proxy.requests] == ["CONNECT"]
    assert server.connections == 0


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY"])
async def test_a_proxy_that_refuses_the_credentials_is_a_failed_connect(
    simulator, server, proxy, monkeypatch, name
):
    proxy.credentials = "worker:another"
    monkeypatch.setenv(name, proxy.url("worker:secret"))

    assert (await refused(simulator.url if name == "HTTP_PROXY" else server.url)).reason == "connect"
    assert len(proxy.requests) == 1
    assert simulator.requests() == []
    assert server.connections == 0


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY"])
async def test_a_proxy_that_is_not_there_is_a_failed_connect(simulator, server, monkeypatch, name):
    monkeypatch.setenv(name, f"http://worker:secret@127.0.0.1:{closed_port()}")

    assert (await refused(simulator.url if name == "HTTP_PROXY" else server.url)).reason == "connect"
    assert simulator.requests() == []
    assert server.connections == 0


async def test_a_proxy_that_hangs_up_is_a_failed_connect(proxy, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", proxy.url("worker:secret"))

    assert (await refused(f"https://localhost:{closed_port()}")).reason == "connect"
    assert len(proxy.requests) == 1


async def test_a_proxy_that_cannot_reach_a_server_without_tls_answers_in_its_place(
    simulator, proxy, monkeypatch
):
    proxy.answers = "502 Bad Gateway"
    monkeypatch.setenv("HTTP_PROXY", proxy.url("worker:secret"))

    assert await refused(simulator.url) == Reply(502)
    assert simulator.requests() == []


async def test_a_certificate_is_looked_at_through_a_tunnel(tmp_path, proxy, monkeypatch):
    stranger = make_authority(tmp_path)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url("worker:secret"))

    async with H2Server(server_context(stranger.sign("localhost"))) as server:
        assert (await refused(server.url)).reason == "tls"

    assert len(proxy.requests) == 1
    assert server.requests == []


# HTTP/2


async def test_requests_at_the_same_time_share_a_connection(server, sender):
    assert await sender.send(request(f"{server.url}/200")) == Reply(200)
    server.wait_for = 51  # so all of them are under way before any is answered

    answers = await asyncio.gather(
        *(sender.send(request(f"{server.url}/{410 + each}", b"%d" % each)) for each in range(50))
    )

    assert answers == [Reply(410 + each, None, b"%d" % each) for each in range(50)]
    assert server.connections == 1
    assert {each.protocol for each in server.requests} == {"HTTP/2"}
    assert server.resets == 0


async def test_many_requests_to_a_new_server_get_their_answers_and_one_connection_stays(server, sender):
    answers = await asyncio.gather(
        *(sender.send(request(f"{server.url}/400", b"%d" % each)) for each in range(50))
    )
    server.requests.clear()
    await asyncio.gather(*(sender.send(request(f"{server.url}/200")) for _ in range(50)))

    assert answers == [Reply(400, None, b"%d" % each) for each in range(50)]
    assert len(server.requests) == 50
    assert len(server.used()) == 1


@pytest.mark.parametrize("fault", ["reset", "goaway", "cut"])
async def test_a_request_that_was_cut_off_gets_no_reply_and_the_next_one_does(server, sender, fault):
    assert await sender.send(request(f"{server.url}/200")) == Reply(200)
    server.faults = [fault]

    answer = await sender.send(request(f"{server.url}/200"))

    assert isinstance(answer, NoReply)
    assert answer.reason not in NEVER_THE_EVENT  # the server had it
    assert len(server.requests) == 2
    assert await sender.send(request(f"{server.url}/200")) == Reply(200)


@pytest.mark.parametrize("fault", ["refused", "goaway unseen"])
async def test_a_request_that_the_server_says_it_did_not_look_at_is_sent_again(server, sender, fault):
    assert await sender.send(request(f"{server.url}/200")) == Reply(200)
    server.faults = [fault]

    assert await sender.send(request(f"{server.url}/200")) == Reply(200)
    assert len(server.requests) == 3


async def test_a_connection_that_takes_no_more_requests_costs_no_attempt(server, sender):
    for _ in range(5):
        server.faults = ["goaway after"]
        assert await sender.send(request(f"{server.url}/200")) == Reply(200)

    assert len(server.requests) == len(server.used()) == 5


async def test_a_half_open_connection_is_not_used_for_ever(server):
    with Proxy("127.0.0.1", server.port) as network:
        async with PyreqwestSender(timeout_s=1.0, max_connections=8) as sender:
            url = f"https://localhost:{network.port}/200"
            assert await sender.send(request(url)) == Reply(200)
            network.set(mode="half-open", only_old=True)
            assert (await sender.send(request(url))).reason == "timeout"

            assert await sender.send(request(url)) == Reply(200)
            assert network.accepted == 2


async def test_a_server_that_is_slow_but_there_keeps_its_connection(server):
    async with PyreqwestSender(timeout_s=0.5, max_connections=8) as sender:
        server.wait_for = 2
        assert (await sender.send(request(f"{server.url}/200"))).reason == "timeout"
        assert await sender.send(request(f"{server.url}/200")) == Reply(200)

    assert server.connections == 1


# Over HTTP/1.1, too


async def test_a_connection_that_broke_under_a_request_did_connect(simulator, sender):
    simulator.configure(rate_reset=1.0)

    assert (await sender.send(request(f"{simulator.url}/v1"))).reason == "read"
