"""What docs/health.md says, compared with the code."""

import json
import re
from pathlib import Path

from ruamel.yaml import YAML

from connector.delivery.gate import Closed, Shut
from connector.delivery.liveness import FAR_BEYOND, VERY_LONG, Dead, HealthReason
from connector.delivery.stuck import MOST_DUMPED, MOST_NAMED
from connector.delivery.waits import WaitKind
from connector.edges.health import Unready, as_json, not_assigned, shut_reasons
from connector.edges.stuck_watch import LOOK_S
from connector.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs/health.md").read_text()
WORLD = PAGE[PAGE.index("Waiting for the world") : PAGE.index("## Stuck partitions")]


def section(title):
    return PAGE[PAGE.index(f"## {title}\n") :].partition("\n## ")[0]


def codes(title):
    return re.findall(r"^\| `(\w+)` \|", section(title), re.MULTILINE)


def examples(title):
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", section(title), re.DOTALL)]


def test_the_codes_of_ready_are_those_of_the_code():
    assert sorted(codes("/ready")) == sorted([*Unready, *Shut])


def test_the_codes_of_live_are_those_of_the_code():
    assert codes("/live") == list(Dead)


def test_the_example_of_ready_is_what_is_answered():
    class Reader:
        topic = "segment.events"
        is_reading = False

    [example] = examples("/ready")

    reasons = [*not_assigned([Reader]), *shut_reasons({Shut.PAUSED: Closed(0.0, "ops maintenance")})]
    assert example == {"ready": False, "reasons": [as_json(reason) for reason in reasons]}


def test_the_example_of_live_is_what_is_answered():
    [example] = examples("/live")

    text = "the reader has not come back from Kafka since 12 min"
    reason = HealthReason(Dead.POLL_HANGS, text, Settings().by_user_topic)
    assert example == {"live": False, "reasons": [as_json(reason)]}


def test_what_never_makes_a_worker_dead_is_all_that_the_page_names():
    named = set(re.findall(r"`(\w+)`", WORLD))

    ours = {WaitKind.NOTHING, WaitKind.REQUEST, WaitKind.TURN, WaitKind.WINDOW}
    assert named == set(WaitKind) - ours


def test_the_numbers_are_those_of_the_code():
    assert f"for {VERY_LONG:g} times `CONNECTOR_STUCK_AFTER`" in PAGE
    assert f"more than {FAR_BEYOND:g} times `CONNECTOR_REQUEST_TIMEOUT`" in PAGE
    assert f"at most {MOST_NAMED};" in PAGE
    assert f"(at most {MOST_DUMPED})" in PAGE
    assert f"every\n{LOOK_S:g} seconds" in PAGE
    assert Settings().stuck_after == 300
    assert "`CONNECTOR_STUCK_AFTER` (5 minutes)" in PAGE


def test_the_probes_ask_what_the_worker_serves_where_it_does():
    probes = YAML(typ="safe").load(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])

    asked = {name: probe["httpGet"]["path"].partition("?")[0] for name, probe in probes.items()}
    assert asked == {"startupProbe": "/live", "livenessProbe": "/live", "readinessProbe": "/ready"}
    ignored = re.findall(r"ignore=(\w+)", probes["readinessProbe"]["httpGet"]["path"])
    assert sorted(ignored) == sorted(Shut)
    assert {probe["httpGet"]["port"] for probe in probes.values()} == {Settings().web_port}
    assert probes["startupProbe"]["periodSeconds"] * probes["startupProbe"]["failureThreshold"] == 3600
