"""docs/promise.md against the promise itself, and against the tests it names."""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.scenarios.catalogue import SCENARIOS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/promise.md"
LIMIT = "a limit, not a promise"
NUMBERS = {len(SCENARIOS): word for word in ("eighteen",) if len(SCENARIOS) == 18}

# Collected with pytest itself, in a process of its own: one line for each test, and whether a mark keeps it from running.
COLLECT = """
import sys, pytest
class Tell:
    def pytest_collection_finish(self, session):
        for item in session.items:
            kept = any(item.get_closest_marker(name) for name in ("skip", "skipif", "xfail"))
            print("COLLECTED", int(kept), item.nodeid)
sys.exit(pytest.main([*sys.argv[1:], "--collect-only", "-qq", "-p", "no:cacheprovider"], plugins=[Tell()]))
"""


def plain(text):
    """Take out line breaks, indentation and where links lead, which differs with the folder of a page."""
    return re.sub(r"\]\([^)]*\)", "]", " ".join(text.split()))


def promise():
    readme = (ROOT / "README.md").read_text()
    return readme.partition("\n## The promise\n")[2].partition("\n## ")[0]


def sentences():
    """Give the sentences of the promise: those of each point, and those of what follows."""
    points = re.split(r"\n\s*\n|^\d+\. ", promise(), flags=re.MULTILINE)
    found = [
        sentence
        for point in points
        for sentence in re.split(r"(?<=\.) (?=[A-Z])|(?<=\.\*\*) ", plain(point))
        if sentence
    ]
    assert len(found) >= 16
    return found


def rows():
    """Give (cells of a row) of every table on the page."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    found = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [[plain(cell.strip("| ")) for cell in row] for row in found]


def named():
    """Give the ids of all tests that the page links, as (id, address of the link)."""
    return re.findall(r"\[(tests/\S+?\.py::\S+?)\]\(\.\./(tests/[^)]+)\)", PAGE.read_text())


def runs_of_make_test():
    """Give what `make test` tells pytest, one list of arguments a run: marks, and everything else."""
    recipe = (ROOT / "Makefile").read_text().partition("\ntest: ")[2].partition("\n\n")[0]
    marks = re.findall(r'-m pytest [^\n]*-m "([^"]+)"', recipe)
    assert marks, "make test has no run that could be read"
    return marks


@cache
def collected():
    """Give what `make test` runs of the files that the page names: id to whether a mark keeps it from running."""
    files = sorted({path for _, path in named()})
    found = {}
    for marks in runs_of_make_test():
        done = subprocess.run(
            [sys.executable, "-c", COLLECT, "-m", marks, *files],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        assert done.returncode in (0, 5), done.stdout + done.stderr  # 5: none of them has these marks
        for kept, id_ in re.findall(r"^COLLECTED (\d) (\S.*)$", done.stdout, re.MULTILINE):
            found[id_] = kept == "1"
    return found


@pytest.mark.parametrize("sentence", sentences())
def test_every_sentence_of_the_promise_stands_on_the_page_word_for_word(sentence):
    assert sentence in [row[0] for row in rows()]


def test_the_page_explains_no_sentence_that_is_not_promised_any_more():
    first = PAGE.read_text().partition("\n## ")[0]
    told = {plain(line.split(" | ")[0].strip("| ")) for line in first.splitlines() if line.startswith("| ")}

    assert told - {"sentence"} == set(sentences())


@pytest.mark.parametrize("sentence", sentences())
def test_every_sentence_has_a_test_unless_it_only_says_what_is_not_promised(sentence):
    [row] = [row for row in rows() if row[0] == sentence]

    if row[1] == LIMIT:
        assert "no order that anybody could keep" in sentence
    else:
        assert "::test_" in row[1]


def test_what_other_pages_promise_stands_there_word_for_word():
    quoted = [row for row in rows() if re.fullmatch(r"\[\S+\.md\]", row[0])]

    assert len(quoted) >= 7
    for link, sentence, tests, *_ in quoted:
        page = ROOT / "docs" / link.strip("[]")
        assert sentence in plain(page.read_text())
        assert "::test_" in tests


def test_a_link_leads_to_the_file_of_its_test():
    assert [id_ for id_, path in named() if id_.partition("::")[0] != path] == []
    assert len(named()) >= 40


def test_every_test_that_is_named_is_collected_by_make_test_and_no_mark_keeps_it_from_running():
    found = collected()

    for id_, _ in named():
        these = [each for each in found if each == id_ or each.startswith(f"{id_}[")]
        assert these, f"{id_} is not collected by make test"
        assert not any(found[each] for each in these), f"{id_} does not always run"


def test_every_defect_that_was_tried_names_a_test_of_the_page():
    names = {id_.partition("::")[2].partition("[")[0] for id_, _ in named()}
    tried = re.findall(r": `(test_\w+)`", PAGE.read_text())

    assert len(tried) >= 25
    assert set(tried) <= names


def test_there_are_as_many_scenarios_as_the_promise_says():
    assert f"{NUMBERS[len(SCENARIOS)]} scenarios" in plain(promise())
