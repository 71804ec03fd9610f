"""The pinned jars of the broker and the directory they are kept in."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

KAFKA_VERSION = "4.3.1"

FreeBytes = Callable[[Path], int]


@dataclass(frozen=True, slots=True)
class Jar:
    """One file of the class path, known down to its last byte."""

    group: str
    artifact: str
    version: str
    sha256: str
    size_bytes: int

    @property
    def filename(self) -> str:
        """Name in the repository and in the cache."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def repository_path(self) -> str:
        """Path below the repository's address."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.filename}"

    def is_intact(self, path: Path) -> bool:
        """Tell whether the file is there and is this jar."""
        try:
            if path.stat().st_size != self.size_bytes:
                return False
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        except FileNotFoundError:
            return False


def parse_jars(text: str) -> tuple[Jar, ...]:
    """Read lines of `group:artifact:version sha256 size`; empty lines and comments are skipped."""
    return tuple(_parse_jar(line) for line in text.splitlines() if line and not line.startswith("#"))


def _parse_jar(line: str) -> Jar:
    name, sha256, size = line.split()
    group, artifact, version = name.split(":")
    return Jar(group, artifact, version, sha256, int(size))


@cache
def pinned_jars() -> tuple[Jar, ...]:
    """Return what the broker needs: jars.txt beside this module."""
    return parse_jars((resources.files(__package__) / "jars.txt").read_text("utf-8"))


def missing_jars(jars: Sequence[Jar], directory: Path) -> tuple[Jar, ...]:
    """Return those that are not there or are damaged.

    All are hashed every time: 36 MB take 40 to 75 ms, a fortieth of the broker's own start.
    """
    return tuple(jar for jar in jars if not jar.is_intact(directory / jar.filename))


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the directory of the user's cache in which the jars of this version are kept."""
    base = Path(environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():  # unset, or to be ignored according to the XDG base directory specification
        base = Path.home() / ".cache"
    return base / "segment-encharge-connector" / f"kafka-{KAFKA_VERSION}"


def disk_free_bytes(directory: Path) -> int:
    """Return what is left for us on the disk that holds the directory."""
    return shutil.disk_usage(directory).free
