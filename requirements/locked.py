"""What requirements/*.txt lock, and what the installed packages say about themselves.

Only the standard library and `packaging` are needed, so that it runs in the build stage of the image.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, Final

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent
PROJECT: Final = "segment-encharge-connector"

_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})\b")
_SHORT: Final = 40  # characters; longer values of the field License are whole licence texts
_NO_LICENCE: Final = {"OSI Approved", "DFSG approved", "UNKNOWN", ""}


@dataclass(frozen=True, slots=True)
class Locked:
    """One locked package; `marker` says on which machines it is installed, None for all."""

    name: str
    version: str
    marker: str | None
    hashes: tuple[str, ...]

    @property
    def applies_here(self) -> bool:
        """Whether this machine installs it."""
        return self.marker is None or Marker(self.marker).evaluate()


def read_lock(path: Path) -> tuple[Locked, ...]:
    """Every package of a lock file.

    Raises:
        ValueError: A line that is no exact version.

    """
    lines = path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return tuple(_locked(line) for line in lines if line.strip() and not line.lstrip().startswith("#"))


def _locked(line: str) -> Locked:
    requirement = Requirement(line.partition(" --hash")[0].partition(" #")[0].strip())
    found = re.fullmatch(r"==([^*,]+)", str(requirement.specifier))
    if found is None:
        raise ValueError(f"{requirement.name}: {str(requirement.specifier)!r} is no exact version")
    marker = str(requirement.marker) if requirement.marker else None
    return Locked(canonicalize_name(requirement.name), found[1], marker, tuple(_HASH.findall(line)))


def installed(site_packages: Path | None = None) -> dict[str, Distribution]:
    """Packages by canonical name: of a folder, or of the running Python."""
    found = distributions(path=[str(site_packages)]) if site_packages else distributions()
    return {canonicalize_name(each.name): each for each in found}


def own_extras(packages: Mapping[str, Distribution]) -> frozenset[str]:
    """The extras that our package offers."""
    return frozenset(packages[PROJECT].metadata.get_all("Provides-Extra") or ())


def graph(packages: Mapping[str, Distribution], extras: frozenset[str]) -> dict[str, set[str]]:
    """What our package with these extras needs, directly or not: each name with what it needs itself.

    Only what is installed and what this machine needs; our own name is among the keys.
    """
    edges: dict[str, set[str]] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [(PROJECT, extras)]
    while todo:
        name, asked = todo.pop()
        if (name, asked) in seen or name not in packages:
            continue
        seen.add((name, asked))
        needs = [
            (canonicalize_name(each.name), frozenset(each.extras)) for each in _needs(packages[name], asked)
        ]
        edges.setdefault(name, set()).update(need for need, _ in needs if need in packages)
        todo += needs
    return edges


def _needs(package: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    for requirement in map(Requirement, package.requires or ()):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


@dataclass(frozen=True, slots=True)
class Vendored:
    """A file of another project that lies in ours, as VENDORED.md beside it says; `name` is npm's."""

    name: str
    version: str
    licence: str
    sha256: str


def vendored(folder: Path = ROOT / "connector/edges/console/static") -> tuple[Vendored, ...]:
    """What VENDORED.md of a folder lists.

    Raises:
        ValueError: It lists nothing.

    """
    text = (folder / "VENDORED.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| (\S+) \| (\S+) \| ([^ ,]+)", text, re.MULTILINE)
    if not rows:
        raise ValueError(f"{folder / 'VENDORED.md'} lists nothing")
    return tuple(
        Vendored(name, version, licence, hashlib.sha256((folder / file).read_bytes()).hexdigest())
        for file, name, version, licence in rows
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """requirements/policy.toml: which licences fit, and which known holes may wait."""

    table: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path = HERE / "policy.toml") -> Policy:
        """The policy of this project."""
        return cls(tomllib.loads(path.read_text(encoding="utf-8")))

    def spelled(self, words: str) -> str | None:
        """The SPDX identifier for the words of a package, None for words that are unknown here."""
        known: str | None = self.table["spelled"].get(words)
        return known

    @property
    def waiting(self) -> list[Mapping[str, Any]]:
        """The known holes that may wait: package, hole, reason, until (a date)."""
        entries: list[Mapping[str, Any]] = self.table.get("waiting", [])
        return entries

    def entry(self, table: str, name: str) -> Mapping[str, str] | None:
        """The entry of a package in `stated` or `excepted`."""
        found: Mapping[str, str] | None = self.table.get(table, {}).get(name)
        return found

    def licence(self, package: Distribution) -> str | None:
        """The SPDX expression of a package's licence, None where its metadata says nothing known here.

        In this order: what the policy states from the licence file, `License-Expression`, a short
        `License`, the classifiers (all of them together, the strictest reading).
        """
        name, said = canonicalize_name(package.name), package.metadata
        if stated := self.entry("stated", name) or self.entry("excepted", name):
            return stated["licence"]
        if "License-Expression" in said:
            return said["License-Expression"]
        short = said["License"].strip() if "License" in said else ""
        if len(short) <= _SHORT and (known := self.spelled(short)):
            return known
        return self._of_classifiers(said.get_all("Classifier") or [])

    def _of_classifiers(self, classifiers: list[str]) -> str | None:
        words = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: ")]
        known = [self.spelled(each) for each in words if each not in _NO_LICENCE]
        return " AND ".join(sorted(filter(None, known))) if known and all(known) else None


def texts(package: Distribution) -> Iterator[str]:
    """The licence files that a package brought along."""
    for path in package.files or ():
        if re.match(r"(LICEN[CS]E|COPYING|ASSEMBLY_EXCEPTION)", path.name, re.IGNORECASE):
            yield path.read_text(encoding="utf-8")
