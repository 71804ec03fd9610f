"""The files of examples/: what of them needs no Kafka."""

import json
import re
import subprocess
import sys
from configparser import RawConfigParser

import jsonschema
import pytest
from ruamel.yaml import YAML

from connector.core import compile_trigger
from connector.core.event import events_of, person_key
from connector.settings import Settings
from tests.docs.pages import ROOT, links

EXAMPLES = ROOT / "examples"
PAGES = sorted((ROOT / "docs/integrations").glob("*.md"))
FILES = sorted(file for file in EXAMPLES.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
COMPOSE = [file for file in FILES if file.name == "compose.yaml"]


def json_lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def output_of(program, *arguments, stdin=b""):
    done = subprocess.run(
        [sys.executable, EXAMPLES / program, *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_every_file_of_the_examples_is_explained_on_a_page():
    linked = {(page.parent / link.file).resolve() for page in PAGES for link in links(page) if link.file}

    assert [str(file.relative_to(ROOT)) for file in FILES if file not in linked] == []


# analytics-python


@pytest.mark.parametrize("options", [[], ["--gzip"]], ids=["plain", "gzip"])
def test_the_sample_is_what_the_library_sends(options):
    recorded = [json.loads(line) for line in output_of("analytics-python/record.py", *options).splitlines()]
    sample = flat(json_lines(EXAMPLES / "analytics-python/sample.jsonl"))

    assert flat(recorded) == sample
    assert {event["type"] for event in sample} == {
        "identify",
        "track",
        "page",
        "screen",
        "group",
        "alias",
    }
    for body in recorded:
        assert set(body) == {"batch", "sentAt", "writeKey"}


def flat(bodies):
    """Give the events: how many go into one body is a matter of time, and versions of the library come and go."""
    events = [event for body in bodies for event in events_of(body)]
    for event in events:
        assert re.fullmatch(r"\d+\.\d+\.\d+", event["context"]["library"].pop("version"))
    return events


# Segment's Kafka destination


def test_the_mapping_for_segment_takes_what_the_default_one_leaves_out():
    mapping = json.loads((EXAMPLES / "segment-kafka/mapping.json").read_text())
    events = json_lines(EXAMPLES / "segment-kafka/events.jsonl")
    default = 'type = "track" or type = "identify" or type = "page" or type = "screen" or type = "group"'

    left_out = [event["type"] for event in events if not compile_trigger(default)(event)]
    assert left_out == ["alias"]
    assert all(map(compile_trigger(mapping["trigger"]), events))
    assert [person_key(event) for event in events] == ["a-91"] + ["u-1"] * 4


# Topics that are not keyed by person


def test_lines_are_put_in_the_order_of_their_times_and_none_is_changed_or_lost():
    lines = [
        b'{"n": 4, "timestamp": "2026-11-24T05:00:00+01:00"}',
        b'{"n": 5}',
        b'{"batch": [{"n": 2, "originalTimestamp": "2026-11-24T03:00:00.5Z"}]}',
        b"no JSON at all",
        b'{"n": 1, "timestamp": "nonsense", "sentAt": "2026-11-24T02:00:00"}',
        b"",
        b'{"n": 6, "timestamp": "2026-11-24T04:00:00.000Z"}',
    ]

    ordered = output_of("unkeyed-topic/in_order.py", stdin=b"\n".join(lines)).encode().splitlines()

    assert ordered == [lines[4], lines[2], lines[3], lines[0], lines[1], lines[6]]


# Several destinations


def test_the_destinations_differ_in_their_id_and_agree_on_the_group():
    files = {name: EXAMPLES / f"two-destinations/{name}.yaml" for name in ("production", "newsletter")}
    given = {
        name: dict(line.split("=", 1) for line in file.with_suffix(".settings").read_text().splitlines())
        for name, file in files.items()
    }

    ids = {YAML(typ="safe", pure=True).load(file.read_text())["id"] for file in files.values()}
    assert ids == set(files)
    assert len({each["CONNECTOR_GROUP_ID"] for each in given.values()}) == 1
    assert len({each["CONNECTOR_WEB_PORT"] for each in given.values()}) == 2
    for name, file in files.items():
        assert ROOT / given[name]["CONNECTOR_DESTINATION_FILE"] == file
        del given[name]["CONNECTOR_ENCHARGE_API_KEY_FILE"]  # the reader's own
        Settings.from_environment(given[name])


# Services


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.parent.name)
def test_a_part_for_compose_is_valid_and_fits_the_whole(file):
    yaml = YAML(typ="safe", pure=True)
    part, whole = yaml.load(file.read_text()), yaml.load((ROOT / "docker-compose.yml").read_text())
    jsonschema.Draft202012Validator(json.loads((ROOT / "tests/data/compose-spec.json").read_text())).validate(
        part
    )

    [(name, service)] = part["services"].items()
    assert name not in whole["services"]
    assert set(service["depends_on"]) <= set(whole["services"])
    assert service["image"] == whole["services"]["worker"]["image"]
    for key in ("read_only", "cap_drop", "security_opt", "mem_limit", "pids_limit"):
        assert service[key], key
    environment = {
        variable: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
        for variable, value in service["environment"].items()
        if variable.startswith("CONNECTOR_")
    }
    Settings.from_environment(environment)
    for path in re.findall(r"(?:\./)?(examples/[\w./-]+)", file.read_text()):
        assert (ROOT / path).is_file(), path


def test_the_unit_for_systemd_runs_the_bridge_without_rights_it_does_not_need():
    unit = RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(EXAMPLES / "webhook-bridge/segment-webhook-bridge.service")

    assert unit["Service"]["ExecStart"].endswith("bridge.py")
    assert unit["Service"]["CapabilityBoundingSet"] == ""
    for key in ("DynamicUser", "NoNewPrivileges", "ProtectHome", "PrivateTmp"):
        assert unit["Service"][key] == "yes", key
    program = (EXAMPLES / "webhook-bridge/bridge.py").read_text()
    assert set(re.findall(r"BRIDGE_[A-Z_]+", unit["Service"]["Environment"])) <= set(
        re.findall(r"BRIDGE_[A-Z_]+", program)
    )
