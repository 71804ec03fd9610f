"""How to connect to Kafka: settings turned into the arguments of aiokafka's clients."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from connector import __version__
from connector.edges.aiokafka_internals import (
    ask_for_the_password,
    end_fetches_first,
    hear_late_commits,
    notice_closed_transports,
    notice_refused_tokens,
)
from connector.edges.kafka_oauth import kafka_tokens
from connector.edges.kafka_tls import kafka_tls
from connector.edges.live_secret import LiveSecret
from connector.secret_files import FileSecret
from connector.settings import Settings

# Here, as every client of ours is made with what this module gives.
notice_closed_transports()
notice_refused_tokens()
ask_for_the_password()
end_fetches_first()
hear_late_commits()


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
            # Asked for at every login: the file that holds it may have changed.
            password = settings.kafka_sasl_password
            assert password is not None  # settings without one are refused
            file = password.file if isinstance(password, FileSecret) else None
            arguments["sasl_plain_password"] = _kafka_password(password, file)
    return arguments


@lru_cache(maxsize=8)
def _kafka_password(password: str, _file: Path | None) -> LiveSecret:
    """Give the password that all clients of a process share, so that a change is told once."""
    return LiveSecret(password, "CONNECTOR_KAFKA_SASL_PASSWORD")
