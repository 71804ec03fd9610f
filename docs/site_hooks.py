"""Makes of docs/ what a site needs and GitHub does not: `make site`.

The Markdown is written for GitHub, where a link may lead to any file of the repository. In the site

    - the pages beside docs/ (README.md, CHANGELOG.md, ...) are pages, too, in the folder `project`
    - links between all of these lead to each other; one that leads to a folder leads to its README.md
    - another file of the repository that a page links to lies beside the pages, in the folder `repository`

so that the site needs no public address of the repository. A link that leads nowhere is left as it is, and
`mkdocs build --strict` fails.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "project"  # the pages beside docs/, in lower case
REPOSITORY = "repository"  # files that pages link to

_FENCE = re.compile(r"^ *(`{3,})")
_COMMENT = re.compile(r"^ *<!-- .* -->$")
_CODE = re.compile(r"(`+)(?:(?!\1).)+\1")
_LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?\)")


def project_pages() -> dict[str, str]:
    """Give the pages beside docs/: path in the repository to path in the site's sources."""
    return {file.name: f"{PROJECT}/{file.name.lower()}" for file in sorted(ROOT.glob("*.md"))}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages of a folder in the place of its name in the navigation."""
    config.nav = list(_expanded(config.nav or []))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages beside docs/."""
    for source, target in project_pages().items():
        files.append(File.generated(config, target, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to where things are in the site, and leave out what only tools read."""
    return "\n".join(_lines(markdown, page.file.src_uri, config, files))


def _lines(markdown: str, page: str, config: MkDocsConfig, files: Files) -> Iterator[str]:
    fence = ""
    for line in markdown.splitlines():
        if found := _FENCE.match(line):
            if not fence:
                fence = found[1]
            elif line.strip() == fence:
                fence = ""
        if fence:
            yield line
        elif not _COMMENT.match(line):
            yield _outside_of_code(line, page, config, files)


def _outside_of_code(line: str, page: str, config: MkDocsConfig, files: Files) -> str:
    def lead(found: re.Match[str]) -> str:
        if re.match(r"[a-z]+:", found[2]):
            return found[0]
        target = _in_site(found[2], page, config, files)
        return f"{found[1]}{target}{found[3] or ''})"

    # In a table of GitHub a bar needs a backslash, also in code; here it must have none.
    if line.startswith("|"):
        line = _CODE.sub(lambda found: found[0].replace(r"\|", "|"), line)
    # Code is put aside, as it may look like a link; the text of a link may itself be code.
    kept: list[str] = []

    def put_aside(found: re.Match[str]) -> str:
        kept.append(found[0])
        return f"\0{len(kept) - 1}\0"

    line = _LINK.sub(lead, _CODE.sub(put_aside, line))
    return re.sub(r"\0(\d+)\0", lambda found: kept[int(found[1])], line)


def _in_site(link: str, page: str, config: MkDocsConfig, files: Files) -> str:
    """Give a link as it must be in the site, from a page of its sources."""
    pages = project_pages()
    originals = {target: source for source, target in pages.items()}
    here = posixpath.dirname(originals.get(page, f"docs/{page}"))
    target = posixpath.normpath(posixpath.join(here, link))
    if (ROOT / target).is_dir() and (ROOT / target / "README.md").is_file():
        target += "/README.md"
    if target in pages:
        goal = pages[target]
    elif target.startswith("docs/"):
        goal = target.removeprefix("docs/")
    elif (ROOT / target).is_file():
        goal = f"{REPOSITORY}/{target}"
        if files.get_file_from_path(goal) is None:
            files.append(File.generated(config, goal, abs_src_path=str(ROOT / target)))
    else:
        return link
    return posixpath.relpath(goal, posixpath.dirname(page) or ".")


def _expanded(items: list[Any]) -> Iterator[Any]:
    for item in items:
        match item:
            case str() if item.endswith("/"):
                yield from _pages_of(item)
            case {**entries}:
                [(title, inner)] = entries.items()
                yield {title: list(_expanded(inner)) if isinstance(inner, list) else inner}
            case _:
                yield item


def _pages_of(folder: str) -> Iterator[str]:
    if folder == f"{PROJECT}/":
        yield from (target for source, target in project_pages().items() if source != "README.md")
        return
    found = sorted(
        ROOT.joinpath("docs", folder).glob("*.md"), key=lambda file: (file.name != "README.md", file.name)
    )
    for file in found:
        yield folder + file.name
