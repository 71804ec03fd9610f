"""The Dockerfile's build stage, run step by step where no Docker engine is."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def instructions(text):
    joined = re.sub(r"\\\n", " ", text)
    for line in joined.splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            yield name, rest.strip()


def stages(text):
    found = []
    for name, rest in instructions(text):
        if name == "FROM":
            found.append([])
        elif found:
            found[-1].append((name, rest))
    return found


@pytest.mark.wheel
@pytest.mark.timeout(600)
def test_the_build_stage_makes_a_connector_that_runs(tmp_path):
    build, _ = stages(DOCKERFILE)
    source, prefix = tmp_path / "src", tmp_path / "opt"
    source.mkdir()
    for name, rest in build:
        if name == "COPY":
            *froms, to = shlex.split(rest)
            for each in froms:
                copy(ROOT / each, source / to)
        elif name == "RUN":
            subprocess.run(
                ["sh", "-ec", rest],
                cwd=source,
                env={**clean_environment(), "PREFIX": str(prefix)},
                check=True,
            )
    command = prefix / "bin/encharge-connector"

    shown = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)

    assert shown.stdout.startswith("encharge-connector, version ")
    assert not (prefix / "bin/pip").exists()


def test_everything_that_is_copied_is_let_through_by_dockerignore():
    build, _ = stages(DOCKERFILE)
    allowed = {
        line.removeprefix("!").rstrip("/")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }

    copied = {each.rstrip("/") for name, rest in build if name == "COPY" for each in shlex.split(rest)[:-1]}

    assert copied == allowed


def test_the_image_runs_as_nobody_special_and_answers_health_checks():
    _, final = stages(DOCKERFILE)
    values = dict(final)

    assert values["USER"] == "10001:10001"
    assert "6066/live" in values["HEALTHCHECK"]
    assert values["ENTRYPOINT"] == '["encharge-connector"]'
    assert values["STOPSIGNAL"] == "SIGTERM"


def copy(source, target):
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def clean_environment():
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
