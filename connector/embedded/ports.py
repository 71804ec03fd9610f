"""Free ports for listeners that somebody else opens a second or two later."""

from __future__ import annotations

import errno
import secrets
import socket
from collections.abc import Collection

from connector.embedded.errors import EmbeddedKafkaError

# Below what systems hand out for outgoing connections (Linux from 32768, others from 49152), so not "bind to
# 0": while a killed broker is away, its port must not become the local end of somebody's connection. Clients
# that keep knocking on a closed port of that range can even connect to themselves.
_CANDIDATES = range(20_000, 32_000)


def free_port(host: str, taken: Collection[int] = ()) -> int:
    """Return a random port on which one can listen now; nobody keeps it free."""
    for _ in _CANDIDATES:
        port = secrets.choice(_CANDIDATES)
        if port not in taken and is_free(host, port):
            return port
    raise EmbeddedKafkaError(
        "port_taken", f"no free port on {host} between {_CANDIDATES[0]} and {_CANDIDATES[-1]}; name one"
    )


def require_free(host: str, port: int) -> int:
    """Return the port when one can listen on it, and raise EmbeddedKafkaError port_taken otherwise."""
    if not is_free(host, port):
        raise EmbeddedKafkaError(
            "port_taken",
            f"port {port} on {host} is taken; stop the program that listens there or choose another port",
        )
    return port


def is_free(host: str, port: int) -> bool:
    """Tell whether nobody listens there; raises EmbeddedKafkaError address when we never could."""
    try:
        socket.create_server((host, port)).close()
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            return False
        raise EmbeddedKafkaError("address", f"cannot listen on {host}:{port}: {exc.strerror or exc}") from exc
    return True
