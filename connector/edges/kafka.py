"""How to connect to Kafka: settings turned into the arguments of aiokafka's clients."""

from __future__ import annotations

from typing import Any

from connector import __version__
from connector.edges.aiokafka_internals import notice_closed_transports, notice_refused_tokens
from connector.edges.kafka_oauth import kafka_tokens
from connector.edges.kafka_tls import kafka_tls
from connector.settings import Settings

# Here, as every client of ours is made with what this module gives.
notice_closed_transports()
notice_refused_tokens()


def connection(settings: Settings, role: str) -> dict[str, Any]:
    """Give what every client of ours needs; `role` shows in the broker's logs and quotas.

    Raises: ConfigurationError when a certificate or key cannot be read, or a token provider not imported
    """
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "client_id": f"segment-encharge-connector-{__version__}-{role}",
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        arguments["ssl_context"] = kafka_tls(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        arguments["sasl_mechanism"] = settings.kafka_sasl_mechanism
        if settings.kafka_sasl_mechanism == "OAUTHBEARER":
            arguments["sasl_oauth_token_provider"] = kafka_tokens(settings)
        else:
            arguments["sasl_plain_username"] = settings.kafka_sasl_username
            arguments["sasl_plain_password"] = settings.kafka_sasl_password
    return arguments
