"""The pages of docs/integrations: what they tell to type runs, and prints what they show."""

import pytest

from tests.docs.following import Terminals, same, steps
from tests.docs.pages import ROOT

TEST = "tests/examples/test_integration_pages.py"
PAGES = [
    ROOT / f"docs/integrations/{name}.md"
    for name in ("analytics-python", "unkeyed-topics", "several-destinations")
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_tells_to_type_prints_what_it_shows(page, tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "events.jsonl").write_bytes((ROOT / "examples/segment-kafka/events.jsonl").read_bytes())
    found = steps(page, TEST)
    assert found, "nothing of the page runs here"
    with Terminals(tmp_path) as terminals:
        for block, shown in found:
            printed = terminals.run(block.text)
            if shown:
                assert same(printed, shown.text), printed
