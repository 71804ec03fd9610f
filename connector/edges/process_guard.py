"""What a process with secrets and people's data in its memory leaves behind, and who can read its secrets."""

from __future__ import annotations

import faulthandler
import resource
from collections.abc import Iterator
from typing import NamedTuple

import structlog

from connector.secret_files import who_else_can_read
from connector.settings import Settings, secret_files_of

MEND = "chmod 600; in Kubernetes `defaultMode: 0400`, or 0440 with an fsGroup"

log = structlog.get_logger(__name__)


class OpenFile(NamedTuple):
    """A file with a secret that others can read."""

    variable: str
    file: str
    readers: str

    @property
    def told(self) -> str:
        """Say who can read what."""
        return f"{self.file} ({self.variable}) can be read by {self.readers}"


def forbid_core_dumps() -> None:
    """Let no crash of this process and of what it starts write its memory to disk.

    Handlers that the kernel pipes dumps to, as of systemd and Ubuntu, heed this limit as well.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def tell_where_it_crashed() -> None:
    """Let a crash of the interpreter itself write files and lines, without values, to standard error."""
    faulthandler.enable()


def open_files(settings: Settings) -> Iterator[OpenFile]:
    """Give the files with secrets that others than us can read; a volume often cannot do otherwise."""
    for variable, file in secret_files_of(settings):
        if (readers := who_else_can_read(file)) is not None:
            yield OpenFile(variable, str(file), readers)


def warn_of_open_files(settings: Settings) -> None:
    """Log each of them."""
    for each in open_files(settings):
        log.warning("a file with a secret can be read by others", what=each.told, mend=MEND)
