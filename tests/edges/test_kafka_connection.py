"""Settings turned into what Kafka clients are called with."""

import asyncio
import shutil
import socket
import ssl
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import uvloop
from structlog.testing import capture_logs

from connector import __version__
from connector.edges.kafka import connection
from connector.edges.kafka_oauth import KafkaTokens
from connector.errors import ConfigurationError
from connector.settings import Settings
from tests.edges.certificates import Authority, Certificate, make_authority, server_context

TLS = Path(__file__).parent.parent / "data" / "tls"
CERT, KEY = TLS / "cert.pem", TLS / "key.pem"


def with_tls(**files):
    return Settings(
        kafka_security_protocol="SSL", **{f"kafka_ssl_{name}_file": path for name, path in files.items()}
    )


def test_without_tls_and_login_there_is_little_to_say():
    settings = Settings(kafka_bootstrap_servers="kafka-1:9092,kafka-2:9092")

    assert connection(settings, "ingest") == {
        "bootstrap_servers": "kafka-1:9092,kafka-2:9092",
        "client_id": f"segment-encharge-connector-{__version__}-ingest",
        "security_protocol": "PLAINTEXT",
    }


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_login_is_passed_on(protocol, mechanism):
    settings = Settings(
        kafka_security_protocol=protocol,
        kafka_sasl_mechanism=mechanism,
        kafka_sasl_username="connector",
        kafka_sasl_password="secret",
    )

    found = connection(settings, "ingest")

    assert found["security_protocol"] == protocol
    assert found.pop("sasl_plain_password")() == "secret"
    assert {name: value for name, value in found.items() if name.startswith("sasl")} == {
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "connector",
    }


def test_a_login_with_tokens_passes_on_where_they_come_from_and_no_password():
    settings = Settings(
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="OAUTHBEARER",
        kafka_oauth_token_provider="tests.kafka.tokens:lasting",
    )

    found = connection(settings, "ingest")

    assert found["sasl_mechanism"] == "OAUTHBEARER"
    assert isinstance(found["sasl_oauth_token_provider"], KafkaTokens)
    assert "sasl_plain_password" not in found


def test_all_clients_of_a_process_share_their_tokens():
    settings = Settings(
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="OAUTHBEARER",
        kafka_oauth_token_provider="tests.kafka.tokens:lasting",
    )

    one, other = (connection(settings, role)["sasl_oauth_token_provider"] for role in ("ingest", "lag"))

    assert one is other


@pytest.mark.parametrize(
    ("protocol", "has_tls"),
    [("PLAINTEXT", False), ("SASL_PLAINTEXT", False), ("SSL", True), ("SASL_SSL", True)],
)
def test_tls_is_used_only_where_the_protocol_says_so(protocol, has_tls):
    login = {"kafka_sasl_username": "u", "kafka_sasl_password": "p"} if protocol.startswith("SASL") else {}
    found = connection(Settings(kafka_security_protocol=protocol, **login), "ingest")

    assert ("ssl_context" in found) == has_tls


def test_brokers_must_prove_who_they_are():
    context = connection(with_tls(), "ingest")["ssl_context"].context()

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


