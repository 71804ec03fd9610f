"""Does what a page tells its reader to type, and compares what it shows."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import blocks
from tests.eventually import eventually

KEEPS = re.compile(r"^(?:export |set -a; ).*$", re.MULTILINE)
"""Lines that change the environment of the terminal for what is typed later."""


class Terminals:
    """Shells in one directory, for everything that is typed in it; a context manager that ends what runs."""

    def __init__(self, directory, **environment):
        self._directory = directory
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self._environment = {"PATH": path, "TZ": "UTC", **environment}
        self._kept = []
        self._running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self._running):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
        for process in reversed(self._running):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def set(self, **environment):
        self._environment |= environment

    def run(self, script, exits=0, within_s=90):
        """Run commands to their end; give what they print."""
        done = subprocess.run(
            self._bash(script),
            cwd=self._directory,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )
        assert done.returncode == exits, script + done.stdout + done.stderr
        self._kept += [line for line in KEEPS.findall(script) if line not in self._kept]
        return done.stdout

    def run_until(self, script, shows, within_s=60):
        """Run commands, and the last of them again until it prints what is to be shown."""
        *before, last = script.rstrip("\n").split("\n")
        self.run("\n".join(before))
        printed = []

        def shown():
            printed.append(self.run(last))
            return shows(printed[-1])

        try:
            eventually(shown, within_s, what=last)
        except AssertionError as error:
            error.add_note(printed[-1])
            raise

    def start(self, script, log, **environment):
        """Begin a command that runs until Ctrl-C; give a function that tells what it has printed."""
        file = self._directory / log
        with file.open("wb") as out:
            process = subprocess.Popen(
                self._bash(f"exec {script}"),
                cwd=self._directory,
                env={**environment, **self._environment},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append(process)

        def says():
            assert process.poll() is None, file.read_text()
            return file.read_text()

        return says

    def _bash(self, script):
        return ["bash", "-euo", "pipefail", "-c", "\n".join([*self._kept, script])]


def steps(page, test):
    """Give the blocks of a page that this test runs or compares, each with the one that shows what it prints."""
    found = []
    for block in blocks(page):
        if block.mark.startswith(f"runs in {test}"):
            found.append((block, None))
        elif block.mark.startswith("printed"):
            found[-1] = (found[-1][0], block)
        elif block.mark.startswith("is "):
            found.append((block, None))
    return found


def same(printed, shown):
    """Tell whether output is what a page shows; times and places of records may differ. JSON is compared as such."""
    try:
        return json.loads(printed) == json.loads(shown)
    except json.JSONDecodeError:
        return _timeless(printed) == _timeless(shown)


def _timeless(text):
    return re.sub(r"\b\d+:\d+( *) ", r"PLACE", re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text.strip()))
