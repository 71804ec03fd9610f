"""Everything that speaks to Encharge, against what networks and servers do: bounded time and memory, right class."""

import re
import socket
import time
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event

import psutil
import pytest

from connector.core import Request
from connector.core.request import Endpoints, headers
from connector.delivery.outcome import NoReply, classify
from connector.edges.encharge_api import LONGEST_ANSWER, EnchargeApi, RequestFailed
from connector.edges.http1 import Http1Sender
from connector.edges.http1.connection import LONGEST_BODY
from connector.edges.http1.sender import MOST_LINGERING
from connector.edges.pyreqwest_sender import PyreqwestSender
from tests.edges.certificates import make_authority, server_context
from tests.eventually import eventually_async
from tests.netfaults.faults import FAULTS, NO_CONNECTION, NO_NAME, NO_TRUST, NOT_TAKEN
from tests.netfaults.hostile import HostileServer, always, refuses_in_plain_text, refuses_to_read, silence
from tests.netfaults.proxy import Proxy

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

PAGE = Path(__file__).parents[2] / "docs/delivery.md"
SHORT_S = 0.5  # the timeout for faults that last until it is over
LONG_S = 10.0  # for those that end by themselves
SLACK_S = 2.0  # on a loaded machine
BODY = b"{}" * 1000
BUFFERS = 8 * 1024**2  # bytes that the system's buffers may take though nobody reads them

pytestmark = pytest.mark.usefixtures("trusting_the_authority")


class Deliveries:
    """A sender; what comes of a request is a code, or the trouble on the wire."""

    longest = LONGEST_BODY

    def __init__(self, sender):
        self._sender = sender

    async def __aenter__(self):
        await self._sender.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self._sender.__aexit__(*error)

    async def ask(self, url, body=BODY):
        answer = await self._sender.send(Request("POST", f"{url}/v1", headers("key"), body))
        outcome = classify(answer, now=0.0)
        return outcome.reason if isinstance(answer, NoReply) else outcome.code


class Questions:
    """The REST API; what comes of a question is "answer" or the kind of its failure."""

    longest = LONGEST_ANSWER

    def __init__(self, timeout_s):
        self._api = EnchargeApi(Endpoints("key"), timeout_s=timeout_s)

    async def __aenter__(self):
        await self._api.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self._api.__aexit__(*error)

    async def ask(self, url):
        try:
            await self._api.perform(Request("POST", f"{url}/v1", headers("key"), BODY))
        except RequestFailed as error:
            return error.failure.kind
        return "answer"


CLIENTS = {
    "http1": lambda timeout_s: Deliveries(Http1Sender(timeout_s=timeout_s)),
    "pyreqwest": lambda timeout_s: Deliveries(PyreqwestSender(timeout_s=timeout_s, max_connections=8)),
    "api": Questions,
}


def expected(fault, client):
    if client == "api":
        return fault.asked
    return fault.library or fault.found if client == "pyreqwest" else fault.found


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_ends_in_time_with_its_class_and_little_read(name, client):
    fault = FAULTS[name]
    timeout_s = SHORT_S if fault.lasts else LONG_S
    async with HostileServer(fault.serve) as server, CLIENTS[client](timeout_s) as asking:
        begun_s = time.monotonic()
        found = await asking.ask(server.url())
        took_s = time.monotonic() - begun_s

        assert found == expected(fault, client)
        assert took_s < (timeout_s + SLACK_S if fault.lasts else timeout_s)
        if not fault.is_sound:
            # A status may be known long before its answer ends: nobody reads on for the sake of the rest.
            await eventually_async(lambda: server.open == 0, timeout_s / 2 if not fault.lasts else SLACK_S)
        assert server.sent < asking.longest + BUFFERS or client in fault.floods

        await asking.ask(server.url())  # on a used connection it might get the rest of the first answer
        if fault.is_sound and client != "api":
            assert server.connections == 1
        else:
            assert server.connections > 1


@pytest.mark.parametrize("client", ["http1", "pyreqwest"])
async def test_a_request_that_nobody_takes_is_a_timeout(client):
    async with HostileServer(refuses_to_read) as server, CLIENTS[client](SHORT_S) as asking:
        begun_s = time.monotonic()
        found = await asking.ask(server.url(), body=bytes(4 * BUFFERS))

        assert found == "timeout"
        assert time.monotonic() - begun_s < SHORT_S + SLACK_S


# Before there is a connection


@asynccontextmanager
async def nobody_listens(certificates):
    with Proxy("127.0.0.1", 0) as proxy:
        proxy.set(mode="refuse")
        yield proxy.url


@asynccontextmanager
async def no_route(certificates):
    yield "http://[100::1]:9"  # RFC 6666: discarded, where there is IPv6 at all


@asynccontextmanager
async def no_such_name(certificates):
    yield "http://no-such-host.invalid"


