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
            self.process = subprocess.Popen(self._command, env=self._environment)  # noqa: S603
            self._started_s = now_s
            log.info("worker process started", number=self.number, pid=self.process.pid)

    def collect(self, now_s: float) -> int | None:
        """Notice that the process ended; give its exit code once."""
        code = None if self.process is None else self.process.poll()
        if code is None:
            return None
        self.process = None
        self._failures = 0 if now_s - self._started_s > STEADY_S else self._failures + 1
        pause_s = min(RESTART_CAP_S, RESTART_BASE_S * 2.0 ** min(self._failures - 1, 10))
        self._restart_at_s = now_s + max(pause_s, 0.0)
        log.warning("worker process ended", number=self.number, code=code, restart_in_s=pause_s)
        return code


def supervise(settings: Settings, role: str, processes: int) -> int:
    """Keep so many workers running until SIGTERM or SIGINT; give the exit code.

    A worker that ends with a configuration error ends all: it would fail the same way again.
    """
    command = [sys.executable, "-m", "connector", "run", "--role", role]
    children = [_Child(number, command, _environment(settings, number)) for number in range(processes)]
    signals: list[int] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signals.append(number)
        for child in children:
            if child.process is not None:
                child.process.send_signal(signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    exit_code = 0
    while not signals:
        now_s = time.monotonic()
        for child in children:
            if child.collect(now_s) == ConfigurationError.exit_code:
                exit_code = ConfigurationError.exit_code
                on_signal(signal.SIGTERM, None)
        if not signals:
            for child in children:
                child.start_if_due(now_s)
        time.sleep(POLL_S)
    for child in children:
        if child.process is not None:
            child.process.wait()
    return exit_code


def _environment(settings: Settings, number: int) -> Mapping[str, str]:
    if settings.web_port == 0:
        return os.environ
    return {**os.environ, "CONNECTOR_WEB_PORT": str(settings.web_port + number)}
