"""`encharge-connector kafka`: the embedded broker as a command."""

import json
import os
import re
import signal
import socket

import pytest

from connector.embedded import EmbeddedKafka
from tests.cli.cluster import answers
from tests.cli.command import alive, run
from tests.eventually import eventually

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data directory that is formatted by the first test that uses it."""
    return tmp_path_factory.mktemp("data")


def test_it_serves_until_ctrl_c_and_keeps_a_directory_that_was_given(start, data):
    process = start("kafka", "--port", "0", "--data-dir", data, "--heap", "300m", "--json")
    told = json.loads(eventually(lambda: process.out, 60))
    served = answers(told["bootstrap_servers"])
    [guard] = process.children()

    process.press_ctrl_c()

    assert process.wait(30) == 0
    assert served
    assert process.err == ""
    assert told["data_dir"] == str(data)
    assert (data / "server.properties").exists()
    assert not alive(guard)


def test_a_broker_that_ends_by_itself_is_an_operational_error_with_the_end_of_its_log(start, data):
    process = start("kafka", "--port", "0", "--data-dir", data, "--heap", "300m")
    eventually(lambda: process.out, 60)
    [guard] = process.children()
    [java] = guard.children()

    java.kill()

    assert process.wait() == 3
    assert re.fullmatch(rf"Kafka is up at 127\.0\.0\.1:\d+, data in {data}; Ctrl-C ends it\n", process.out)
    last = (data / "kafka.log").read_text().splitlines()[-1]
    told = process.err.splitlines()
    assert (told[0], told[-1]) == ("error: Kafka ended by itself; its log ends with", f"error: {last}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_interrupts_the_start_and_nothing_is_left(start, tmp_path, number):
    (tmp_path / "tmp").mkdir()
    process = start("kafka", "--port", "0", TMPDIR=str(tmp_path / "tmp"))
    [java] = eventually(process.children, 20)

    process.send(number)

    assert process.wait() == 130
    assert process.err.split() == ["Interrupted."]
    assert process.out == ""
    assert not alive(java)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_port_that_is_taken_is_told_before_anything_is_started(here):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = run("kafka", "--port", port, "--data-dir", "data")

    assert done.code == 3
    assert done.err == (
        f"error: port {port} on 127.0.0.1 is taken; stop the program that listens there or choose another port\n"
    )
    assert done.out == ""


def test_a_directory_that_another_broker_uses_is_told(broker):
    if not isinstance(broker, EmbeddedKafka):
        pytest.skip("the broker of this run is a container")

    done = run("kafka", "--port", "0", "--data-dir", os.fspath(broker.data_dir))

    assert done.code == 3
    assert done.err.startswith(f"error: another broker uses the data directory {broker.data_dir}; ")
