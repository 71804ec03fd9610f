"""Links lead somewhere: files and headings of the repository are there, addresses of others are known."""

import re

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, name

ELSEWHERE = {
    "https://faust-streaming.github.io/faust/",
    "https://keepachangelog.com/en/1.1.0/",
    "https://keda.sh",
    "https://pre-commit.com/",
    "https://semver.org/",
    "https://www.rfc-editor.org/rfc/rfc6749#section-4.4",
}
"""Addresses outside that pages link to. Nobody looks whether they still answer: keep them few."""

each_page = pytest.mark.parametrize("page", PAGES, ids=name)


def is_outside(link):
    return re.match(r"\w+:", link.file) is not None


def is_own_worker(link):
    return link.file.startswith("http://127.0.0.1:")


@each_page
def test_a_link_leads_to_a_file_of_the_repository(page):
    files = [link.file for link in links(page) if link.file and not is_outside(link)]

    assert [file for file in files if not (page.parent / file).exists()] == []
    assert [file for file in files if not (page.parent / file).resolve().is_relative_to(ROOT)] == []


@each_page
def test_a_link_to_a_folder_leads_to_its_readme(page):
    """GitHub shows that file of a folder, and the site has no other page of it."""
    folders = [
        link.file for link in links(page) if not is_outside(link) and (page.parent / link.file).is_dir()
    ]

    assert [file for file in folders if file and not (page.parent / file / "README.md").is_file()] == []


@each_page
def test_a_link_to_a_heading_leads_to_one(page):
    for link in links(page):
        if link.anchor and not is_outside(link):
            target = page.parent / link.file if link.file else page
            assert link.anchor in anchors(target), f"{link.file}#{link.anchor}"


@each_page
def test_a_link_to_elsewhere_is_listed(page):
    outside = {link.file for link in links(page) if is_outside(link) and not is_own_worker(link)}

    assert outside - ELSEWHERE == set()


def test_no_listed_address_is_left_over_or_without_encryption():
    used = {link.file for page in PAGES for link in links(page)}

    assert used >= ELSEWHERE
    assert all(address.startswith("https://") for address in ELSEWHERE)
