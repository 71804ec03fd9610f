"""How to connect to Kafka: settings turned into the arguments of aiokafka's clients."""

from __future__ import annotations

from ssl import SSLContext, create_default_context
from typing import Any, NoReturn

from connector import __version__
from connector.edges.aiokafka_internals import notice_closed_transports
from connector.errors import ConfigurationError, Problem
from connector.settings import Settings

notice_closed_transports()  # here, as every client of ours is made with what this module gives


def connection(settings: Settings, role: str) -> dict[str, Any]:
    """Give what every client of ours needs; `role` shows in the broker's logs and quotas.

    Raises: ConfigurationError when a certificate or key cannot be read
    """
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "client_id": f"segment-encharge-connector-{__version__}-{role}",
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        arguments["ssl_context"] = _tls(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        arguments |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": settings.kafka_sasl_password,
        }
    return arguments


def _tls(settings: Settings) -> SSLContext:
    ca, cert, key = settings.kafka_ssl_ca_file, settings.kafka_ssl_cert_file, settings.kafka_ssl_key_file
    try:
        context = create_default_context(cafile=ca)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigurationError(
            Problem(f"{ca} holds no certificates (PEM): {_words(error)}", path="CONNECTOR_KAFKA_SSL_CA_FILE")
        ) from error
    if cert is not None:
        try:
            context.load_cert_chain(cert, key, _refuse_password)
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                Problem(
                    f"{cert} and {key} are no certificate and its key (PEM): {_words(error)}",
                    path="CONNECTOR_KAFKA_SSL_CERT_FILE",
                )
            ) from error
    return context


def _refuse_password() -> NoReturn:
    """Stand in for OpenSSL's own question, which would wait at a terminal."""
    raise ValueError("the key is encrypted; decrypt it, there is no setting for its password")


def _words(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return getattr(error, "reason", None) or error.strerror or type(error).__name__
    return str(error)
