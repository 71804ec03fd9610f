"""docker-compose.yml against the Compose Specification, and against the connector itself."""

import json
import re
from pathlib import Path

import click
import jsonschema
import pytest
from ruamel.yaml import YAML

from connector.cli import cli
from connector.settings import Settings

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "tests/data/compose-spec.json").read_text())


@pytest.fixture
def compose():
    return YAML(typ="safe", pure=True).load((ROOT / "docker-compose.yml").read_text())


def test_it_is_valid_by_the_compose_specification(compose):
    jsonschema.Draft202012Validator(SCHEMA).validate(compose)


def test_the_specification_is_not_satisfied_by_anything(compose):
    compose["services"]["worker"]["no_such_key"] = 1

    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(compose)


@pytest.mark.parametrize("service", ["simulator", "topics", "worker"])
def test_the_settings_of_a_service_are_settings_of_ours(compose, service):
    environment = {
        name: with_defaults(value) for name, value in compose["services"][service]["environment"].items()
    }

    Settings.from_environment(environment)


@pytest.mark.parametrize("service", ["simulator", "topics", "worker"])
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


def with_defaults(value):
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
