"""A program that does not outlive us, whatever ends us."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

_GUARD = Path(__file__).with_name("guard.py")


class GuardedProcess:
    """A program run below guard.py, in a session of its own: Ctrl-C at the terminal reaches only us.

    The guard keeps the file `held` open until the program has ended, and with it the lock on it.
    """

    def __init__(self, command: Sequence[str], *, directory: Path, log: Path, held: BinaryIO) -> None:
        with log.open("ab") as output:
            self._guard = subprocess.Popen(  # noqa: S603  our own script and command
                [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                bufsize=0,
                cwd=directory,
                start_new_session=True,
                pass_fds=(held.fileno(),),
            )
        assert self._guard.stdin is not None
        assert self._guard.stdout is not None
        self._order, announcement = self._guard.stdin, self._guard.stdout
        with announcement:
            self.pid = int(announcement.readline() or 0)  # none when the program could not be run at all

    @property
    def running(self) -> bool:
        """Whether the program has not ended yet."""
        return self._guard.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The program's exit code, 128 and the signal's number if it was killed; None while it runs."""
        return self._guard.poll()

    def stop(self, timeout_s: float) -> None:
        """Ask the program to end, and kill it when it takes too long."""
        self._guard.terminate()
        try:
            self._guard.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self._order.close()

    def kill(self) -> None:
        """End the program at once; when this returns it is gone and its ports are free."""
        if self.running:
            # A byte and not only the end of the pipe, which a forked copy of us would keep open.
            with contextlib.suppress(BrokenPipeError):
                self._order.write(b"\n")
        self._guard.wait()
        self._order.close()
