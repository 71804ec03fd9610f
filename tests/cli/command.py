"""The command line, run in this process or as a process of its own."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from connector.__main__ import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """The one line of JSON that was printed."""
        [line] = self.out.splitlines()
        return json.loads(line)

    @property
    def json_lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


def run(*arguments, stdin=b"", **environment):
    """Run a command in this process, the way `encharge-connector` does; `stdin` can be read twice."""
    with (
        pytest.MonkeyPatch.context() as patch,
        CliRunner().isolation(stdin, environment) as (out, err, _both),
    ):
        patch.setattr(sys, "argv", ["encharge-connector", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        sys.stdout.flush()
        return Done(ended.value.code, out.getvalue().decode(), err.getvalue().decode())


class Process:
    """A command in a process and session of its own, as if started from a terminal."""

    def __init__(self, arguments, directory, outputs, environment, **options):
        self._name = " ".join(map(str, arguments))
        self._files = [outputs / f"{name}-{id(self)}" for name in ("out", "err")]
        with self._files[0].open("wb") as out, self._files[1].open("wb") as err, _signals_of_a_terminal():
            self._process = subprocess.Popen(
                [sys.executable, "-m", "connector", *map(str, arguments)],
                **{"stdin": subprocess.PIPE, "stdout": out, "stderr": err, **options},
                cwd=directory,
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                start_new_session=True,
            )
        self.stdin = self._process.stdin
        self.stdout = self._process.stdout
        self._started_by_it = set()

    @property
    def out(self):
        return self._files[0].read_text()

    @property
    def err(self):
        return self._files[1].read_text()

    @property
    def running(self):
        return self._process.poll() is None

    def children(self):
        children = psutil.Process(self._process.pid).children()
        self._started_by_it.update(children)
        return children

    def type(self, line):
        """Give it a line of input and keep its input open."""
        self.stdin.write(line + b"\n")
        self.stdin.flush()

    def send(self, number):
        self._process.send_signal(number)

    def press_ctrl_c(self):
        """Do what a terminal does: SIGINT to the whole process group."""
        os.killpg(self._process.pid, signal.SIGINT)

    def wait(self, within_s=20):
        """Wait for the end; give the exit code."""
        return self._process.wait(within_s)

    def done(self, within_s=20):
        return Done(self.wait(within_s), self.out, self.err)

    def close(self):
        """End what is still there of it and of what it has started, also when it left that behind."""
        if self.running:
            self.children()
            self._process.kill()
        self._process.wait()
        print(f"--- {self._name} ended with {self._process.returncode}\n{self.out[-1000:]}{self.err[-3000:]}")
        for child in self._started_by_it:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        for pipe in (self.stdin, self.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def _signals_of_a_terminal():
    """Start programs with the signals a shell gives them, also when the tests run under nohup or with `&`."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def alive(process):
    """Tell whether a process does something; an orphan that ended stays a zombie where no init collects it."""
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
