"""The plan files that this console made, in a private directory: their filters may name people."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from connector.edges.console.jobs import Job, Jobs
from connector.errors import OperationalError

RUN: Final = "replay-run"

log = structlog.get_logger(__name__)


class Plans:
    """Gives names for plan files, and deletes them when nobody needs them any more."""

    def __init__(self) -> None:
        self._directory: Path | None = None

    def new_file(self, jobs: Jobs) -> Path:
        """Give the name of a file that does not exist; the files of forgotten jobs go."""
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="encharge-console-"))  # with mode 700
        needed = {job.context.get("file") for job in jobs.all()}
        for file in self._directory.iterdir():
            if str(file) not in needed:
                file.unlink(missing_ok=True)
        return self._directory / f"{secrets.token_hex(8)}.json"

    def close(self, jobs: Jobs) -> None:
        """Delete the files, but those of replays that were interrupted: they are needed to go on."""
        if self._directory is None:
            return
        last_runs = {job.context["file"]: job for job in reversed(jobs.all(RUN))}
        interrupted = {file for file, job in last_runs.items() if _is_interrupted(job)}
        for file in self._directory.iterdir():
            if str(file) in interrupted:
                log.warning("replay is not done; `replay run` of its plan goes on", file=str(file))
            else:
                file.unlink(missing_ok=True)
        with suppress(OSError):  # it is not empty
            self._directory.rmdir()


def _is_interrupted(job: Job) -> bool:
    """Tell whether a run was ended by a signal or by trouble outside, and not by who cancelled the replay."""
    was_stopped = job.state == "cancelled" and job.result.get("state") != "cancelled"
    return was_stopped or job.code == OperationalError.exit_code
