"""What /metrics of a whole worker gives: the closed list, and nothing that two processes share. No Kafka."""

import asyncio
import shutil
import subprocess
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import prometheus_client
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from connector import __version__, wiring
from connector.edges.control_topic import ControlReader
from connector.edges.metric_list import METRIC_LIST, METRICS
from connector.edges.web import start_web
from connector.errors import OperationalError
from connector.settings import Settings
from connector.supervisor import _environment

NOT_OURS = ("process_", "python_")
DESTINATION = """
id: test
mappings:
  - {name: Orders, action: trackEvent, trigger: 'type = "track"', fields: {event: {'@path': $.event}}}
"""


class NoProducer:
    """Nothing is produced here."""

    async def stop(self):
        pass


class Served(Exception):
    """The worker opens its web port, with this health and this registry."""


@pytest.fixture
def environment(tmp_path):
    file = tmp_path / "destination.yaml"
    file.write_text(DESTINATION)
    return {
        "CONNECTOR_DESTINATION_FILE": str(file),
        "CONNECTOR_ENCHARGE_API_KEY": "k",
        "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    }


@pytest.fixture
def make_worker(environment, monkeypatch):
    """Run a worker up to where it opens its web port; give it and the registry that it would serve."""

    async def no_producer(settings):
        return NoProducer()

    async def no_topic(control):
        raise OperationalError("no Kafka here")

    async def serve(health, registry, **options):
        raise Served(health, registry)

    monkeypatch.setattr(wiring, "start_producer", no_producer)
    monkeypatch.setattr(wiring, "start_web", serve)
    monkeypatch.setattr(ControlReader, "read_to_end", no_topic)

    async def make(role="all"):
        worker = wiring.Worker(Settings.from_environment(environment), role, environment)
        with pytest.raises(Served) as served:
            await worker.run(asyncio.Event())
        worker.served = served.value.args
        return worker, served.value.args[1]

    return make


def count_everything(worker):
    """Let every metric with labels that come from counting have a sample."""
    for counter in (worker.delivery.planned, worker.delivery.withdrawn, worker.delivery.delivered):
        counter["Orders", "trackEvent"] += 1
    worker.delivery.attempts["delivered"] += 1
    worker.delivery.dead_letters["rejected", "Orders"] += 1


def rename_mapping(environment):
    Path(environment["CONNECTOR_DESTINATION_FILE"]).write_text(DESTINATION.replace("Orders", "Bestellungen"))


def promtool_says(text):
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


def ours(registry):
    return [family for family in registry.collect() if not family.name.startswith(NOT_OURS)]


def exposed_name(family):
    return f"{family.name}_total" if family.type == "counter" else family.name


async def test_a_worker_gives_exactly_the_metrics_of_the_list_with_their_types_units_and_labels(make_worker):
    worker, registry = await make_worker()
    count_everything(worker)

    families = ours(registry)

    assert sorted(map(exposed_name, families)) == sorted(METRICS)
    for family in families:
        metric = METRICS[exposed_name(family)]
        assert (family.type, family.documentation, family.unit) == (
            metric.type,
            metric.help,
            metric.base_unit,
        )
        assert family.samples
        for sample in family.samples:
            assert sample.labels.keys() - {"le"} == set(metric.labels)


@pytest.mark.parametrize(("role", "other"), [("ingest", "deliver"), ("deliver", "ingest")])
async def test_a_worker_of_one_stage_gives_all_metrics_but_those_of_the_other_stage(make_worker, role, other):
    _, registry = await make_worker(role)

    names = set(map(exposed_name, ours(registry)))

    assert names == {metric.name for metric in METRIC_LIST if metric.owner != other}


async def test_what_prometheus_reads_has_the_names_and_types_of_the_list(make_worker):
    _, registry = await make_worker()

    text = generate_latest(registry).decode()

    types = {
        exposed_name(each): each.type
        for each in text_string_to_metric_families(text)
        if not each.name.startswith(NOT_OURS)
    }
    assert types == {metric.name: metric.type for metric in METRIC_LIST}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on the PATH")
async def test_promtool_finds_nothing_to_say_of_the_names_the_help_and_the_units(make_worker):
    worker, registry = await make_worker()
    count_everything(worker)
    lines = [line for line in generate_latest(registry).splitlines(keepends=True) if b"connector_" in line]

    assert promtool_says(b"".join(lines)) == (0, "")


async def test_a_worker_that_has_just_started_says_so(make_worker):
    _, registry = await make_worker()

    value = registry.get_sample_value

    assert value("connector_ready") == 0
    assert value("connector_build_info", {"version": __version__}) == 1
    assert value("connector_ingest_trouble") == 0
    assert value("connector_stuck_partitions") == 0
    assert [value("connector_assigned_partitions", {"stage": stage}) for stage in ("ingest", "deliver")] == [
        0,
        0,
    ]


async def test_assignments_readiness_and_trouble_are_those_of_the_moment(make_worker):
    worker, registry = await make_worker()
    for (name, reader, stage), partitions in zip(worker._stages, (3, 2), strict=True):
        reader.assigned = frozenset((reader.topic, number) for number in range(partitions))
        reader._reading.set()
        if name == "ingest":
            stage.trouble = "KafkaTimeoutError"

    value = registry.get_sample_value

    assert value("connector_ready") == 1
    assert value("connector_assigned_partitions", {"stage": "ingest"}) == 3
    assert value("connector_assigned_partitions", {"stage": "deliver"}) == 2
    assert value("connector_ingest_trouble") == 1


async def test_a_mapping_has_its_own_series_while_it_is_in_the_destination_file(make_worker, environment):
    worker, registry = await make_worker()
    count_everything(worker)
    delivered = "connector_requests_delivered_total"
    before = registry.get_sample_value(delivered, {"mapping": "Orders", "action": "trackEvent"})

    rename_mapping(environment)
    worker._steering.reload()
    count_everything(worker)

    [family] = [each for each in ours(registry) if exposed_name(each) == delivered]
    assert before == 1
    assert [(each.labels["mapping"], each.value) for each in family.samples] == [("former", 1)]


# Several processes


async def test_two_workers_share_no_metric(make_worker):
    (first, one), (second, two) = await make_worker(), await make_worker()

    first.delivery.settled += 7
    second.delivery.settled += 1

    assert [each.get_sample_value("connector_records_settled_total") for each in (one, two)] == [7, 1]
    assert not [
        each.name for each in prometheus_client.REGISTRY.collect() if each.name.startswith("connector_")
    ]


def test_each_process_of_run_processes_is_scraped_at_a_port_of_its_own():
    ports = [int(_environment(Settings(), number)["CONNECTOR_WEB_PORT"]) for number in range(3)]

    assert ports == [6066, 6067, 6068]


async def test_two_web_ports_answer_with_the_metrics_of_their_own_worker(make_worker):
    async with AsyncExitStack() as stack:
        found = []
        for settled in (7, 1):
            worker, _ = await make_worker()
            worker.delivery.settled += settled
            web = await start_web(*worker.served, host="127.0.0.1", port=0)
            stack.push_async_callback(web.cleanup)
            host, port = web.addresses[0]
            http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
            text = (await http.get(f"http://{host}:{port}/metrics")).text
            found.append(
                [line for line in text.splitlines() if line.startswith("connector_records_settled_total ")]
            )

    assert found == [["connector_records_settled_total 7.0"], ["connector_records_settled_total 1.0"]]
