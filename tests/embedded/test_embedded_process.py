import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from connector.embedded.process import GuardedProcess

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal as s, time; s.signal(s.SIGTERM, s.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]


@pytest.fixture
def guarded(tmp_path):
    """Starts commands and kills what is left of them."""
    started = []

    def start(command):
        with (tmp_path / "held").open("wb") as held:
            started.append(GuardedProcess(command, directory=tmp_path, log=tmp_path / "log", held=held))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_stop_asks_and_waits_until_the_program_is_gone(guarded):
    process = guarded(SLEEP)
    assert process.running

    process.stop(20)

    assert not is_alive(process.pid)
    assert process.exit_code == 128 + signal.SIGTERM


def test_a_program_that_does_not_stop_in_time_is_killed(guarded, tmp_path, eventually):
    process = guarded(DEAF)
    eventually(lambda: "deaf" in (tmp_path / "log").read_text())

    process.stop(0.1)

    assert not is_alive(process.pid)
    assert process.exit_code == 128 + signal.SIGKILL


def test_a_stopped_process_can_be_killed(guarded):
    process = guarded(SLEEP)
    os.kill(process.pid, signal.SIGSTOP)

    process.kill()

    assert not is_alive(process.pid)


def test_the_exit_code_is_the_programs_own(guarded, eventually):
    process = guarded([sys.executable, "-c", "raise SystemExit(7)"])

    assert eventually(lambda: process.exit_code) == 7
    assert not process.running


def test_stop_and_kill_may_be_repeated_in_any_order(guarded):
    process = guarded(SLEEP)

    process.kill()
    process.stop(1)
    process.kill()

    assert process.exit_code == 128 + signal.SIGKILL


def test_a_program_that_cannot_be_run_has_ended_and_the_log_says_why(guarded, tmp_path, eventually):
    process = guarded(["/no/such/java"])

    eventually(lambda: not process.running)
    assert "/no/such/java" in (tmp_path / "log").read_text()


def test_the_end_of_the_thread_that_started_it_does_not_end_the_program(guarded):
    made = []
    thread = threading.Thread(target=lambda: made.append(guarded(SLEEP)))
    thread.start()
    thread.join()

    # The guard looks after its parent every second; SIGTERM reaching the program shows that both still live.
    made[0].stop(20)

    assert made[0].exit_code == 128 + signal.SIGTERM


# Prints the program's id and waits; "fork" leaves a copy of itself that holds every pipe open.
PARENT = """
import os, sys, time
from pathlib import Path
from connector.embedded.process import GuardedProcess
directory = Path(sys.argv[1])
command = [sys.executable, "-c", "import time; time.sleep(600)"]
with (directory / "held").open("wb") as held:
    process = GuardedProcess(command, directory=directory, log=directory / "log", held=held)
copy = os.fork() if sys.argv[2] == "fork" else None
if copy != 0:
    print(process.pid, copy or 0, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("how", ["alone", "fork"])
def test_the_program_dies_when_its_parent_is_killed(tmp_path, eventually, how):
    command = [sys.executable, "-c", PARENT, str(tmp_path), how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()) as parent:
        program, copy = map(int, parent.stdout.readline().split())
        assert is_alive(program)

        parent.kill()

    try:
        eventually(lambda: not is_alive(program))
    finally:
        if copy:
            os.kill(copy, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="needs the parent-death signal")
def test_the_program_dies_when_its_guard_is_killed(guarded, eventually):
    process = guarded(SLEEP)

    psutil.Process(process.pid).parent().kill()

    eventually(lambda: not is_alive(process.pid))
    eventually(lambda: not process.running)


def test_ctrl_c_at_the_terminal_does_not_reach_the_program(guarded):
    process = guarded(SLEEP)

    assert os.getpgid(process.pid) != os.getpgid(0)
    assert os.getsid(process.pid) != os.getsid(0)
