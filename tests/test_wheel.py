"""The distribution: built, installed in an empty environment elsewhere, used from there."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    directory = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", directory, ROOT, cwd=ROOT)
    [wheel] = directory.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An environment that holds the wheel and its locked dependencies; the path of its command."""
    directory = tmp_path_factory.mktemp("wheel")
    venv.create(directory / "venv", with_pip=True)
    python = directory / "venv/bin/python"
    run(
        python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", ROOT / "requirements/runtime.txt"
    )
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel)
    return directory / "venv/bin/encharge-connector"


def run(*command, cwd=None, stdin=None):
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "CONNECTOR_", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_command_tells_what_it_can_do(installed, tmp_path):
    text = run(installed, "--help", cwd=tmp_path)

    for command in ("init", "check", "run", "explain", "topics", "send", "demo", "kafka", "simulator"):
        assert command in text


def test_the_module_is_the_command(installed, tmp_path):
    python = installed.with_name("python")

    assert run(python, "-m", "connector", "--help", cwd=tmp_path) == run(installed, "--help", cwd=tmp_path)


def test_it_runs_without_being_installed_as_pipx_does_it(wheel, tmp_path):
    """By uv, which does what `pipx run` does: an environment for this call. The versions are the locked ones."""
    command = ["tool", "run", "--isolated", "--python", sys.executable, "--from", wheel]
    constraints = ["--constraints", ROOT / "requirements/runtime.txt"]

    text = run(
        sys.executable, "-m", "uv", *command, *constraints, "encharge-connector", "--version", cwd=tmp_path
    )

    assert text.startswith("encharge-connector, version ")


def test_topics_travel_inside_the_wheel(installed, tmp_path):
    topics = json.loads(run(installed, "topics", "list", "--json", cwd=tmp_path))

    assert [topic["name"] for topic in topics] == [
        "segment.events",
        "segment.events.by-user",
        "encharge.dead-letter",
        "encharge.control",
    ]


def test_an_event_is_explained_from_the_wheel(installed, tmp_path):
    event = {"type": "track", "event": "Order Completed", "userId": "u1"}

    [line] = run(installed, "explain", "--json", cwd=tmp_path, stdin=json.dumps(event)).splitlines()

    matched = [each for each in json.loads(line)["mappings"] if each["matched"]]
    assert [each["mapping"] for each in matched] == ["Track Event"]
    assert matched[0]["request"]["body"]["event"] == "Order Completed"
