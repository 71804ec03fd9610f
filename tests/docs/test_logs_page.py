"""What docs/logs.md says, compared with the code."""

import ast
import json
import re
from pathlib import Path

import pytest

from connector.edges.log_redaction import _PERSONAL_NAMES, SHORTEST_SECRET, LogRedaction
from connector.edges.log_repeats import MOST, MOST_KINDS, WINDOW_S

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/logs.md").read_text()
LINES = re.findall(r"^\| (info|warning|error) \| `([^`]+)` \|", PAGE, re.MULTILINE)


def logged():
    """Give level and event of everything that our code logs."""
    for path in (ROOT / "connector").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and getattr(node.func.value, "id", "") == "log"
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                level = "error" if node.func.attr == "exception" else node.func.attr
                yield level, node.args[0].value


LOGGED = set(logged())


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[1])
def test_each_line_of_the_table_is_logged_at_its_level(line):
    assert line in LOGGED


def test_each_error_of_a_stage_has_a_row():
    stages = ("connector/delivery", "connector/edges/batch_reader.py", "connector/edges/steering.py")
    errors = set()
    for path in stages:
        files = (ROOT / path).rglob("*.py") if (ROOT / path).is_dir() else [ROOT / path]
        for file in files:
            errors |= set(re.findall(r"log\.error\([^\"]*\"([^\"]+)\"", file.read_text()))

    assert errors
    assert errors <= {event for _, event in LINES}


def test_the_numbers_are_those_of_the_code():
    assert f"{MOST} are written in {WINDOW_S:g} seconds" in PAGE
    assert f"At most {MOST_KINDS} kinds" in PAGE
    assert f"fewer than {SHORTEST_SECRET} characters" in PAGE


def test_the_personal_fields_are_those_of_the_code():
    shown = re.search(r"who somebody is: (.*);", PAGE)[1]

    names = set(re.findall(r"`(\w+)`", shown))
    assert {name.replace("_", "") for name in names} == {name.replace("_", "") for name in _PERSONAL_NAMES}


def test_the_example_of_a_line_has_the_fields_of_every_line():
    example = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1])

    assert {"timestamp", "level", "event"} <= example.keys()
    assert (example["level"], example["event"]) in LINES


@pytest.mark.parametrize(
    "text",
    ["Authorization: x", "X-Some-Token: x", "X-Some-Key: x", "Cookie: x", "Bearer a1b2c3d4", "Basic a1b2c3d4", "token=abcd"],
)  # fmt: skip
def test_the_headers_that_are_named_are_taken_out(text):
    assert LogRedaction().text(text).endswith("[redacted]")
