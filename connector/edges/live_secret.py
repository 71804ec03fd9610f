"""A secret as its file holds it now, for what is used again and again while a worker runs."""

from __future__ import annotations

from pathlib import Path

import structlog

from connector.edges.file_watch import FileWatch
from connector.edges.logs import keep_out_of_logs
from connector.secret_files import FileSecret, read_secret

log = structlog.get_logger(__name__)


class LiveSecret:
    """Gives a secret; one that was read from a file is read anew when the file changed.

    A file that cannot be read leaves in force what was read before, with a warning in the log.
    """

    def __init__(self, secret: str, setting: str) -> None:
        self._secret, self._setting = secret, setting
        self._file: Path | None = secret.file if isinstance(secret, FileSecret) else None
        self._watch = FileWatch(() if self._file is None else (self._file,), self._read)
        if self._file is not None:
            self._read()  # it may have changed since the settings were read

    def __call__(self) -> str:
        """Give it as it is now."""
        self._watch.look()
        return self._secret

    def __repr__(self) -> str:
        """Name the setting, not the secret."""
        return f"LiveSecret({self._setting})"

    def _read(self) -> None:
        assert self._file is not None
        try:
            secret = str.__str__(read_secret(self._file))
        except ValueError as error:
            log.warning("changed secret cannot be used, the one before stays", error=str(error))
            return
        if secret != self._secret:
            keep_out_of_logs((secret,))
            self._secret = secret
            log.info("secret was changed and read anew", setting=self._setting)
