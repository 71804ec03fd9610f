"""TLS to Kafka from certificates in files, which are read anew when they change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from ssl import MemoryBIO, SSLContext, SSLObject, SSLSession, SSLWantReadError, create_default_context
from typing import NoReturn

import structlog

from connector.edges.file_watch import FileWatch
from connector.errors import ConfigurationError, Problem
from connector.settings import Settings

log = structlog.get_logger(__name__)


class KafkaTls:
    """What an event loop needs of an SSLContext to open a connection; looks at the files before each.

    Connections that are open stay as they are. Files that cannot be used, as when a certificate was replaced
    and its key not yet, leave in force what was read before.

    Raises: ConfigurationError when the files cannot be used at the start
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watch = FileWatch(_files(settings), lambda: None)
        self._context = _read(settings)

    def wrap_bio(
        self,
        incoming: MemoryBIO,
        outgoing: MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: SSLSession | None = None,
    ) -> SSLObject:
        """Begin TLS on a new connection."""
        return self.context().wrap_bio(incoming, outgoing, server_side, server_hostname, session)

    def context(self) -> SSLContext:
        """Give what the files say now."""
        if self._watch.look():
            try:
                self._context = _read(self._settings)
            except ConfigurationError as error:
                log.warning("changed certificates cannot be used, the ones before stay", error=str(error))
            else:
                log.info("certificates for Kafka were changed and read anew")
        return self._context


@lru_cache(maxsize=8)
def kafka_tls(settings: Settings) -> KafkaTls:
    """Give the TLS of all clients of a process: one made while files are being replaced has them as before.

    Raises: ConfigurationError when the files cannot be used at the start
    """
    return KafkaTls(settings)


class _LeavesAtOnce(SSLObject):
    """One end of TLS that says goodbye and does not wait for the answer.

    With TLS 1.3 a broker need not answer, and then asyncio and uvloop wait 30 s for it. Whoever closes a
    connection to Kafka has had all answers, or wants none.
    """

    def unwrap(self) -> None:
        """Write our goodbye."""
        with suppress(SSLWantReadError):
            super().unwrap()


def _files(settings: Settings) -> Iterator[Path]:
    for file in (settings.kafka_ssl_ca_file, settings.kafka_ssl_cert_file, settings.kafka_ssl_key_file):
        if file is not None:
            yield file


def _read(settings: Settings) -> SSLContext:
    ca, cert, key = settings.kafka_ssl_ca_file, settings.kafka_ssl_cert_file, settings.kafka_ssl_key_file
    try:
        context = create_default_context(cafile=ca)
        context.sslobject_class = _LeavesAtOnce
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
