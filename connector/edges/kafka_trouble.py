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
from connector.edges.kafka_oauth import PROVIDER, TOKEN_URL, TokenTrouble
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
_WAY_OF_LOGIN: Final = (errors.IllegalSaslStateError, errors.UnsupportedSaslMechanismError)

# What OpenSSL found wrong with a broker's certificate.
_NOT_YET, _EXPIRED, _OTHER_NAME = 9, 10, (62, 64)
_TLS_ALERT: Final = 0x1503  # first bytes of a record of TLS that ends a conversation


class Refused(OperationalError):
    """A broker refuses us, or we refuse it: waiting does not help."""


class _SpeaksTls(Exception):
    """What a broker says to one that does not speak TLS."""


class _OurCertificate(Exception):
    """A broker refuses our certificate, or that we show none; the text says why, as OpenSSL names it."""


def in_words(error: BaseException) -> str:
    """Say what an error of Kafka means; never the text of the error, which may quote anything."""
    for kind, resource in _RESOURCES.items():
        if isinstance(error, kind):
            return f"no right to do this with {resource} (docs/kafka-rights.md lists what each command needs)"
    match error:
        case errors.UnknownTopicOrPartitionError():
            return "the topic does not exist; `encharge-connector topics apply` makes it"
        case TokenTrouble():
            return error.problem  # in our words
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
        if _is_final(error):
            kind = Refused
        found.append(
            f"Kafka at {address} {'answers now; try again' if error is None else _told(error, settings)}"
        )
    return kind("; ".join(found))


async def _look(settings: Settings, address: str) -> Exception | None:
    host, _, port = address.rpartition(":")
    arguments = connection(settings, "look")
    del arguments["bootstrap_servers"]
    try:
        if tokens := arguments.get("sasl_oauth_token_provider"):
            await tokens.token()  # which has a time limit of its own
        async with asyncio.timeout(LOOK_TIMEOUT_S):
            found = await create_conn(host.strip("[]"), int(port), **arguments)
            try:
                await ask_for_no_topics(found)  # without a login the first request ends the connection
            finally:
                found.close()
    except Exception as error:  # whatever it is, it is told, and the caller has an error to raise anyway
        return _behind(error)
    return None


def _behind(error: Exception) -> Exception:
    """Give what ended a connection, which aiokafka keeps behind its own error."""
    match error.__cause__ if isinstance(error, errors.KafkaConnectionError) else error:
        case ssl.SSLError(reason=str(reason)) if "ALERT" in reason and (
            "CERTIFICATE" in reason or "UNKNOWN_CA" in reason
        ):
            return _OurCertificate(reason.partition("ALERT_")[2].replace("_", " ").lower())
        case ssl.SSLError() as found:
            return found
        case asyncio.IncompleteReadError(expected=int(size)) if size >> 16 == _TLS_ALERT:
            return _SpeaksTls()  # what should have been the size of an answer
        case _:
            return error


def _is_final(error: Exception | None) -> bool:
    if isinstance(error, TokenTrouble):
        return error.is_final
    final = (*_LOGIN, *_WAY_OF_LOGIN, ssl.SSLCertVerificationError, _OurCertificate, _SpeaksTls)
    return isinstance(error, final)


def _told(error: Exception, settings: Settings) -> str:
    protocol = settings.kafka_security_protocol
    match error:
        case socket.gaierror():
            return "has a name that nobody knows; is CONNECTOR_KAFKA_BOOTSTRAP_SERVERS right?"
        case ssl.SSLCertVerificationError():
            return _told_of_certificate(error)
        case _OurCertificate() if settings.kafka_ssl_cert_file is None:
            return (
                "asks for a certificate of ours; set CONNECTOR_KAFKA_SSL_CERT_FILE and"
                " CONNECTOR_KAFKA_SSL_KEY_FILE"
            )
        case _OurCertificate():
            return (
                f"refuses our certificate ({error}); is CONNECTOR_KAFKA_SSL_CERT_FILE in force, and of an"
                " authority that this cluster trusts?"
            )
        case ssl.SSLError():
            return (
                f"does not speak TLS as we do ({error.reason}); is CONNECTOR_KAFKA_SECURITY_PROTOCOL right?"
            )
        case _SpeaksTls():
            wanted = "SASL_SSL" if protocol.startswith("SASL") else "SSL or SASL_SSL"
            return f"speaks TLS; set CONNECTOR_KAFKA_SECURITY_PROTOCOL to {wanted}, not {protocol}"
        case TokenTrouble():
            return f"is not asked, as there is no token: {error.problem}"
        case errors.IllegalSaslStateError():
            return f"wants no login; is CONNECTOR_KAFKA_SECURITY_PROTOCOL={protocol} right?"
        case errors.UnsupportedSaslMechanismError():
            return f"does not offer {settings.kafka_sasl_mechanism}; is CONNECTOR_KAFKA_SASL_MECHANISM right?"
        case _ if isinstance(error, _LOGIN) and settings.kafka_sasl_mechanism == "OAUTHBEARER":
            source = TOKEN_URL if settings.kafka_oauth_token_provider is None else PROVIDER
            return f"refuses the token that {source} gives; is it in force, and for this cluster?"
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


def _told_of_certificate(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _EXPIRED:
        return "shows a certificate that has expired; whoever runs the cluster has to renew it"
    if error.verify_code == _NOT_YET:
        return "shows a certificate that is not valid yet; is the clock of this machine right?"
    if error.verify_code in _OTHER_NAME:
        return (
            "shows a certificate for another name; CONNECTOR_KAFKA_BOOTSTRAP_SERVERS must name brokers as"
            " their certificates do"
        )
    return (
        f"shows a certificate that is refused ({error.verify_message});"
        " is CONNECTOR_KAFKA_SSL_CA_FILE the authority of this cluster?"
    )
