"""What contributors meet: workflows, issue forms, hooks and releases say what is true."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from connector import __version__

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def read(file):
    return YAML(typ="safe", pure=True).load(file.read_text())


def schema_of(file):
    if file.parent.name == "workflows":
        return "github-workflows"
    return {"config.yml": "github-issue-config", "dependabot.yml": "dependabot"}.get(
        file.name, "github-issue-forms"
    )


@pytest.mark.parametrize(
    "file", [*WORKFLOWS, *FORMS, ROOT / ".github/dependabot.yml"], ids=lambda file: file.name
)
def test_a_file_of_github_fits_its_schema(file):
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        f"vendor.{schema_of(file)}",
        str(file),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_runs_targets_of_the_makefile_with_a_time_limit_and_few_rights(file):
    workflow = read(file)
    used = set()
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 330
        for step in job["steps"]:
            used |= set(re.findall(r"\bmake ([a-z-]+)", step.get("run", "")))
            assert re.fullmatch(r"(actions/[\w-]+@v\d+)?", step.get("uses", "")), (
                "only actions of GitHub's own"
            )
    assert used
    assert used <= TARGETS
    assert workflow["permissions"] == {"contents": "read"}


def test_the_workflow_for_changes_runs_what_contributing_asks_for():
    commands = " ".join(
        step.get("run", "")
        for job in read(ROOT / ".github/workflows/ci.yml")["jobs"].values()
        for step in job["steps"]
    )
    for target in ("make check", "make test", "make demo"):
        assert target in commands
        assert target in (ROOT / "CONTRIBUTING.md").read_text()


def test_every_target_that_contributing_names_is_one_and_has_a_word_of_help():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"make ([a-z-]+)", text))
    helped = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named <= TARGETS & helped


def test_the_hooks_before_a_commit_run_tools_that_make_install_puts_there():
    [repository] = read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        tool, *arguments = hook["entry"].split()
        assert tool.startswith(".venv/bin/")
        locked = (ROOT / "requirements/dev.txt").read_text()
        name = tool.removeprefix(".venv/bin/")
        assert name == "python" or re.search(rf"^{name}==", locked, re.MULTILINE)
        for argument in arguments:
            if argument.endswith(".py"):
                assert (ROOT / argument).is_file()


def test_what_is_made_from_code_can_be_checked_without_writing():
    done = subprocess.run([sys.executable, ROOT / "docs/reference.py", "--check"], check=False, cwd=ROOT)
    assert done.returncode == 0


# Releases


@pytest.fixture(scope="module")
def release():
    spec = importlib.util.spec_from_file_location("release", ROOT / ".ci/release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def source(tmp_path):
    """A tree that is ready to become 1.2.3."""
    (tmp_path / "connector").mkdir()
    (tmp_path / "connector/__init__.py").write_text('__version__ = "1.2.3"\n')
    chart = tmp_path / "deploy/helm/chart"
    chart.mkdir(parents=True)
    (chart / "Chart.yaml").write_text('version: 1.0.0\nappVersion: "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2027-01-31\n\n### Added\n\n- This.\n\n## 1.2.2 - 2027-01-01\n\n- That.\n"
    )
    return tmp_path


def test_a_tree_that_agrees_with_its_tag_may_be_released(release, source):
    assert list(release.problems("v1.2.3", source)) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("connector/__init__.py", "1.2.3", "1.2.4", "does not say that the version is 1.2.3"),
        (
            "deploy/helm/chart/Chart.yaml",
            'appVersion: "1.2.3"',
            'appVersion: "1.2.30"',
            "does not have the appVersion",
        ),
        ("CHANGELOG.md", "## 1.2.3 ", "## 1.2.30 ", "has no section ## 1.2.3"),
        (
            "CHANGELOG.md",
            "## Unreleased\n",
            "## Unreleased\n\n- More.\n",
            "still has entries under Unreleased",
        ),
    ],
)
def test_whatever_disagrees_with_the_tag_is_named(release, source, file, old, new, problem):
    changed = source / file
    changed.write_text(changed.read_text().replace(old, new))
    [found] = release.problems("v1.2.3", source)
    assert problem in found
    assert found.startswith(file)


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2", "v1.2.3-rc1", "v1.2.3\n", "latest"])
def test_what_is_no_tag_of_a_release_is_refused(release, source, tag):
    [found] = release.problems(tag, source)
    assert "is no tag of a release" in found


def test_notes_are_the_section_of_the_version_alone(release, source):
    assert release.notes("1.2.3", (source / "CHANGELOG.md").read_text()) == "### Added\n\n- This."


def test_the_tree_as_it_is_agrees_with_its_own_version_but_for_the_changelog(release):
    found = list(release.problems(f"v{__version__}"))
    assert [problem for problem in found if not problem.startswith("CHANGELOG.md")] == []
