"""Every template of liquid_cases.jsonl does what liquidjs did; its first line says how that was observed."""

import json
from pathlib import Path

import pytest

from connector.core.liquid import compile_liquid
from connector.errors import FieldsError

_LINES = (Path(__file__).parent / "liquid_cases.jsonl").read_text().splitlines()
EVENTS = json.loads(_LINES[0])["events"]
CASES = [json.loads(line) for line in _LINES[1:]]


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{number}-{case['group']}") for number, case in enumerate(CASES, start=2)]
)
def test_a_template_gives_what_the_reference_gives(case):
    assert outcome(case["template"], EVENTS[case["event"]]) == case["expected"]


def outcome(template, event):
    try:
        return {"output": compile_liquid(template)(event)}
    except FieldsError as error:
        return {"kind": error.kind, "message": error.message}