async def talk(client_context, *, with_client_certificate):
    """Shake hands with a TLS server of ours; tell the certificate it saw of the client."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(CERT, KEY)
    if with_client_certificate:
        server_context.load_verify_locations(CERT)
        server_context.verify_mode = ssl.CERT_REQUIRED
    seen = asyncio.get_running_loop().create_future()

    async def serve(reader, writer):
        await reader.readline()
        seen.set_result(writer.get_extra_info("peercert"))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context) as server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client_context, server_hostname="localhost"
        )
        try:
            writer.write(b"hello\n")
            return await asyncio.wait_for(seen, 5)
        finally:
            writer.close()


async def test_a_certificate_of_the_ca_file_is_trusted():
    context = connection(with_tls(ca=CERT), "ingest")["ssl_context"]

    assert await talk(context, with_client_certificate=False) is None


async def test_a_certificate_of_somebody_else_is_not_trusted():
    context = connection(with_tls(), "ingest")["ssl_context"]

    with pytest.raises(ssl.SSLCertVerificationError):
        await talk(context, with_client_certificate=False)


async def test_our_certificate_is_shown_to_a_broker_that_asks_for_it():
    context = connection(with_tls(ca=CERT, cert=CERT, key=KEY), "ingest")["ssl_context"]

    certificate = await talk(context, with_client_certificate=True)

    assert certificate["subject"] == ((("commonName", "localhost"),),)


@pytest.mark.parametrize(
    ("files", "setting", "words"),
    [
        pytest.param({"ca": TLS / "none.pem"}, "CA", "none.pem holds no certificates (PEM): No such file", id="no CA"),
        pytest.param({"ca": TLS}, "CA", "tls holds no certificates (PEM): Is a directory", id="CA is a folder"),
        pytest.param({"ca": KEY}, "CA", "key.pem holds no certificates (PEM): ", id="a key as CA"),
        pytest.param({"ca": Path(__file__)}, "CA", ".py holds no certificates (PEM): ", id="CA is no PEM"),
        pytest.param({"cert": TLS / "none.pem", "key": KEY}, "CERT", "none.pem and ", id="no certificate"),
        pytest.param({"cert": CERT, "key": TLS / "none.pem"}, "CERT", "none.pem are no ", id="no key"),
        pytest.param({"cert": KEY, "key": CERT}, "CERT", "are no certificate and its key", id="swapped"),
        pytest.param({"cert": CERT, "key": TLS / "other-key.pem"}, "CERT", "are no certificate and its key", id="another's key"),
        pytest.param({"cert": CERT, "key": TLS / "encrypted-key.pem"}, "CERT", "the key is encrypted", id="encrypted key"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used_are_told_with_setting_file_and_reason(files, setting, words):
    with pytest.raises(ConfigurationError) as caught:
        connection(with_tls(**files), "ingest")

    [problem] = caught.value.problems
    assert problem.path == f"CONNECTOR_KAFKA_SSL_{setting}_FILE"
    assert words in problem.message


# Closing


@contextmanager
def silent_broker():
    """Shake hands over TLS and never say anything after that, goodbyes included."""
    done = threading.Event()

    def serve(listening):
        with (
            listening.accept()[0] as plain,
            server_context(Certificate(CERT, KEY)).wrap_socket(
                plain, server_side=True, suppress_ragged_eofs=True
            ),
        ):
            done.wait(60)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        yield listening.getsockname()[1]
        done.set()
        thread.join()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_connection_is_closed_without_waiting_for_the_goodbye_of_the_broker(loop):
    context = connection(with_tls(ca=CERT), "ingest")["ssl_context"]

    async def close(port):
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        writer.close()
        async with asyncio.timeout(5):
            await writer.wait_closed()
        return True

    with silent_broker() as port, asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(close(port))


# Files that change


class Cluster(NamedTuple):
    """An authority, and what it signed for a broker and for us."""

    authority: Authority
    broker: Certificate
    client: Certificate


def cluster(folder):
    folder.mkdir()
    authority = make_authority(folder)
    return Cluster(authority, authority.sign("localhost"), authority.sign(folder.name, usage="clientAuth"))


@pytest.fixture
def clusters(tmp_path):
    return cluster(tmp_path / "before"), cluster(tmp_path / "after")


@pytest.fixture
def ours(tmp_path, clusters):
    """Our files, by the names of the settings, with what the first cluster wants."""
    files = {name: tmp_path / f"our-{name}.pem" for name in ("ca", "cert", "key")}
    replace(files, clusters[0], "ca", "cert", "key")
    return files


def replace(files, cluster, *names):
    contents = {
        "ca": cluster.authority.file,
        "cert": cluster.client.file,
        "key": cluster.client.key_file,
    }
    for name in names:
        new = files[name].with_suffix(".new")
        shutil.copy(contents[name], new)
        new.replace(files[name])


async def name_seen_by(cluster, client_context):
    """Shake hands with a broker that asks for a certificate; give the name in it."""
    asking = server_context(cluster.broker)
    asking.load_verify_locations(cluster.authority.file)
    asking.verify_mode = ssl.CERT_REQUIRED
    seen = asyncio.get_running_loop().create_future()

    async def serve(reader, writer):
        await reader.readline()
        [[(_, name)]] = writer.get_extra_info("peercert")["subject"]
        seen.set_result(name)
        writer.close()

    async with await asyncio.start_server(serve, "localhost", 0, ssl=asking) as server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("localhost", port, ssl=client_context)
        try:
            writer.write(b"hello\n")
            return await asyncio.wait_for(seen, 5)
        finally:
            writer.close()


async def test_files_that_were_replaced_count_for_the_next_connection(clusters, ours):
    before, after = clusters
    context = connection(with_tls(**ours), "ingest")["ssl_context"]
    assert await name_seen_by(before, context) == "before"

    replace(ours, after, "ca", "cert", "key")

    assert await name_seen_by(after, context) == "after"
    with pytest.raises(ssl.SSLCertVerificationError):  # who is not in the file any more is not trusted
        await name_seen_by(before, context)


async def test_a_certificate_whose_key_is_still_to_come_leaves_the_one_before_in_force(clusters, ours):
    before, after = clusters
    context = connection(with_tls(**ours), "ingest")["ssl_context"]

    replace(ours, after, "cert")
    with capture_logs() as lines:
        assert await name_seen_by(before, context) == "before"
    of_a_new_client = connection(with_tls(**ours), "lag")["ssl_context"]
    assert await name_seen_by(before, of_a_new_client) == "before"
    replace(ours, after, "ca", "key")

    [line] = lines
    assert line["event"] == "changed certificates cannot be used, the ones before stay"
    assert "CONNECTOR_KAFKA_SSL_CERT_FILE: " in line["error"]
    assert await name_seen_by(after, context) == "after"
