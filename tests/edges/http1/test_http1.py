"""The slim HTTP/1.1 sender against servers that answer in every way, right and wrong, over sockets and TLS."""

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager

import pytest

from connector.core import Request
from connector.core.request import headers
from connector.delivery.outcome import NoReply, Reply
from connector.edges.http1 import Http1Sender, connection
from connector.edges.http1.origin import head_of, origin_of
from tests.edges.certificates import make_certificate

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Answers every request with the same bytes; `requests` holds (connection number, request line and body)."""

    def __init__(self, answer, *, closes=False):
        self.answer, self.closes = answer, closes
        self.requests = []
        self.connections = 0
        self.port = 0
        self.scheme = "http"
        self.writers, self.tasks = [], []

    @property
    def url(self):
        return f"{self.scheme}://localhost:{self.port}"

    async def serve(self, reader, writer):
        self.writers.append(writer)
        self.tasks.append(asyncio.current_task())
        self.connections += 1
        number = self.connections
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                self.requests.append((number, head.partition(b"\r\n")[0], await reader.readexactly(length)))
                writer.write(self.answer)
                await writer.drain()
                if self.closes:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


@asynccontextmanager
async def serving(answer, *, closes=False, tls=None):
    served = Server(answer, closes=closes)
    server = await asyncio.start_server(served.serve, "localhost", 0, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    served.scheme = "http" if tls is None else "https"
    try:
        yield served
    finally:
        server.close()
        for writer in served.writers:
            writer.close()
        await asyncio.gather(*served.tasks)


@asynccontextmanager
async def sending(timeout_s=2.0):
    async with Http1Sender(timeout_s=timeout_s) as sender:
        yield sender


def request(url, *, body=b"{}", method="POST"):
    return Request(method, url, headers("key"), body)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        pytest.param(OK, Reply(200), id="plain"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", Reply(204), id="no body"),
        pytest.param(
            b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            Reply(400, None, b"abcde"),
            id="chunked",
        ),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, Reply(200), id="100 before"),
        pytest.param(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + OK, Reply(200), id="103 before"),
        pytest.param(
            b"HTTP/1.1 429 Slow\r\nRETRY-AFTER: 7\r\nContent-Length: 0\r\n\r\n", Reply(429, "7"), id="retry"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", Reply(200), id="body too short"),
        pytest.param(OK + b"xx", Reply(200), id="body too long"),
        pytest.param(OK + OK, Reply(200), id="two answers"),
    ],
)
async def test_an_answer_is_understood_and_the_next_request_gets_its_own(answer, found):
    async with serving(answer) as server, sending() as sender:
        assert await sender.send(request(server.url, body=b"1")) == found
        server.answer = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
        assert await sender.send(request(server.url, body=b"2")) == Reply(201)

    assert [body for _, _, body in server.requests] == [b"1", b"2"]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n{}", Reply(200), id="until the end"),
        pytest.param(b"HTTP/1.1 500 No\r\n\r\nabc", Reply(500, None, b"abc"), id="failure until the end"),
        pytest.param(
            b"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nabc", Reply(500, None, b"abc"), id="cut body"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", Reply(200), id="cut body of a success"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-L", NoReply("read", "closed"), id="cut head"),
        pytest.param(b"", NoReply("read", "closed"), id="nothing"),
        pytest.param(
            b"220 mail.example.com ESMTP\r\n", NoReply("protocol", "HttpParserInvalidStatusError"), id="smtp"
        ),
        pytest.param(
            b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            NoReply("protocol", "the answer changes the protocol"),
            id="upgrade",
        ),
    ],
)
async def test_the_end_of_a_connection_ends_the_answer(answer, found):
    async with serving(answer, closes=True) as server, sending() as sender:
        answered = await sender.send(request(server.url))

    assert answered == found or (answered.reason == found.reason == "protocol")


async def test_a_head_without_end_is_given_up():
    async with (
        serving(b"HTTP/1.1 200 OK\r\n" + b"X-Junk: 1234567890\r\n" * 20_000) as server,
        sending() as sender,
    ):
        assert (await sender.send(request(server.url))).reason == "protocol"


async def test_a_body_without_end_is_not_read_on():
    answer = b"HTTP/1.1 400 Bad\r\nContent-Length: 99999999\r\n\r\n" + b"x" * (2 * connection.LONGEST_BODY)
    async with serving(answer) as server, sending() as sender:
        answered = await sender.send(request(server.url))

    assert answered == Reply(400, None, b"x" * connection.KEPT_OF_BODY)


async def test_the_beginning_of_a_long_refusal_is_kept_and_the_connection_too():
    answer = b"HTTP/1.1 400 Bad\r\nContent-Length: 10000\r\n\r\n" + b"x" * 10_000
    async with serving(answer) as server, sending() as sender:
        for _ in range(3):
            answered = await sender.send(request(server.url))
            assert answered == Reply(400, None, b"x" * connection.KEPT_OF_BODY)

    assert server.connections == 1


async def test_there_are_no_more_connections_than_requests_under_way():
    async with serving(OK) as server, sending() as sender:
        for _ in range(10):
            await asyncio.gather(*(sender.send(request(server.url)) for _ in range(4)))

    assert server.connections == 4


async def test_a_server_that_closes_after_each_answer_gets_a_connection_for_each():
    async with (
        serving(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", closes=True) as server,
        sending() as sender,
    ):
        for _ in range(5):
            assert await sender.send(request(server.url)) == Reply(200)

    assert server.connections == 5


async def test_a_connection_is_closed_before_the_server_closes_it():
    answer = b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1, max=100\r\nContent-Length: 0\r\n\r\n"
    async with serving(answer) as server, sending(timeout_s=0.2) as sender:
        await sender.send(request(server.url))
        [pool] = sender._pools.values()
        async with asyncio.timeout(5):
            while pool._idle:
                await asyncio.sleep(0.01)
        await sender.send(request(server.url))

    assert server.connections == 2


async def test_a_cancelled_request_takes_no_other_requests_answer():
    async with serving(b"") as server, sending() as sender:
        first = asyncio.ensure_future(sender.send(request(server.url, body=b"1")))
        async with asyncio.timeout(5):
            while not server.requests:
                await asyncio.sleep(0.01)
        first.cancel()
        server.answer = OK
        assert await sender.send(request(server.url, body=b"2")) == Reply(200)

    assert [number for number, _, _ in server.requests] == [1, 2]


async def test_a_server_that_takes_nothing_is_a_timeout_that_says_so():
    with socket.create_server(("localhost", 0)) as deaf:  # the kernel accepts, nobody reads
        async with sending(timeout_s=0.5) as sender:
            port = deaf.getsockname()[1]
            answered = await sender.send(request(f"http://localhost:{port}", body=b"x" * 50_000_000))

    assert answered == NoReply("timeout", "write")


async def test_a_name_that_nobody_knows_is_trouble_with_dns():
    async with sending() as sender:
        assert (await sender.send(request("http://no-such-host.invalid/v1"))).reason == "dns"


async def test_connections_end_with_the_sender():
    async with serving(b"") as server:
        async with sending(timeout_s=30.0) as sender:
            waiting = asyncio.ensure_future(sender.send(request(server.url)))
            async with asyncio.timeout(5):
                while not server.requests:
                    await asyncio.sleep(0.01)

        assert (await waiting).reason == "read"


# TLS


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.file, certificate.key_file)
    return context


async def test_tls_with_a_certificate_that_the_environment_trusts(certificate, tls, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    async with serving(OK, tls=tls) as server, sending() as sender:
        for _ in range(3):
            assert await sender.send(request(server.url)) == Reply(200)

    assert server.connections == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_new_connection_resumes_the_session_of_an_earlier_one(certificate, tls, version, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    tls.minimum_version = tls.maximum_version = version
    async with serving(OK, tls=tls, closes=True) as server, sending() as sender:
        for _ in range(3):
            assert await sender.send(request(server.url)) == Reply(200)

    assert server.connections == 3
    assert tls.session_stats()["hits"] == 2


async def test_a_server_that_forgot_the_session_makes_a_full_handshake(certificate, tls, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    async with sending() as sender:
        async with serving(OK, tls=tls) as server:
            assert await sender.send(request(server.url)) == Reply(200)
        restarted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # with other keys for its tickets
        restarted.load_cert_chain(certificate.file, certificate.key_file)
        async with serving(OK, tls=restarted) as server:
            assert await sender.send(request(server.url)) == Reply(200)

    assert restarted.session_stats()["hits"] == 0


async def test_a_certificate_that_nobody_trusts_is_trouble_with_tls(tls):
    async with serving(OK, tls=tls) as server, sending() as sender:
        assert (await sender.send(request(server.url))).reason == "tls"


async def test_a_certificate_for_another_host_is_trouble_with_tls(certificate, tls, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    async with serving(OK, tls=tls) as server, sending() as sender:
        assert (await sender.send(request(f"https://127.0.0.1:{server.port}"))).reason in ("tls", "connect")


async def test_a_server_without_tls_is_trouble_with_tls():
    async with serving(OK) as server, sending() as sender:
        url = server.url.replace("http:", "https:")
        assert (await sender.send(request(url))).reason in ("tls", "connect")


# What goes out


@pytest.mark.parametrize(
    ("url", "line", "host"),
    [
        pytest.param("http://example.com", "POST / HTTP/1.1", "example.com", id="no path"),
        pytest.param("https://example.com/v1", "POST /v1 HTTP/1.1", "example.com", id="path"),
        pytest.param(
            "http://example.com:8080/a%20b?x=1&y=ü",
            "POST /a%20b?x=1&y=%C3%BC HTTP/1.1",
            "example.com:8080",
            id="query",
        ),
        pytest.param("http://[::1]:99/v1", "POST /v1 HTTP/1.1", "[::1]:99", id="IPv6"),
        pytest.param("http://bücher.example/v1", "POST /v1 HTTP/1.1", "xn--bcher-kva.example", id="IDN"),
    ],
)
def test_the_head_names_target_and_host(url, line, host):
    lines = head_of(request(url)).decode("latin-1").split("\r\n")

    assert lines[:2] == [line, f"Host: {host}"]
    assert lines[3:] == [*(f"{name}: {value}" for name, value in headers("key").items()), "Content-Length: "]


def test_no_header_can_begin_another():
    with pytest.raises(ValueError, match="line break"):
        head_of(Request("POST", "http://example.com", {"X": "a\r\nY: b"}, b""))


@pytest.mark.parametrize("url", ["example.com/v1", "ftp://example.com", "http:///v1"])
def test_an_address_without_origin_is_refused(url):
    with pytest.raises(ValueError, match="no scheme or no host"):
        origin_of(url)
