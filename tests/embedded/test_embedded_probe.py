import socket
import struct
import threading
from contextlib import contextmanager

import pytest

from connector.embedded.ports import free_port
from connector.embedded.probe import is_serving

BROKER = struct.pack(">i", 1) + b"\x00\x09127.0.0.1" + struct.pack(">ih", 9092, -1)


def metadata(*, brokers=1, topic_error=0, partition_errors=(0,)):
    """An answer in version 1 with one topic, as Kafka writes it."""
    partitions = b"".join(
        struct.pack(">hii", error, number, 1) + struct.pack(">ii", 1, 1) * 2
        for number, error in enumerate(partition_errors)
    )
    topic = struct.pack(">h", topic_error) + b"\x00\x01t" + struct.pack(">bi", 0, len(partition_errors))
    body = struct.pack(">ii", 1, brokers) + BROKER * brokers + struct.pack(">ii", 1, 1) + topic + partitions
    return struct.pack(">i", len(body)) + body


@contextmanager
def answering(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("answer", "serving"),
    [
        pytest.param(metadata(), True, id="all partitions led"),
        pytest.param(metadata(partition_errors=()), True, id="no partitions"),
        pytest.param(metadata(brokers=0), False, id="broker is fenced"),
        pytest.param(metadata(partition_errors=(0, 5)), False, id="a partition without leader"),
        pytest.param(metadata(topic_error=5), False, id="a topic with an error"),
        pytest.param(metadata()[:-7], False, id="cut off"),
        pytest.param(b"", False, id="connection closed"),
    ],
)
def test_a_broker_serves_once_it_is_in_its_cluster_and_leads_everything(answer, serving):
    with answering(answer) as port:
        assert is_serving("127.0.0.1", port) is serving


def test_nobody_listening_is_not_serving():
    assert not is_serving("127.0.0.1", free_port("127.0.0.1"))
