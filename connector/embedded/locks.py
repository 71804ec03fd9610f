"""Locks on directories, held by open files and so never left behind by a process that is killed."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep other processes out of the directory; waits for one that is inside."""
    with (directory / ".lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def try_lock(directory: Path) -> BinaryIO | None:
    """Return a file that holds the lock as long as it is open, here or in a child; None when it is taken."""
    file = (directory / ".lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
