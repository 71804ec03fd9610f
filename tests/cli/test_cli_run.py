"""`encharge-connector run`: what stops it before it starts, one worker, several workers."""

import re
import signal
import socket

import httpx
import pytest

from connector.embedded.ports import free_port
from tests.cli.command import alive, run
from tests.cli.conftest import API_KEY
from tests.eventually import eventually

NO_KAFKA = {"CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "CONNECTOR_WEB_PORT": "0"}
NOTHING_TO_INGEST = {**NO_KAFKA, "CONNECTOR_PARTITIONING": "source"}
EVENT = b'{"type":"track","event":"Signed Up","userId":"u1","messageId":"m1"}\n'


@pytest.fixture
def world(cluster, here, encharge):
    """Settings of a worker that has everything it needs."""
    (here / "destination.yaml").write_text("id: production\n")
    cluster.create(cluster.source, cluster.by_user, cluster.dead)
    return {
        **cluster.environment,
        "CONNECTOR_ENCHARGE_API_KEY": API_KEY,
        "CONNECTOR_ENCHARGE_INGEST_URL": f"{encharge.url}/v1",
        "CONNECTOR_ENCHARGE_API_URL": encharge.url,
    }


def test_a_worker_without_anything_to_do_exits_2():
    done = run("run", "--role", "ingest", **NOTHING_TO_INGEST)

    assert done.code == 2
    assert done.err == "error: CONNECTOR_PARTITIONING: is source, so there is nothing to ingest\n"


@pytest.mark.parametrize(
    ("text", "change", "told"),
    [
        pytest.param(None, {}, "destination.yaml: No such file or directory; `encharge-connector init` writes one", id="no file"),
        pytest.param("id: [x\n", {}, "destination.yaml:2:1: while parsing a flow sequence", id="broken YAML"),
        pytest.param("id: x\nmappings: 3\n", {}, "destination.yaml:2:11: mappings: must be a list", id="wrong"),
        pytest.param("id: x\n", {"CONNECTOR_ENCHARGE_API_KEY": None}, "CONNECTOR_ENCHARGE_API_KEY: is required to deliver", id="no key"),
        pytest.param("id: x\n", {"CONNECTOR_ENCHARGE_API_KEY": "two\nlines"}, "api_key: holds a character", id="bad key"),
    ],
)  # fmt: skip
def test_a_worker_that_could_not_deliver_exits_2_and_says_why_though_kafka_is_down(here, text, change, told):
    if text is not None:
        (here / "destination.yaml").write_text(text)

    done = run("run", **{**NO_KAFKA, "CONNECTOR_ENCHARGE_API_KEY": API_KEY, **change})

    assert done.code == 2
    assert told in done.err
    assert "two\nlines" not in done.err


@pytest.mark.kafka
def test_a_web_port_that_is_taken_exits_3_and_says_which_setting_to_change(world):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = run("run", **{**world, "CONNECTOR_WEB_PORT": str(port)})

    assert done.code == 3
    assert f"error: 127.0.0.1:{port} is taken or not ours" in done.err
    assert "set CONNECTOR_WEB_PORT to a free port" in done.err


@pytest.mark.kafka
def test_what_is_sent_is_delivered_by_a_worker_that_ends_well_when_told_to(world, cluster, encharge, start):
    worker = start("run", **world)
    sent = run("send", "-", stdin=EVENT, **world)
    eventually(lambda: encharge.stats()["accepted"] == 1, 30)

    worker.send(signal.SIGTERM)

    assert worker.wait(30) == 0
    assert sent.code == 0
    assert [request["body"]["event"] for request in encharge.requests()] == ["Signed Up"]
    assert cluster.lag("production") == 0
    assert API_KEY not in worker.out + worker.err


@pytest.mark.kafka
@pytest.mark.parametrize(("role", "accepted"), [("ingest", 0), ("deliver", 1)])
def test_a_role_runs_its_stage_only(world, cluster, encharge, start, role, accepted):
    run("send", "-", "--topic", cluster.by_user, stdin=EVENT, **world)
    run("send", "-", stdin=EVENT, **world)

    worker = start("run", "--role", role, **world)
    if role == "ingest":
        eventually(lambda: len(cluster.records(cluster.by_user)) == 2, 30)
    else:
        eventually(lambda: encharge.stats()["accepted"] == 1, 30)
    worker.send(signal.SIGTERM)

    assert worker.wait(30) == 0
    assert encharge.stats()["accepted"] == accepted
    assert len(cluster.records(cluster.by_user)) == 2 - accepted


@pytest.mark.kafka
def test_a_second_ctrl_c_ends_a_worker_that_still_drains(world, encharge, start):
    encharge.configure(stall_s=60)
    worker = start("run", **world)
    run("send", "-", stdin=EVENT, **world)
    eventually(lambda: encharge.stats()["in_flight"] == 1, 30)
    worker.press_ctrl_c()
    worker.press_ctrl_c()  # at once, as when supervisor and terminal both pass one on: the same signal
    eventually(lambda: "worker stopping" in worker.err, 10)
    assert worker.running

    def pressed_again():
        worker.press_ctrl_c()
        return not worker.running

    eventually(pressed_again, 5)

    assert worker.wait(5) == 130


# Several processes


def started(process):
    """Give number -> process id of every start that was logged, the last start of a number counts."""
    return dict(re.findall(r"worker process started +number=(\d+) pid=(\d+)", process.err))


def test_so_many_processes_are_started_and_a_crashed_one_is_replaced(start):
    supervisor = start("run", "--processes", "3", "--role", "ingest", **NO_KAFKA)
    eventually(lambda: len(started(supervisor)) == 3, 20)
    before = started(supervisor)
    victim = next(child for child in supervisor.children() if child.pid == int(before["1"]))

    victim.kill()

    eventually(lambda: started(supervisor) != before, 20)
    after = started(supervisor)
    assert sorted(before) == ["0", "1", "2"]
    assert (after["0"], after["2"]) == (before["0"], before["2"])
    assert sorted(map(int, after.values())) == sorted(child.pid for child in supervisor.children())
    assert re.search(r"worker process ended +code=-9 number=1 restart_in_s=1.0", supervisor.err)


def test_a_stop_is_passed_on_and_all_end(start):
    supervisor = start("run", "--processes", "2", "--role", "ingest", **NO_KAFKA)
    eventually(lambda: supervisor.err.count("Kafka cannot be reached") >= 2, 30)
    workers = supervisor.children()

    supervisor.send(signal.SIGTERM)

    assert supervisor.wait() == 0
    assert [worker for worker in workers if alive(worker)] == []
    assert "worker process ended" not in supervisor.err


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name
)
def test_a_signal_while_workers_are_started_is_not_lost(start, number):
    supervisor = start("run", "--processes", "2", "--role", "ingest", **NO_KAFKA)
    eventually(lambda: "worker process started" in supervisor.err, 20)
    workers = supervisor.children()

    supervisor.send(number)

    assert supervisor.wait() == 0
    assert [worker for worker in workers if alive(worker)] == []


def test_a_configuration_error_of_one_ends_all_with_its_code(start):
    supervisor = start("run", "--role", "ingest", "--processes", "2", **NOTHING_TO_INGEST)

    assert supervisor.wait() == 2
    assert "error: CONNECTOR_PARTITIONING: is source, so there is nothing to ingest\n" in supervisor.err
    assert len(started(supervisor)) == 2


@pytest.mark.kafka
def test_every_process_has_a_web_port_of_its_own_and_drains_at_ctrl_c(world, start):
    port = free_port("127.0.0.1")
    supervisor = start("run", "--processes", "2", **{**world, "CONNECTOR_WEB_PORT": str(port)})
    eventually(lambda: supervisor.err.count("worker started") == 2, 30)
    answers = [httpx.get(f"http://127.0.0.1:{port + number}/live", trust_env=False) for number in range(2)]

    supervisor.press_ctrl_c()

    assert supervisor.wait(30) == 0
    assert [answer.json() for answer in answers] == [{"live": True}] * 2
    assert supervisor.err.count("worker stopped") == 2
