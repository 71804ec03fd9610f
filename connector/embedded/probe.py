"""Asks a broker whether it serves: one Metadata request, without a client library.

Source of the format: https://kafka.apache.org/protocol.html#The_Messages_Metadata, version 1
"""

from __future__ import annotations

import socket
import struct

_TIMEOUT_S = 2.0
_METADATA, _VERSION, _CORRELATION_ID = 3, 1, 1
_NO_TEXT, _ALL_TOPICS = -1, -1
_REQUEST = struct.pack(">hhihi", _METADATA, _VERSION, _CORRELATION_ID, _NO_TEXT, _ALL_TOPICS)


def is_serving(host: str, port: int) -> bool:
    """Tell whether a broker answers there, belongs to its cluster and leads every partition we may see."""
    try:
        with socket.create_connection((host, port), _TIMEOUT_S) as connection:
            connection.sendall(struct.pack(">i", len(_REQUEST)) + _REQUEST)
            with connection.makefile("rb") as stream:
                (size,) = struct.unpack(">i", stream.read(4))
                return _all_led(_Reader(stream.read(size)))
    except (OSError, struct.error):  # nobody there, silence, or a connection closed half way
        return False


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, layout: str) -> int:
        (value,) = struct.unpack_from(">" + layout, self._data, self._at)
        self._at += struct.calcsize(">" + layout)
        return int(value)

    def skip_text(self) -> None:
        length = self.take("h")  # -1 is null
        self._at += max(length, 0)

    def skip_numbers(self) -> None:
        count = self.take("i")
        self._at += 4 * count


def _all_led(response: _Reader) -> bool:
    response.take("i")  # correlation id
    brokers = response.take("i")
    for _ in range(brokers):
        response.take("i")  # id
        response.skip_text()  # host
        response.take("i")  # port
        response.skip_text()  # rack
    response.take("i")  # controller's id
    errors = []
    for _ in range(response.take("i")):
        errors.append(response.take("h"))
        response.skip_text()  # name
        response.take("b")  # internal
        for _ in range(response.take("i")):
            errors.append(response.take("h"))
            response.take("i")  # partition
            response.take("i")  # leader
            response.skip_numbers()  # replicas
            response.skip_numbers()  # in sync
    return brokers > 0 and not any(errors)
