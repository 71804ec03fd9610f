"""How to connect to Kafka: settings turned into the arguments of aiokafka's clients."""

from __future__ import annotations

from typing import Any

from aiokafka.helpers import create_ssl_context

from connector import __version__
from connector.errors import ConfigurationError, Problem
from connector.settings import Settings


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
        try:
            arguments["ssl_context"] = create_ssl_context(
                cafile=settings.kafka_ssl_ca_file,
                certfile=settings.kafka_ssl_cert_file,
                keyfile=settings.kafka_ssl_key_file,
            )
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            reason = getattr(error, "reason", None) or error.__class__.__name__
            raise ConfigurationError(
                Problem(f"certificate or key cannot be used: {reason}", path="CONNECTOR_KAFKA_SSL_…_FILE")
            ) from error
    if settings.kafka_security_protocol.startswith("SASL"):
        arguments |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": settings.kafka_sasl_password,
        }
    return arguments
