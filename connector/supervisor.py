"""Several worker processes on one machine: started, watched, restarted, stopped together.

Each process is an ordinary `run` and an ordinary member of the consumer groups; only the web port
differs, by the number of the process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from types import FrameType

import structlog

from connector.errors import ConfigurationError
from connector.settings import Settings

RESTART_BASE_S = 1.0
RESTART_CAP_S = 60.0
STEADY_S = 60.0  # a process that lived this long starts over with the shortest pause
POLL_S = 0.1

log = structlog.get_logger(__name__)


class _Child:
    """One worker process and when it may be started again."""

    def __init__(self, number: int, command: list[str], environment: Mapping[str, str]) -> None:
        self.number = number
        self._command, self._environment = command, dict(environment)
        self.process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._restart_at_s = 0.0
        self._failures = 0

    def start_if_due(self, now_s: float) -> None:
        if self.process is None and now_s >= self._restart_at_s:
            # Ctrl-C is ours to pass on: a worker that had it from the terminal, too, would take ours for the
            # second one and end without draining.
            self.process = subprocess.Popen(  # noqa: S603
                self._command, env=self._environment, start_new_session=True
            )
            self._started_s = now_s
            log.info("worker process started", number=self.number, pid=self.process.pid)

    def collect(self, now_s: float) -> int | None:
        """Notice that the process ended; give its exit code once."""
        code = None if self.process is None else self.process.poll()
        if code is None:
            return None
        self.process = None
        self._failures = 1 if now_s - self._started_s > STEADY_S else self._failures + 1
        pause_s = min(RESTART_CAP_S, RESTART_BASE_S * 2.0 ** min(self._failures - 1, 10))
        self._restart_at_s = now_s + pause_s
        log.warning("worker process ended", number=self.number, code=code, restart_in_s=pause_s)
        return code

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def terminate(self) -> None:
        if self.process is not None:
            self.process.terminate()


def supervise(settings: Settings, role: str, processes: int) -> int:
    """Keep so many workers running until SIGTERM, SIGINT or SIGHUP; give the exit code.

    A worker that ends with a configuration error ends all: it would fail the same way again.
    """
    command = [sys.executable, "-m", "connector", "run", "--role", role]
    children = [_Child(number, command, _environment(settings, number)) for number in range(processes)]
    signals: list[int] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signals.append(number)  # passed on below: a worker may be half started just now

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup` ignores it
        signal.signal(signal.SIGHUP, on_signal)
    exit_code = 0
    while not signals:
        now_s = time.monotonic()
        for child in children:
            if child.collect(now_s) == ConfigurationError.exit_code:
                exit_code = ConfigurationError.exit_code
                signals.append(signal.SIGTERM)
        if not signals:
            for child in children:
                child.start_if_due(now_s)
        time.sleep(POLL_S)
    passed_on = 0
    while any(child.running for child in children):
        if passed_on < len(signals):
            passed_on += 1
            for child in children:
                child.terminate()
        time.sleep(POLL_S)
    return exit_code


def _environment(settings: Settings, number: int) -> Mapping[str, str]:
    if settings.web_port == 0:
        return os.environ
    return {**os.environ, "CONNECTOR_WEB_PORT": str(settings.web_port + number)}
