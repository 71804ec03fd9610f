"""Generated tables are up to date, pages that code names are there, every code is documented."""

import importlib.util
import re
from pathlib import Path

import pytest

from connector.core.actions import ACTIONS
from connector.delivery.codes import CODES
from connector.edges.metric_list import METRIC_LIST

ROOT = Path(__file__).parents[2]


def reference():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs/reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("file", "text"), [pytest.param(*each, id=each[0].name) for each in reference().current().items()]
)
def test_what_is_generated_is_up_to_date(file, text):
    assert file.read_text() == text, "run `make docs`"


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_a_page_with_its_fields_and_an_example(action):
    page = (ROOT / f"docs/actions/{action}.md").read_text()

    assert f"generated:action-fields {action}" in page
    assert f"generated:action-example {action}" in page


def test_the_readme_has_the_settings():
    assert "generated:settings" in (ROOT / "README.md").read_text()


def test_the_page_of_the_metrics_has_a_row_for_each_and_every_example():
    page = (ROOT / "docs/metrics.md").read_text()

    assert re.findall(r"^\| `(connector_\w+)` \|", page, re.MULTILINE) == [each.name for each in METRIC_LIST]
    assert [each.example for each in METRIC_LIST if each.example not in page] == []


@pytest.mark.parametrize(
    "path", [*(ROOT / "connector").rglob("*.py"), ROOT / "pyproject.toml"], ids=lambda p: p.name
)
def test_a_page_that_code_refers_to_exists(path):
    pages = re.findall(r"docs/[\w/.-]+\.md", path.read_text())

    assert [page for page in pages if not (ROOT / page).exists()] == []


def test_every_code_has_its_row_and_no_row_is_left_over():
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/codes.md").read_text(), re.MULTILINE)

    assert sorted(rows) == sorted(CODES)
