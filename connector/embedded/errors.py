"""The one error of the embedded broker, with what went wrong as a stable word."""

from __future__ import annotations

from typing import Literal, TypeAlias

from connector.errors import OperationalError

Reason: TypeAlias = Literal[
    "not_installed",  # the extra `embedded` is missing
    "no_network",  # the repository cannot be reached
    "repository",  # it answers, but does not have what we need, or its address is none
    "bad_checksum",  # it sent something else than the pinned jar
    "cache",  # the cache directory cannot be used
    "no_space",  # on the disk of the cache or of the data
    "address",  # the host is not one of this machine, or the port is not for us
    "port_taken",
    "data_in_use",  # another broker runs on the same data
    "start_failed",  # the broker ended, or did not answer in time
]


class EmbeddedKafkaError(OperationalError):
    """The embedded broker cannot be had; the message says what to do about it."""

    code = "embedded_kafka"

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason
