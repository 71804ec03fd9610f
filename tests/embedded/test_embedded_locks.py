import subprocess
import sys
from pathlib import Path

import pytest

from connector.embedded.locks import locked, try_lock


def test_the_lock_keeps_another_process_out_until_it_is_released(tmp_path, eventually):
    code = (
        "import sys, pathlib\n"
        "from connector.embedded.locks import locked\n"
        "print('waiting', flush=True)\n"
        "with locked(pathlib.Path(sys.argv[1])): print('inside', flush=True)\n"
    )
    with locked(tmp_path):
        other = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert other.stdout.readline() == "waiting\n"
        # The kernel's table says that somebody waits for our lock.
        eventually(lambda: any("->" in line and str(other.pid) in line for line in kernel_locks()))
        assert other.poll() is None

    rest, _ = other.communicate(timeout=20)
    assert rest == "inside\n"


def kernel_locks():
    path = Path("/proc/locks")
    if not path.exists():
        pytest.skip("needs Linux")
    return path.read_text().splitlines()


def test_a_lock_passed_to_a_child_lasts_as_long_as_the_child(tmp_path):
    with try_lock(tmp_path) as lock:
        command = [sys.executable, "-c", "input()"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(lock.fileno(),))

    assert try_lock(tmp_path) is None

    child.communicate(b"\n", timeout=20)
    with try_lock(tmp_path) as again:
        assert again is not None
