"""`encharge-connector check`."""

import pytest

from tests.cli.command import run
from tests.cli.conftest import API_KEY

NOBODY = "http://127.0.0.1:1"
WORLD = {
    "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "CONNECTOR_ENCHARGE_API_URL": NOBODY,
    "CONNECTOR_ENCHARGE_API_KEY": API_KEY,
}


def check(**environment):
    """Give (whether it is right, what was seen) by side and thing, as --json tells it, and the exit code."""
    done = run("check", "--json", **environment)
    return {(row["side"], row["what"]): (row["ok"], row["seen"]) for row in done.json}, done.code


@pytest.fixture
def destination(here):
    """A destination file at its default place."""
    file = here / "destination.yaml"
    file.write_text("id: production\n")
    return file


def test_every_side_is_checked_when_another_one_fails(encharge):
    done = run("check", **{**WORLD, "CONNECTOR_ENCHARGE_API_URL": encharge.url})

    assert done.code == 1
    assert [line.rpartition(": ")[0] for line in done.out.splitlines()] == [
        "FAIL configuration: destination: destination.yaml",
        "FAIL kafka: broker",
        "ok   encharge: credentials",
    ]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        pytest.param("id: x\n", "destination.yaml: 5 enabled mappings", id="fine"),
        pytest.param("id: x\nmappings: []\n", "destination.yaml: 0 enabled mappings", id="no mapping"),
        pytest.param("id: [x\n", "destination.yaml:2:1: while parsing a flow sequence", id="broken"),
        pytest.param("id: x\nmappings:\n- {name: A, action: no, trigger: 'type = \"page\"'}\n", "destination.yaml:3:21: mappings[0].action: ", id="action"),
        pytest.param(None, "destination.yaml: No such file or directory; `encharge-connector init`", id="missing"),
    ],
)  # fmt: skip
def test_a_destination_file_is_told_with_what_is_wrong_and_where(here, text, seen):
    if text is not None:
        (here / "destination.yaml").write_text(text)

    found, code = check(**WORLD)

    ok, told = found["configuration", "destination"]
    assert told.startswith(seen)
    assert ok is told.endswith("enabled mappings")
    assert code == 1


def test_every_problem_of_a_destination_file_is_a_line(destination):
    destination.write_text("id: x\nwhen_disabled: never\nmappings: 3\n")

    done = run("check", **WORLD)

    assert [line for line in done.out.splitlines() if "configuration" in line] == [
        "FAIL configuration: destination: destination.yaml:2:16: when_disabled: must be hold or discard",
        "FAIL configuration: destination: destination.yaml:3:11: mappings: must be a list",
    ]


@pytest.mark.parametrize(
    ("key", "ok", "seen"),
    [
        pytest.param(API_KEY, True, "answers HTTP 200 OK", id="right"),
        pytest.param("wrong-key", False, "answers HTTP 401 Unauthorized", id="wrong"),
    ],
)
def test_the_key_is_tried(destination, encharge, key, ok, seen):
    world = {**WORLD, "CONNECTOR_ENCHARGE_API_URL": encharge.url, "CONNECTOR_ENCHARGE_API_KEY": key}

    found, _code = check(**world)

    assert found["encharge", "credentials"] == (ok, f"{encharge.url} {seen}")


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        pytest.param({}, f"Encharge at {NOBODY} cannot be reached (ConnectError)", id="unreachable"),
        pytest.param({"CONNECTOR_ENCHARGE_API_KEY": None}, "CONNECTOR_ENCHARGE_API_KEY (or …_FILE) is not set", id="missing"),
        pytest.param({"CONNECTOR_ENCHARGE_API_KEY": "ключ"}, "CONNECTOR_ENCHARGE_API_KEY: holds a character", id="key"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_tried_is_a_finding(destination, change, seen):
    found, code = check(**{**WORLD, **change})

    ok, told = found["encharge", "credentials"]
    assert not ok
    assert told.startswith(seen)
    assert found["configuration", "destination"][0]
    assert code == 1


def test_a_write_key_that_cannot_be_sent_is_a_finding(destination, encharge):
    world = {**WORLD, "CONNECTOR_ENCHARGE_API_URL": encharge.url, "CONNECTOR_ENCHARGE_WRITE_KEY": "ключ"}

    found, code = check(**world)

    ok, seen = found["encharge", "write key"]
    assert not ok
    assert seen.startswith("CONNECTOR_ENCHARGE_WRITE_KEY: holds a character")
    assert found["encharge", "credentials"][0]
    assert code == 1


@pytest.mark.kafka
def test_a_world_in_order_exits_0_and_a_probe_is_on_the_dead_letter_topic(cluster, destination, encharge):
    world = {**WORLD, **cluster.environment, "CONNECTOR_ENCHARGE_API_URL": encharge.url}
    run("topics", "apply", **world)

    text, as_json = run("check", **world), run("check", "--json", **world)

    assert (text.code, text.err) == (as_json.code, as_json.err) == (0, "")
    assert [line.partition(": ")[0] for line in text.out.splitlines()] == [
        "ok   configuration", *["ok   kafka"] * 6, "ok   encharge",
    ]  # fmt: skip
    assert [row["what"] for row in as_json.json] == [
        "destination",
        "broker",
        f"topic {cluster.source}",
        f"topic {cluster.by_user}",
        f"topic {cluster.dead}",
        f"topic {cluster.control}",
        "dead letters",
        "credentials",
    ]
    assert all(row["ok"] for row in as_json.json)
    probes = cluster.messages(cluster.dead)
    assert [(probe.value(), dict(probe.headers())) for probe in probes] == [
        (b"{}", {"encharge.code": b"probe"})
    ] * 2


@pytest.mark.kafka
def test_a_topic_that_is_missing_or_differs_is_a_finding_that_says_what_to_do(cluster, destination):
    cluster.create(cluster.by_user, retention_ms="1000")

    found, code = check(**{**WORLD, **cluster.environment})

    missing = (False, "missing; `encharge-connector topics apply` creates it")
    assert code == 1
    assert found["kafka", "broker"] == (True, cluster.bootstrap_servers)
    assert found["kafka", f"topic {cluster.source}"] == found["kafka", f"topic {cluster.dead}"] == missing
    ok, seen = found["kafka", f"topic {cluster.by_user}"]
    assert not ok
    assert seen.startswith("retention.ms, ")
    assert seen.endswith(" differ; see `encharge-connector topics diff`")
    assert ("kafka", "dead letters") not in found


@pytest.mark.kafka
def test_a_topic_that_is_not_used_is_not_checked(cluster, destination):
    found, _code = check(**{**WORLD, **cluster.environment, "CONNECTOR_PARTITIONING": "source"})

    assert ("kafka", f"topic {cluster.source}") in found
    assert ("kafka", f"topic {cluster.by_user}") not in found
