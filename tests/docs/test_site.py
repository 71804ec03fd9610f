"""The site of docs/ builds without a warning, loads nothing from elsewhere, and all of it hangs together."""

import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from connector.settings import Settings, variable_of
from tests.docs.pages import PAGES, ROOT

LOADS = {
    "script": "src",
    "img": "src",
    "source": "src",
    "iframe": "src",
    "link": "href",
    "object": "data",
    "use": "href",
}
"""Elements whose attribute a browser fetches without being asked to."""


def build(site, *options):
    return subprocess.run(
        [Path(sys.executable).parent / "mkdocs", "build", "--site-dir", site, *options],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("site")
    done = build(directory, "--strict")  # with --quiet it would not count warnings
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return directory


@pytest.fixture(scope="module")
def pages(site):
    found = {}
    for file in sorted(site.rglob("*.html")):
        found[file] = Page()
        found[file].feed(file.read_text())
    return found


class Page(HTMLParser):
    """What one page loads, where it leads, and what in it can be led to."""

    def __init__(self):
        super().__init__()
        self.loads, self.links, self.ids, self.classes = set(), set(), set(), set()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids |= {given[key] for key in ("id", "name") if given.get(key)}
        self.classes |= set((given.get("class") or "").split())
        if target := given.get(LOADS.get(tag, "")):
            self.loads.add(target)
        if tag == "a" and given.get("href"):
            self.links.add(given["href"])


def is_outside(target):
    return re.match(r"(\w+:)?//|\w+:", target) is not None


def leads_somewhere(target, file, site, pages):
    path, _, anchor = unquote(target).partition("#")
    goal = (file.parent / path).resolve() if path else file
    goal = goal / "index.html" if goal.is_dir() else goal
    if not goal.is_file() or not goal.is_relative_to(site):
        return False
    return not anchor or goal not in pages or anchor in pages[goal].ids


def test_every_page_of_the_repository_is_a_page_of_the_site(site):
    reports = {str(file.relative_to(ROOT / "docs")) for file in (ROOT / "docs/proof").glob("*.html")}
    html = {str(file.relative_to(site)) for file in site.rglob("*.html")} - {"404.html"}

    assert reports <= html  # as they are
    assert len(html - reports) == len(PAGES)
    assert {"index.html", "tutorial.html", "project/changelog.html", "actions/index.html"} <= html


def test_no_page_loads_anything_from_elsewhere(site, pages):
    css = [file.read_text() for file in site.rglob("*.css")]
    styles = [target for text in css for target in re.findall(r"(?:url\(|@import )['\"]?([^'\")]*)", text)]

    assert [target for page in pages.values() for target in page.loads if is_outside(target)] == []
    assert [target for target in styles if is_outside(target) and not target.startswith("data:")] == []
    # The theme would fetch what draws these.
    assert [file for file, page in pages.items() if page.classes & {"mermaid", "arithmatex"}] == []


def test_every_link_within_the_site_leads_to_a_file_and_to_a_heading_of_it(site, pages):
    wrong = set()
    for file, page in pages.items():
        for target in page.links | page.loads:
            if not (
                is_outside(target) or file.name == "404.html" or leads_somewhere(target, file, site, pages)
            ):
                wrong.add((file.name, target))

    assert wrong == set()


def test_a_file_that_a_page_links_to_lies_beside_the_pages(site):
    assert (site / "repository/schemas/destination.json").read_bytes() == (
        ROOT / "schemas/destination.json"
    ).read_bytes()


def test_code_that_pages_share_with_github_is_shown_as_it_is(site):
    fields_page = (site / "fields.html").read_text()

    assert "event | downcase" in fields_page  # a bar in a table, which GitHub wants with a backslash
    assert "generated:" not in (site / "settings.html").read_text()  # a comment for tools


def test_the_search_finds_every_setting(site):
    index = json.loads((site / "search/search_index.json").read_text())["docs"]
    text = " ".join(each["text"] for each in index if each["location"].startswith("settings.html"))

    assert [variable_of(each) for each in fields(Settings) if variable_of(each) not in text] == []


def test_a_page_without_a_place_and_a_dead_link_are_warnings_which_strict_makes_errors(tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text(
        "# Home\n\n[a](nothing.md) [b](../nothing.txt) [c](#nothing) [d](/nothing)\n"
    )
    (docs / "stray.md").write_text("# Stray\n")
    config = tmp_path / "mkdocs.yml"
    text = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[0]
    hooks = text.replace("docs/site_hooks.py", str(ROOT / "docs/site_hooks.py"))
    config.write_text(f"{hooks}\nnav: [index.md]\n")

    done = build(tmp_path / "site", "--config-file", config)

    assert done.returncode == 1
    warnings = re.split(r"^(?=WARNING|INFO|Aborted)", done.stderr, flags=re.MULTILINE)
    for name in ("stray.md", "'nothing.md'", "'../nothing.txt'", "'#nothing'", "'/nothing'"):
        assert any(each.startswith("WARNING") and name in each for each in warnings), name
