"""What stands between us and Kafka, in words that name the setting; each trouble is a real one."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from connector.edges.kafka_trouble import in_words, why_unreachable
from connector.settings import Settings
from tests.edges.certificates import make_authority, make_certificate, server_context

NOBODY = "127.0.0.1:1"


def settings(address, **more):
    return Settings.from_environment({"CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": address, **more})


async def why(address, **more):
    return str(await why_unreachable(settings(address, **more)))


@asynccontextmanager
async def server(on_connection, tls=None):
    serving = await asyncio.start_server(on_connection, "localhost", 0, ssl=tls)
    try:
        yield f"localhost:{serving.sockets[0].getsockname()[1]}"
    finally:
        serving.close()


async def hang_up(_reader, writer):
    writer.close()


async def test_nobody_listens():
    told = await why(NOBODY)

    assert told.startswith(f"Kafka at {NOBODY} cannot be reached (Connection refused)")
    assert "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS" in told


async def test_every_broker_of_the_list_is_told():
    told = await why("127.0.0.1:1,127.0.0.1:2")

    assert "Kafka at 127.0.0.1:1 cannot be reached" in told
    assert "Kafka at 127.0.0.1:2 cannot be reached" in told


async def test_a_name_that_nobody_knows():
    assert "Kafka at kafka.invalid:9092 has a name that nobody knows" in await why("kafka.invalid:9092")


async def test_a_server_that_hangs_up_is_asked_for_its_protocol():
    async with server(hang_up) as address:
        told = await why(address)

    assert "does it speak PLAINTEXT (CONNECTOR_KAFKA_SECURITY_PROTOCOL)?" in told


async def test_a_server_that_says_nothing(monkeypatch):
    monkeypatch.setattr("connector.edges.kafka_trouble.LOOK_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        told = await why(f"127.0.0.1:{silent.getsockname()[1]}")

    assert "does not answer within 0.2 s" in told


async def test_a_server_without_tls():
    async with server(hang_up) as address:
        told = await why(address, CONNECTOR_KAFKA_SECURITY_PROTOCOL="SSL")

    assert "CONNECTOR_KAFKA_SECURITY_PROTOCOL" in told


async def test_a_certificate_of_another_authority(tmp_path):
    (tmp_path / "other").mkdir()
    ours, theirs = make_authority(tmp_path), make_certificate(tmp_path / "other", "localhost")
    async with server(hang_up, server_context(theirs)) as address:
        told = await why(
            address, CONNECTOR_KAFKA_SECURITY_PROTOCOL="SSL", CONNECTOR_KAFKA_SSL_CA_FILE=str(ours.file)
        )

    assert (
        "shows a certificate that is refused (self-signed certificate); is CONNECTOR_KAFKA_SSL_CA_FILE"
        in told
    )


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        pytest.param("CONNECTOR_KAFKA_SASL_PASSWORD", "wrong-password", "CONNECTOR_KAFKA_SASL_PASSWORD right?", id="password"),
        pytest.param("CONNECTOR_KAFKA_SASL_USERNAME", "stranger", "CONNECTOR_KAFKA_SASL_USERNAME", id="user"),
        pytest.param("CONNECTOR_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512", "does not offer SCRAM-SHA-512", id="mechanism"),
    ],
)  # fmt: skip
async def test_a_broker_that_refuses_us(secured, name, value, words):
    told = str(await why_unreachable(Settings.from_environment({**secured.environment, name: value})))

    assert words in told
    assert "wrong-password" not in told
    assert "right-password" not in told


@pytest.mark.kafka
async def test_a_broker_that_asks_for_a_login(secured):
    told = await why(secured.environment["CONNECTOR_KAFKA_BOOTSTRAP_SERVERS"])

    assert "does it speak PLAINTEXT (CONNECTOR_KAFKA_SECURITY_PROTOCOL)?" in told


@pytest.mark.kafka
async def test_a_broker_that_answers_after_all(secured):
    told = str(await why_unreachable(Settings.from_environment(secured.environment)))

    assert told.endswith("answers now; try again")


def test_errors_of_rights_name_what_they_are_about():
    from aiokafka import errors

    assert "the consumer group" in in_words(errors.GroupAuthorizationFailedError("g"))
    assert "the topic" in in_words(errors.TopicAuthorizationFailedError("t"))
    assert in_words(errors.NotLeaderForPartitionError("secret")) == "NotLeaderForPartitionError"
