"""Notices that files changed, by looking at them: works for mounted secrets, whose links are swapped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

EVERY_S: Final = 1.0

Signature = tuple[int, int, int] | None


class FileWatch:
    """Looks at files; `changed` is called after any of them has changed, appeared or gone."""

    def __init__(self, files: Iterable[Path], changed: Callable[[], None]) -> None:
        self._files, self._changed = tuple(files), changed
        self._seen = [_signature(file) for file in self._files]

    def look(self) -> bool:
        """Look once; True when something changed since the last look."""
        seen = [_signature(file) for file in self._files]
        if seen == self._seen:
            return False
        self._seen = seen
        self._changed()
        return True

    async def run(self) -> None:
        """Look every second until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            self.look()


def _signature(file: Path) -> Signature:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
