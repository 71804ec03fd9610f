"""What a release needs of a tag: `check` that everything agrees with it, `notes` for people.

    python .ci/release.py check v1.2.3
    python .ci/release.py notes v1.2.3

The version stands in connector/__init__.py, because images and source archives are built without git; a tag
must agree with it (docs/decisions/0012-version-and-tag.md). Exit 1 with a line for each thing that is wrong.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_TAG = re.compile(r"v(\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?)")  # as Python writes versions, PEP 440


def problems(tag: str, root: Path = ROOT) -> Iterator[str]:
    """Say what does not agree with the tag."""
    match = _TAG.fullmatch(tag)
    if match is None:
        yield f"{tag!r} is no tag of a release; write e.g. v1.2.3 or v1.2.3rc1"
        return
    version = match[1]
    package = (root / "connector/__init__.py").read_text(encoding="utf-8")
    if f'__version__ = "{version}"' not in package:
        yield f"connector/__init__.py does not say that the version is {version}"
    for chart in sorted(root.glob("deploy/helm/*/Chart.yaml")):
        if not re.search(
            rf'^appVersion: "?{re.escape(version)}"?$', chart.read_text(encoding="utf-8"), re.MULTILINE
        ):
            yield f"{chart.relative_to(root)} does not have the appVersion {version}"
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if not notes(version, changelog):
        yield f"CHANGELOG.md has no section ## {version}, or nothing in it"
    if notes("Unreleased", changelog):
        yield f"CHANGELOG.md still has entries under Unreleased; they belong under {version}"


def notes(version: str, changelog: str) -> str:
    """Give what the changelog says of a version, without its heading; empty when it says nothing."""
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    for section in sections:
        heading, _, body = section.partition("\n")
        if heading.split(" ")[0].strip("[]") == version:
            return body.strip()
    return ""


def main() -> None:
    """Do what the command line asks for."""
    match sys.argv[1:]:
        case ["check", tag]:
            found = list(problems(tag))
            sys.stderr.writelines(f"{problem}\n" for problem in found)
            sys.exit(1 if found else 0)
        case ["notes", tag]:
            changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
            sys.stdout.write(notes(tag.removeprefix("v"), changelog) + "\n")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
