import socket

import pytest

from connector.embedded import EmbeddedKafkaError
from connector.embedded.ports import free_port, is_free, require_free


def test_a_free_port_can_be_listened_on_and_is_none_of_those_taken():
    first = free_port("127.0.0.1")
    second = free_port("127.0.0.1", {first})

    assert first != second
    with socket.create_server(("127.0.0.1", first)), socket.create_server(("127.0.0.1", second)):
        pass


def test_a_free_port_lies_below_those_of_outgoing_connections():
    assert all(20_000 <= free_port("127.0.0.1") < 32_000 for _ in range(20))


def test_a_port_somebody_listens_on_is_not_free_and_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        assert not is_free("127.0.0.1", port)
        with pytest.raises(EmbeddedKafkaError, match=f"port {port} on 127.0.0.1 is taken") as caught:
            require_free("127.0.0.1", port)

    assert caught.value.reason == "port_taken"


def test_a_port_with_connections_in_time_wait_is_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            connection, _ = server.accept()
            connection.close()  # the side that closes first keeps the port in TIME_WAIT

    assert is_free("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_this_machine_is_refused(host):
    with pytest.raises(EmbeddedKafkaError, match=host) as caught:
        free_port(host)

    assert caught.value.reason == "address"
