"""docker-compose.yml against the Compose Specification, against the connector, and against what it mounts."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import click
import jsonschema
import pytest
from ruamel.yaml import YAML

from connector.cli import cli
from connector.settings import Settings

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "tests/data/compose-spec.json").read_text())
PROMETHEUS = ROOT / "deploy/prometheus"
PROVISIONING = ROOT / "deploy/grafana/provisioning"
OURS = ["simulator", "topics", "worker"]


def read(path):
    return YAML(typ="safe", pure=True).load(path.read_text())


SERVICES = sorted(read(ROOT / "docker-compose.yml")["services"])
each_service = pytest.mark.parametrize("name", SERVICES)


@pytest.fixture
def compose():
    return read(ROOT / "docker-compose.yml")


def test_it_is_valid_by_the_compose_specification(compose):
    jsonschema.Draft202012Validator(SCHEMA).validate(compose)


def test_the_specification_is_not_satisfied_by_anything(compose):
    compose["services"]["worker"]["no_such_key"] = 1

    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(compose)


def test_a_plain_up_brings_everything(compose):
    assert SERVICES == ["grafana", "kafka", "prometheus", "simulator", "topics", "worker"]
    assert not any("profiles" in service for service in compose["services"].values())
    assert compose["services"]["worker"]["deploy"]["replicas"] == 3


@pytest.mark.parametrize("service", OURS)
def test_the_settings_of_a_service_are_settings_of_ours(compose, service):
    environment = {
        name: with_defaults(value) for name, value in compose["services"][service]["environment"].items()
    }

    Settings.from_environment(environment)


@pytest.mark.parametrize("service", OURS)
def test_the_command_of_a_service_is_a_command_of_ours(compose, service):
    name, *arguments = compose["services"][service]["command"]

    command = cli.get_command(click.Context(cli), name)
    command.make_context(name, list(arguments), resilient_parsing=False).close()


def test_workers_can_be_scaled(compose):
    worker = compose["services"]["worker"]

    assert "container_name" not in worker
    assert "ports" not in worker


def test_every_service_says_when_it_is_healthy(compose):
    for name, service in compose["services"].items():
        # The worker's check is in the image; the job of the topics ends.
        assert "healthcheck" in service or name == "worker"


def test_a_worker_is_given_more_time_to_stop_than_it_takes(compose):
    grace_s = int(compose["services"]["worker"]["stop_grace_period"].removesuffix("s"))

    assert grace_s > Settings().drain_timeout + 10  # two commits and leaving the groups


@each_service
class TestLeastPrivileges:
    def test_it_has_no_capability_and_can_get_none(self, compose, name):
        service = compose["services"][name]

        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        forbidden = {"cap_add", "privileged", "network_mode", "pid", "ipc", "devices", "user"}
        assert not forbidden & service.keys()

    def test_its_file_system_is_read_only_unless_it_is_kafka(self, compose, name):
        assert compose["services"][name].get("read_only", False) is (name != "kafka")

    def test_its_memory_and_processes_are_limited(self, compose, name):
        assert {"mem_limit", "pids_limit"} <= compose["services"][name].keys()

    def test_only_this_machine_reaches_its_ports(self, compose, name):
        for port in compose["services"][name].get("ports", ()):
            assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)

    def test_what_it_mounts_exists_and_cannot_be_changed(self, compose, name):
        for volume in compose["services"][name].get("volumes", ()):
            source, _, *mode = volume.split(":")
            if source.startswith("."):
                assert (ROOT / source).exists()
                assert mode == ["ro"]
            else:
                assert source in compose["volumes"]

    def test_no_secret_is_written_down(self, compose, name):
        for variable, value in compose["services"][name].get("environment", {}).items():
            if re.search(r"KEY|TOKEN|PASSWORD|SECRET", variable):
                assert re.match(r"\$\{\w+:-compose-key\}$", value)  # the simulator takes any key


def test_an_image_is_named_by_its_version(compose):
    for service in compose["services"].values():
        assert "build" in service or re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", service["image"])


class TestPrometheus:
    @pytest.fixture
    def config(self):
        return read(PROMETHEUS / "prometheus.yml")

    def test_it_finds_all_workers_by_the_name_of_their_service(self, compose, config):
        [scrape] = config["scrape_configs"]
        [lookup] = scrape["dns_sd_configs"]

        assert lookup["names"] == ["worker"]
        assert set(lookup["names"]) <= compose["services"].keys()
        assert lookup["type"] == "A"
        assert lookup["port"] == Settings().web_port

    def test_its_job_is_the_one_that_the_rules_ask_for(self, config):
        asked = set(re.findall(r'job="([^"]+)"', (PROMETHEUS / "alerts.yaml").read_text()))

        assert asked == {each["job_name"] for each in config["scrape_configs"]}

    def test_it_is_started_with_this_file_and_its_rules_lie_beside_it(self, compose, config):
        service = compose["services"]["prometheus"]

        assert "--config.file=/etc/prometheus/prometheus.yml" in service["command"]
        assert "./deploy/prometheus:/etc/prometheus:ro" in service["volumes"]
        assert all((PROMETHEUS / name).exists() for name in config["rule_files"])

    @pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on the PATH")
    def test_promtool_is_content_with_it(self):
        done = subprocess.run(
            ["promtool", "check", "config", PROMETHEUS / "prometheus.yml"],
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stdout + done.stderr


class TestGrafana:
    def test_its_data_source_is_our_prometheus(self, compose):
        [source] = read(PROVISIONING / "datasources/prometheus.yaml")["datasources"]

        assert source["type"] == "prometheus"
        assert source["isDefault"]
        host, port = re.fullmatch(r"http://(\w+):(\d+)", source["url"]).groups()
        assert compose["services"][host]["ports"] == [f"127.0.0.1:{port}:{port}"]
        assert (
            source["jsonData"]["timeInterval"]
            == read(PROMETHEUS / "prometheus.yml")["global"]["scrape_interval"]
        )

    def test_its_dashboard_is_mounted_where_it_looks(self, compose):
        service = compose["services"]["grafana"]
        mounted = {target: source for source, target, _ in (each.split(":") for each in service["volumes"])}
        [provider] = read(PROVISIONING / "dashboards/connector.yaml")["providers"]

        dashboards = [
            target for target in mounted if Path(target).parent == Path(provider["options"]["path"])
        ]

        assert [mounted[each] for each in dashboards] == ["./deploy/grafana/encharge-connector.json"]
        assert dashboards == [service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]]
        assert mounted["/etc/grafana/provisioning"] == "./deploy/grafana/provisioning"

    def test_there_is_no_password_as_nobody_can_log_in(self, compose):
        environment = compose["services"]["grafana"]["environment"]

        assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
        assert environment["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
        assert environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
        assert not [name for name in environment if "PASSWORD" in name]


def with_defaults(value):
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
