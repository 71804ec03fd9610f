"""Writes the generated parts of README.md and docs/*.md: `make docs`. Tests fail when they are out of date.

A generated part stands between `<!-- generated:NAME, by make docs -->` and `<!-- /generated:NAME -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path

from connector.settings import Settings, default_of, variable_of

ROOT = Path(__file__).resolve().parent.parent
_PART = re.compile(
    r"(<!-- generated:(?P<name>[a-z-]+), by make docs -->\n).*?(<!-- /generated:(?P=name) -->)", re.DOTALL
)


def settings_table() -> str:
    """Give every setting as a row: variable, default, meaning."""
    rows = ["| variable | default | |", "|---|---|---|"]
    rows += [
        f"| `{variable_of(each)}` | {_code(default_of(each))} | {each.metadata['help']} |"
        for each in fields(Settings)
    ]
    return "\n".join(rows) + "\n"


def _code(text: str | None) -> str:
    return "not set" if text is None else f"`{text}`"


PARTS: Mapping[str, Callable[[], str]] = {"settings": settings_table}


def pages() -> list[Path]:
    """List the pages that may hold generated parts."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def generated(text: str) -> str:
    """Give a page's text with its generated parts written anew."""
    return _PART.sub(lambda found: found[1] + PARTS[found["name"]]() + found[3], text)


def main() -> None:
    """Write all pages; tell which changed."""
    for page in pages():
        before = page.read_text(encoding="utf-8")
        after = generated(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            sys.stdout.write(f"{page.relative_to(ROOT)} written\n")


if __name__ == "__main__":
    main()
