"""Kafka's errors in words that say what is wrong and which setting or right mends it."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from typing import Final

from aiokafka import errors
from aiokafka.conn import create_conn

from connector.edges.aiokafka_internals import ask_for_no_topics
from connector.edges.kafka import connection
from connector.errors import OperationalError
from connector.settings import Settings

LOOK_TIMEOUT_S: Final = 5.0

_RESOURCES: Final[dict[type[errors.KafkaError], str]] = {
    errors.TopicAuthorizationFailedError: "the topic",
    errors.GroupAuthorizationFailedError: "the consumer group",
    errors.ClusterAuthorizationFailedError: "the cluster",
    errors.TransactionalIdAuthorizationFailed: "the transactional id",
}
RIGHTS: Final = tuple(_RESOURCES)
"""The errors that mean that the user lacks a right."""

_LOGIN: Final = (errors.AuthenticationFailedError, errors.SaslAuthenticationFailed)


class LoginRefused(OperationalError):
    """A broker answers and refuses who we say we are: waiting does not help."""


def in_words(error: BaseException) -> str:
    """Say what an error of Kafka means; never the text of the error, which may quote anything."""
    for kind, resource in _RESOURCES.items():
        if isinstance(error, kind):
            return f"no right to do this with {resource} (docs/kafka-rights.md lists what each command needs)"
    match error:
        case errors.UnknownTopicOrPartitionError():
            return "the topic does not exist; `encharge-connector topics apply` makes it"
        case errors.ProducerFenced():
            return "another process with the same transactional id took over"
        case _:
            return type(error).__name__


def missing_topic(name: str) -> OperationalError:
    """Give the error for one of our topics that is not there."""
    return OperationalError(f"topic {name} does not exist; `encharge-connector topics apply` creates it")


async def trouble(settings: Settings, what: str, error: errors.KafkaError) -> OperationalError:
    """Give the error to raise for an error of Kafka in `what` was done."""
    if isinstance(error, errors.KafkaConnectionError):
        return await why_unreachable(settings)
    return OperationalError(f"{what}: {in_words(error)}")


async def why_unreachable(settings: Settings) -> OperationalError:
    """Try each broker by itself, and give the error that says what stands in the way.

    The clients' own error for any trouble with all brokers is that none could be reached.
    """
    found = []
    kind = OperationalError
    for address in map(str.strip, settings.kafka_bootstrap_servers.split(",")):
        error = await _look(settings, address)
        if isinstance(error, _LOGIN):
            kind = LoginRefused
        found.append(
            f"Kafka at {address} {'answers now; try again' if error is None else _told(error, settings)}"
        )
    return kind("; ".join(found))


async def _look(settings: Settings, address: str) -> Exception | None:
    host, _, port = address.rpartition(":")
    arguments = connection(settings, "look")
    del arguments["bootstrap_servers"]
    try:
        async with asyncio.timeout(LOOK_TIMEOUT_S):
            found = await create_conn(host.strip("[]"), int(port), **arguments)
            try:
                await ask_for_no_topics(found)  # without a login the first request ends the connection
            finally:
                found.close()
    except Exception as error:  # whatever it is, it is told, and the caller has an error to raise anyway
        return error
    return None


def _told(error: Exception, settings: Settings) -> str:
    protocol = settings.kafka_security_protocol
    match error:
        case socket.gaierror():
            return "has a name that nobody knows; is CONNECTOR_KAFKA_BOOTSTRAP_SERVERS right?"
        case ssl.SSLCertVerificationError():
            return (
                f"shows a certificate that is refused ({error.verify_message});"
                " is CONNECTOR_KAFKA_SSL_CA_FILE the authority of this cluster?"
            )
        case ssl.SSLError():
            return (
                f"does not speak TLS as we do ({error.reason}); is CONNECTOR_KAFKA_SECURITY_PROTOCOL right?"
            )
        case errors.IllegalSaslStateError():
            return f"wants no login; is CONNECTOR_KAFKA_SECURITY_PROTOCOL={protocol} right?"
        case errors.UnsupportedSaslMechanismError():
            return f"does not offer {settings.kafka_sasl_mechanism}; is CONNECTOR_KAFKA_SASL_MECHANISM right?"
        case _ if isinstance(error, _LOGIN):
            return (
                "refuses user or password; are CONNECTOR_KAFKA_SASL_USERNAME and"
                " CONNECTOR_KAFKA_SASL_PASSWORD right?"
            )
        case TimeoutError():
            return (
                f"does not answer within {LOOK_TIMEOUT_S:g} s; is it up, and does it speak {protocol}"
                " (CONNECTOR_KAFKA_SECURITY_PROTOCOL)?"
            )
        case errors.KafkaConnectionError() | ConnectionResetError():
            return f"ends the connection; does it speak {protocol} (CONNECTOR_KAFKA_SECURITY_PROTOCOL)?"
        case OSError():
            return (
                f"cannot be reached ({os.strerror(error.errno) if error.errno else type(error).__name__}); is"
                " CONNECTOR_KAFKA_BOOTSTRAP_SERVERS right, and is the broker up?"
            )
        case _:
            return f"cannot be used ({type(error).__name__})"
