"""What docs/status.md says, compared with the code."""

import ast
import re
from pathlib import Path

from connector.cli.status import WATCH_S, command
from connector.delivery.gate import Shut
from connector.delivery.waits import Wait, WaitKind, describe
from connector.edges import status_report
from connector.edges.heartbeat import BEAT_S
from connector.edges.worker_facts import MOST_WAITS
from schemas import load_schema

PAGE = (Path(__file__).parents[2] / "docs/status.md").read_text()


def rows(first):
    """Give the rows of the table whose first heading is this, as lists of cells."""
    table = PAGE[PAGE.index(f"| {first} ") :].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def literals(pattern):
    """Give what the source of the report writes in these places."""
    return set(re.findall(pattern, Path(status_report.__file__).read_text()))


def test_every_kind_of_wait_has_a_row_with_its_words():
    shown = {kind.strip("`"): words for kind, words, _ in rows("kind")}

    own = literals(r'"kind": "(\w+)",\s*"text"') | {status_report.NOBODY}
    assert set(shown) == set(WaitKind) | own
    for kind in set(WaitKind) - {WaitKind.NOTHING, WaitKind.LEASE}:
        assert shown[kind].startswith(describe(Wait(kind)).partition(":")[0])


def test_every_code_of_a_finding_has_a_row_and_is_in_the_schema():
    shown = {code for cell, *_ in rows("code") for code in re.findall(r"`(\w+)`", cell)}
    finding = load_schema("status.json")["properties"]["findings"]["items"]["properties"]

    tree = ast.walk(ast.parse(Path(status_report.__file__).read_text()))
    made = {
        node.args[0].value
        for node in tree
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "Finding"
        and isinstance(node.args[0], ast.Constant)
    }
    assert made
    assert shown == set(finding["code"]["enum"]) == made | {status_report.NOBODY, *Shut}


def test_the_numbers_are_those_of_the_code():
    defaults = {option.name: option.default for option in command.params}

    assert f"every {WATCH_S:g} seconds" in PAGE
    assert f"every {BEAT_S:g} seconds" in PAGE
    assert f"at most {MOST_WAITS} partitions" in PAGE
    assert defaults["silent_after"] == "20s"
    assert "not heard for 20 seconds" in PAGE
    assert defaults["stuck_after"] == "5m"
    assert "`--stuck-after` (5 minutes)" in PAGE
