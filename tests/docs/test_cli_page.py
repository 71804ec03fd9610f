"""What docs/cli.md says of the commands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from connector.cli import cli

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/cli.md").read_text()


def test_every_command_has_its_part():
    assert set(cli.list_commands(None)) <= set(re.findall(r"^### (.*)$", PAGE, re.MULTILINE))


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["encharge-connector", "pau"], {"pause"}),
        (["encharge-connector", "topics", "a"], {"apply"}),
        (["encharge-connector", "run", "--pro"], {"--processes"}),
    ],
)
def test_the_tab_key_completes(words, found):
    environment = {
        **os.environ,
        "_ENCHARGE_CONNECTOR_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }

    output = subprocess.run(
        [Path(sys.executable).parent / "encharge-connector"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert {line.partition(",")[2] for line in output.splitlines()} == found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_lines_for_shells_give_a_script(shell):
    assert f"_ENCHARGE_CONNECTOR_COMPLETE={shell}_source" in PAGE

    # Outside of the shell's own checks: they need the shell to be installed.
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)(cli, {}, "encharge-connector", "_ENCHARGE_CONNECTOR_COMPLETE")
    assert "encharge-connector" in script.source_template % script.source_vars()
