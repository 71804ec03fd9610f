"""A broker with a network between it and its clients."""

from contextlib import contextmanager

from connector.embedded import EmbeddedKafka
from connector.embedded.ports import free_port
from tests.netfaults.proxy import Proxy

HOST, FAR = "127.0.0.1", "FAR"


@contextmanager
def kafka_behind_proxy(**more):
    """Give the broker and the proxy before its second listener, which tells clients the proxy's port.

    `kafka.bootstrap_servers` leads to the broker directly, `proxy.address` through the proxy, all the way.
    """
    port = free_port(HOST)
    with Proxy(HOST, 0) as proxy:
        advertised = f"PLAINTEXT://{HOST}:{port},{FAR}://{proxy.address}"
        with EmbeddedKafka(
            port=port,
            host=HOST,
            listeners={FAR: "PLAINTEXT"},
            properties={"advertised.listeners": advertised},
            **more,
        ) as kafka:
            far_host, far_port = kafka.address(FAR).split(":")
            proxy.lead_to(far_host, int(far_port))
            yield kafka, proxy
