"""What the pages on testing and migrating tell to type, typed; what they show, compared."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {name: ROOT / "docs" / f"{name}.md" for name in ("testing-mappings", "migrating-from-segment")}
RUNS = "runs in tests/docs/test_authoring_pages.py"
SUBSCRIPTIONS = {
    "data": {
        "subscriptions": [
            {
                "id": "eoeXaMeAYcB2XvEApJDrQs",
                "name": "Orders",
                "actionId": "uD9jEQ4DxJZzhzVqppM7UD",
                "actionSlug": "trackEvent",
                "destinationId": "fP7qoQw2HTWt9WdMr718gn",
                "modelId": "",
                "enabled": True,
                "trigger": 'type = "track" and event = "Order Completed"',
                "settings": {
                    "event": {"@path": "$.event"},
                    "type": {"@path": "$.type"},
                    "userId": {"@path": "$.userId"},
                },
            }
        ],
        "pagination": {"current": "MA==", "totalEntries": 1},
    }
}
EVENT = {"type": "track", "userId": "u1", "event": "Order Completed", "properties": {"total": 120}}


class Block(NamedTuple):
    """A block of code and the comment right before it."""

    mark: str
    language: str
    text: str


def blocks(page):
    found = re.findall(r"(?:<!-- ([^>]*) -->\n)?```(\w+)\n(.*?)```", page.read_text(), re.DOTALL)
    return [Block(*each) for each in found]


def script(block):
    """Give the commands of a block; those of a workflow are its steps."""
    return (
        block.text
        if block.language == "bash"
        else "\n".join(re.findall(r"^- run: (.+)$", block.text, re.MULTILINE))
    )


def shell(commands, cwd):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=cwd,
        env={"PATH": path, "HOME": str(cwd)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def follow(page, cwd):
    """Run everything a page tells to run, in its order; give the blocks with what they printed."""
    done = []
    for block in blocks(page):
        if block.mark.startswith(RUNS):
            result = shell(script(block), cwd)
            expected = 1 if block.mark.endswith("exits 1") else 0
            assert (result.returncode, result.stderr) == (expected, ""), block.text + result.stdout
            done.append((block, result.stdout))
        elif block.mark:
            done.append((block, ""))
    return done


def showing(done, mark):
    """Give the one block with this mark, and what was printed right before it."""
    [(before, block)] = [(done[n - 1], each) for n, (each, _) in enumerate(done) if each.mark == mark]
    return block.text, before[1]


@pytest.mark.parametrize("name", PAGES)
def test_every_command_is_run_but_the_one_that_needs_an_account_at_segment(name):
    unmarked = [
        block.text for block in blocks(PAGES[name]) if block.language == "bash" and RUNS not in block.mark
    ]

    assert all(text.startswith("curl ") and "encharge-connector" not in text for text in unmarked)


def test_mappings_are_tested_as_the_page_says(tmp_path):
    init = shell("encharge-connector init --id x --name x --source-topic x --api-key k --no-verify", tmp_path)
    assert init.returncode == 0

    done = follow(PAGES["testing-mappings"], tmp_path)

    shown, _ = showing(done, "is destination.cases.yaml")
    cases = tmp_path / "destination.cases.yaml"
    assert cases.read_text() == shown
    shown, printed = showing(done, "printed")
    assert printed == shown
    assert (tmp_path / "report.xml").exists()
    shown, _ = showing(done, "printed when the case expects 130")
    before, mark, after = cases.read_text().partition("expect:")
    cases.write_text(before + mark + after.replace("total: 120", "total: 130"))
    assert shell("encharge-connector test || true", tmp_path).stdout == shown


def test_subscriptions_are_taken_over_as_the_page_says(tmp_path):
    (tmp_path / "subscriptions.json").write_text(json.dumps(SUBSCRIPTIONS))  # what curl would have fetched
    (tmp_path / "events.jsonl").write_text(json.dumps(EVENT))

    printed = "".join(output for _, output in follow(PAGES["migrating-from-segment"], tmp_path))

    assert "wrote destination.yaml: 1 mapping\n" in printed
    assert "Orders (trackEvent): matches" in printed
    assert printed.endswith("\nok   track Order Completed, line 1\n1 case, 0 failed\n")
