"""Settings turned into what Kafka clients are called with."""

import asyncio
import ssl
from pathlib import Path

import pytest

from connector import __version__
from connector.edges.kafka import connection
from connector.errors import ConfigurationError
from connector.settings import Settings

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
    assert {name: value for name, value in found.items() if name.startswith("sasl")} == {
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "connector",
        "sasl_plain_password": "secret",
    }


@pytest.mark.parametrize(
    ("protocol", "has_tls"),
    [("PLAINTEXT", False), ("SASL_PLAINTEXT", False), ("SSL", True), ("SASL_SSL", True)],
)
def test_tls_is_used_only_where_the_protocol_says_so(protocol, has_tls):
    found = connection(Settings(kafka_security_protocol=protocol), "ingest")

    assert ("ssl_context" in found) == has_tls


def test_brokers_must_prove_who_they_are():
    context = connection(with_tls(), "ingest")["ssl_context"]

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
