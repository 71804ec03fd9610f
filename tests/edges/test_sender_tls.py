"""Both senders against TLS servers: whom they trust, whom they refuse, and which HTTP they agree on."""

import subprocess

import pytest

from connector.core import Request
from connector.core.request import headers
from connector.delivery.outcome import Reply
from connector.edges.http1 import Http1Sender
from connector.edges.pyreqwest_sender import PyreqwestSender
from connector.errors import ConfigurationError
from tests.edges.certificates import make_authority, make_certificate, server_context
from tests.edges.h2_server import H2Server

pytestmark = pytest.mark.usefixtures("trusting_the_authority")

BOTH = [
    pytest.param(lambda: Http1Sender(timeout_s=2.0), id="http1"),
    pytest.param(lambda: PyreqwestSender(timeout_s=2.0, max_connections=8), id="pyreqwest"),
]


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("stranger"))


async def answer_of(server, make):
    async with make() as sender:
        return await sender.send(Request("POST", f"{server.url}/200", headers("key"), b"{}"))


@pytest.mark.parametrize("make", BOTH)
async def test_an_authority_of_ones_own_is_trusted(authority, make):
    async with H2Server(server_context(authority.sign("localhost"))) as server:
        assert await answer_of(server, make) == Reply(200)

    assert len(server.requests) == 1


@pytest.fixture
def folder_of_authorities(authority, tmp_path):
    (tmp_path / "ours.pem").write_bytes(authority.file.read_bytes())
    subprocess.run(["openssl", "rehash", tmp_path], check=True)
    return tmp_path


@pytest.mark.parametrize("make", BOTH)
async def test_so_is_one_in_a_folder_of_authorities(authority, folder_of_authorities, make, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", str(folder_of_authorities))

    async with H2Server(server_context(authority.sign("localhost"))) as server:
        assert await answer_of(server, make) == Reply(200)


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize(
    ("signer", "host", "days"),
    [
        pytest.param("stranger", "localhost", 1, id="unknown authority"),
        pytest.param("authority", "localhost", -1, id="expired"),
        pytest.param("authority", "encharge.example", 1, id="another host"),
    ],
)
async def test_a_server_that_proves_nothing_gets_no_request(request, make, signer, host, days):
    certificate = request.getfixturevalue(signer).sign(host, days=days)

    async with H2Server(server_context(certificate)) as server:
        answer = await answer_of(server, make)

    assert answer.reason == "tls"
    assert server.requests == []


@pytest.mark.parametrize(("make", "trusts"), [(BOTH[0].values[0], True), (BOTH[1].values[0], False)])
async def test_only_our_own_sender_trusts_a_certificate_that_signed_itself(
    make, trusts, monkeypatch, tmp_path
):
    certificate = make_certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))

    async with H2Server(server_context(certificate)) as server:
        answer = await answer_of(server, make)

    assert (answer == Reply(200)) is trusts
    assert trusts or answer.reason == "tls"


def test_the_library_is_not_set_up_without_any_certificate_to_trust(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))

    with pytest.raises(ConfigurationError, match=r"SSL_CERT_FILE: .*No CA certificates"):
        PyreqwestSender(timeout_s=2.0, max_connections=8)


@pytest.mark.parametrize(
    ("make", "offered", "protocol"),
    [
        pytest.param(*BOTH[0].values, ("h2", "http/1.1"), "HTTP/1.1", id="http1, both offered"),
        pytest.param(*BOTH[1].values, ("h2", "http/1.1"), "HTTP/2", id="pyreqwest, both offered"),
        pytest.param(*BOTH[1].values, ("http/1.1",), "HTTP/1.1", id="pyreqwest, only the older"),
        pytest.param(*BOTH[1].values, (), "HTTP/1.1", id="pyreqwest, none offered"),
    ],
)
async def test_the_handshake_decides_which_http_is_spoken(authority, make, offered, protocol):
    async with H2Server(server_context(authority.sign("localhost"), *offered)) as server:
        assert await answer_of(server, make) == Reply(200)

    assert [each.protocol for each in server.requests] == [protocol]
