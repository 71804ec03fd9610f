"""What docs/delivery.md says of the engine, compared with the engine."""

import re
from pathlib import Path
from typing import get_args

import pytest
from ruamel.yaml import YAML

from connector.delivery import breaker, flood_guard, gate, limiter, offset_map, outcome, retry
from connector.delivery.gate import Shut
from connector.delivery.outcome import NoReply, OutcomeCode, Reply, WireTrouble
from connector.delivery.response_rules import OUTCOMES, read_rules
from connector.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/delivery.md").read_text()


def rows(heading):
    """Give the cells of the first table under a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_class_of_answers_has_a_row():
    found = {name: code.strip("`") for name, code, *_ in rows("What an answer means")}

    assert list(found.values()) == list(get_args(OutcomeCode)) == list(OUTCOMES)
    assert {name: getattr(outcome, name).code for name in found} == found


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("Delivered", [Reply(200), Reply(204), Reply(299)]),
        ("Throttled", [Reply(429), Reply(503, "3")]),
        (
            "Transient",
            [
                Reply(408),
                Reply(423),
                Reply(425),
                Reply(500),
                Reply(503),
                *map(NoReply, get_args(WireTrouble)),
            ],
        ),
        ("Unauthorized", [Reply(401), Reply(403)]),
        ("Rejected", [Reply(400), Reply(404), Reply(422), Reply(501), Reply(302), Reply(308)]),
    ],
)
def test_an_answer_is_of_the_class_that_its_row_says(name, answers):
    assert name in [row[0] for row in rows("What an answer means")]
    assert {type(outcome.classify(answer, now=0.0)).__name__ for answer in answers} == {name}


def test_every_trouble_on_the_wire_is_named():
    sentence = re.search(r"Trouble on the wire is (.*?)\.", PAGE, re.DOTALL)[1]

    assert re.findall(r"`(\w+)`", sentence) == list(get_args(WireTrouble))


def test_the_rules_of_the_example_are_rules():
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]

    rules = read_rules(YAML(typ="safe").load(example)["responses"])

    assert rules.classify(Reply(400, body=b"Quota was exceeded"), now=0.0).code == "throttled"
    assert rules.classify(Reply(409), now=0.0).code == "delivered"


def test_every_reason_of_the_gate_has_a_row():
    assert [row[0].strip("`") for row in rows("Whether anything is sent: the gate")] == list(Shut)


def test_every_limit_is_the_settings_default():
    settings = Settings()
    shown = {
        name.strip("`").removeprefix("CONNECTOR_").lower(): value
        for name, value, _ in rows("Limits, and why they are so")
    }

    assert shown == {name: in_words(getattr(settings, name)) for name in shown}


def in_words(value):
    return f"{value >> 20} MiB" if value >= 1 << 20 else str(value)


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("almost all of the last {} answers", [breaker.SAMPLE]),
        ("and {} people fail at the moment (2, when nobody got through for a minute)", [breaker.LEAST_LANES]),
        ("not even reached {} times in a row", [breaker.LEAST_CERTAIN]),
        ("{} dead letters in a row, or {} % of the last {} requests", [Settings().flood_run, round(Settings().flood_share * 100), flood_guard.FloodPolicy().of]),
        ("up to {} s", [round(gate.LONGEST_TRIAL_PAUSE_S)]),
        ("── after {} s ──► one request", [round(gate.FIRST_TRIAL_S)]),
        ("4 s … {} s at most", [round(retry.RetryPolicy().cap_s)]),
        ("It begins at {} and", [round(limiter.FIRST_WINDOW)]),
        ("took {} times as long as usual", [round(limiter.SLOW_FACTOR)]),
        ("above {} % of them", [round(limiter.NOISE * 100)]),
        ("more than {} % of a second's answers are 429", [round(limiter.REFUSED_SHARE * 100)]),
        ("grows by {} % with every second", [round(limiter.GROWTH * 100)]),
    ],
)  # fmt: skip
def test_a_number_of_the_page_is_the_number_of_the_code(words, numbers):
    assert words.format(*numbers) in " ".join(PAGE.split())


def test_a_minute_is_a_minute():
    assert breaker.QUIET_S == 60.0


def test_a_map_fits_into_what_kafka_keeps():
    assert offset_map.LONGEST < 4096