@asynccontextmanager
async def resolver_hangs(certificates):
    """Only for those who ask Python's resolver, on asyncio's own loop."""
    is_over, resolve = Event(), socket.getaddrinfo

    def hang(host, *arguments, **more):
        if host in ("hangs.example", b"hangs.example"):
            is_over.wait(30)
        return resolve(host, *arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", hang)
        try:
            yield "http://hangs.example"
        finally:
            is_over.set()


def over_tls(serve, certificate=None):
    """Make a place where a server speaks TLS with one of the certificates, or none."""

    @asynccontextmanager
    async def place(certificates):
        tls = None if certificate is None else server_context(certificates[certificate])
        async with HostileServer(serve, tls=tls) as server:
            yield server.url("https")

    return place


def through_proxy(**fault):
    """Make a place with a good server behind a proxy with a fault."""

    @asynccontextmanager
    async def place(certificates):
        async with HostileServer(always(GOOD), tls=server_context(certificates["good"])) as server:
            with Proxy("127.0.0.1", server.port) as proxy:
                proxy.set(**fault)
                yield f"https://localhost:{proxy.port}"

    return place


CONNECTING = {  # the place, the row of the page, the class of a delivery, what becomes of a question (None: either)
    "nobody listens": (nobody_listens, NO_CONNECTION, "connect", "FetchError"),
    "no route": (no_route, NO_CONNECTION, "connect", None),
    "a resolver that hangs": (resolver_hangs, NO_CONNECTION, "connect", "TimeoutError"),
    "a handshake that hangs": (over_tls(silence), NO_CONNECTION, "connect", "TimeoutError"),
    "a network that swallows the handshake": (
        through_proxy(mode="blackhole"),
        NO_CONNECTION,
        "connect",
        "TimeoutError",
    ),
    "a reset in the handshake": (through_proxy(cut_after=100), NO_CONNECTION, "connect", "FetchError"),
    "an end in the handshake": (through_proxy(end_after=100), NO_CONNECTION, "connect", "FetchError"),
    "no such name": (no_such_name, NO_NAME, "dns", "FetchError"),
    "no TLS": (over_tls(refuses_in_plain_text), NO_TRUST, "tls", "FetchError"),
    "a certificate that expired": (over_tls(always(GOOD), "expired"), NO_TRUST, "tls", "FetchError"),
    "a certificate of another host": (over_tls(always(GOOD), "elsewhere"), NO_TRUST, "tls", "FetchError"),
    "a certificate of a stranger": (over_tls(always(GOOD), "strange"), NO_TRUST, "tls", "FetchError"),
}


@pytest.fixture(scope="module")
def certificates(authority, tmp_path_factory):
    return {
        "good": authority.sign("localhost"),
        "expired": authority.sign("localhost", days=-1),
        "elsewhere": authority.sign("encharge.example"),
        "strange": make_authority(tmp_path_factory.mktemp("stranger")).sign("localhost"),
    }


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", CONNECTING)
async def test_no_connection_is_known_in_time_and_by_its_cause(name, client, certificates):
    place, _, found, asked = CONNECTING[name]
    if name == "a resolver that hangs" and client == "pyreqwest":
        pytest.skip("it asks the system's resolver, which cannot be made to hang for one process")
    async with place(certificates) as url, CLIENTS[client](SHORT_S) as asking:
        begun_s = time.monotonic()
        answer = await asking.ask(url)
        took_s = time.monotonic() - begun_s

    assert answer == (asked if client == "api" else found) or (asked is None and client == "api")
    assert took_s < SHORT_S + SLACK_S


# Behind the first answer


@pytest.mark.parametrize("client", ["http1", "pyreqwest"])
@pytest.mark.parametrize("fault", [{"end_after": 10}, {"cut_after": 10}], ids=str)
async def test_a_record_of_tls_that_is_cut_is_no_answer(client, fault, certificates):
    async with HostileServer(always(GOOD), tls=server_context(certificates["good"])) as server:
        with Proxy("127.0.0.1", server.port) as proxy:
            async with CLIENTS[client](LONG_S) as asking:
                url = f"https://localhost:{proxy.port}"
                assert await asking.ask(url) == "delivered"
                proxy.set(only_old=True, **fault)
                # Our own sender takes it for a connection that was closed while idle, and asks again.
                assert await asking.ask(url) == ("delivered" if client == "http1" else "read")
                proxy.heal()
                assert await asking.ask(url) == "delivered"

                assert proxy.accepted == 2


async def test_answers_that_do_not_end_do_not_take_all_descriptors():
    """Each is delivered by its status, and its connection would last for the timeout."""
    process = psutil.Process()
    never_whole = always(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}")
    async with HostileServer(never_whole) as server, CLIENTS["http1"](60.0) as asking:
        before, most = process.num_fds(), 0
        for _ in range(5 * MOST_LINGERING):
            assert await asking.ask(server.url()) == "delivered"
            most = max(most, process.num_fds())

    assert most - before < 2 * MOST_LINGERING + 50  # both ends are in this process


@pytest.mark.parametrize("client", CLIENTS)
async def test_two_hundred_faults_leave_no_descriptor_open(client):
    process = psutil.Process()
    quick = [fault for fault in FAULTS.values() if not fault.lasts]

    async def round_of_all(asking):
        for fault in quick:
            async with HostileServer(fault.serve) as server:
                await asking.ask(server.url())

    async with CLIENTS[client](LONG_S) as asking:
        await round_of_all(asking)  # the threads and pipes of a library are made once
        before = process.num_fds()
        for _ in range(200 // len(quick) + 1):
            await round_of_all(asking)
        await eventually_async(lambda: process.num_fds() <= before, 10)


# What the page says


def test_the_page_gives_every_fault_the_class_that_it_has_here():
    classes = {NOT_TAKEN: {"timeout"}}
    for fault in FAULTS.values():
        classes.setdefault(fault.row, set()).add(fault.found)
    for _, row, found, _ in CONNECTING.values():
        classes.setdefault(row, set()).add(found)
    section = PAGE.read_text().partition("## What networks do\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")][2:]

    shown = {cells[0].strip(): set(re.findall(r"`(\w+)`", cells[3])) for cells in rows}

    assert shown == classes
