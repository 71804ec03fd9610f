"""The Markdown of the repository: its pages, their blocks of code, links and headings."""

import re
import textwrap
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]

_BLOCK = re.compile(
    r"(?:^ *<!-- (?P<mark>[^>\n]*) -->\n)?^(?P<indent> *)(?P<fence>`{3,})(?P<language>[^\n`]*)\n"
    r"(?P<text>.*?)^(?P=indent)(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


class Block(NamedTuple):
    """A block of code; `mark` is the comment right before it, "" where there is none."""

    page: Path
    line: int
    mark: str
    language: str
    text: str

    @property
    def place(self):
        return f"{name(self.page)}:{self.line}"


class Link(NamedTuple):
    """Where a link or picture leads: `file` is "" for the page itself, `anchor` "" for its beginning."""

    page: Path
    file: str
    anchor: str


def name(page):
    return str(page.relative_to(ROOT))


def blocks(page):
    text = page.read_text()
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("fence")) + 1
        code = textwrap.dedent(match["text"]) if match["indent"] else match["text"]
        found.append(Block(page, line, (match["mark"] or "").strip(), match["language"].strip(), code))
    return found


@cache
def prose(page):
    """Give a page without its blocks of code."""
    return _BLOCK.sub("", page.read_text())


def spans(page):
    """Give the code within sentences, each on one line."""
    return [" ".join(match[2].split()) for match in _SPAN.finditer(prose(page))]


def links(page):
    """Give all links and pictures outside of code, those to other places on the web, too."""
    text = _SPAN.sub("code", prose(page))
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"<(https?://[^>\s]+)>", text)
    targets += re.findall(r"^\[[^]]+\]: (\S+)$", text, re.MULTILINE)
    return [Link(page, *_parted(target)) for target in targets]


def _parted(target):
    if re.match(r"\w+:", target):
        return target, ""
    file, _, anchor = target.partition("#")
    return file, anchor


@cache
def anchors(page):
    """Give the names of a page's headings as GitHub makes them."""
    found = {}
    for heading in re.findall(r"^#{1,6} (.*)$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    return {
        slug if not number else f"{slug}-{number}"
        for slug, most in found.items()
        for number in range(most + 1)
    }
