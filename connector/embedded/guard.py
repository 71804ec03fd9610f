"""Runs one command and kills it as soon as the process that asked for it is gone.

Usage: python -I -S guard.py PARENT_PID COMMAND...   Prints the command's process id.

The command is killed when the pipe on stdin ends or says anything, when the parent changes (a forked copy of
the parent can hold the pipe open), and on Linux when the guard itself dies. SIGTERM is passed on. The exit
code is the command's. The kernel's parent-death signal alone would not do in the connector: it is sent when
the *thread* that started the command ends, and threads of a pool do end.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys

_PR_SET_PDEATHSIG = 1
_STDIN = 0
_PARENT_CHECK_S = 1.0


def _die_with_the_guard() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(parent_pid: int, command: list[str]) -> int:
    """Run the command to its end and return its exit code, 128 and the signal's number if it was killed."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler nothing arrives at the wakeup pipe
    child = subprocess.Popen(  # noqa: S603  the command is the connector's own
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=_die_with_the_guard,  # noqa: PLW1509  safe here: this process has one thread
    )
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    while child.poll() is None:
        ready, _, _ = select.select([_STDIN, woken], [], [], _PARENT_CHECK_S)
        if _STDIN in ready or os.getppid() != parent_pid:
            child.kill()
            child.wait()
        elif woken in ready:
            os.read(woken, 64)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
