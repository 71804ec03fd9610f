"""When a worker process is started again; the whole supervisor is in tests/cli/test_cli_run.py."""

import os

import pytest

from connector.supervisor import STEADY_S, _Child
from tests.eventually import eventually


@pytest.fixture
def child():
    """A worker process that ends at once with exit code 1."""
    return _Child(0, ["false"], os.environ)


def crash(child, started_s, lived_s=0.0):
    """Start it and notice its end; give how long it may not be started after that."""
    child.start_if_due(started_s)
    assert child.running or child.process is not None, "not due"
    ended_s = started_s + lived_s
    assert eventually(lambda: child.collect(ended_s), 10) == 1
    return child._restart_at_s - ended_s


def test_a_process_that_keeps_crashing_is_restarted_after_ever_longer_pauses(child):
    pauses, now_s = [], 100.0
    for _ in range(9):
        pauses.append(crash(child, now_s))
        now_s += pauses[-1]

    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


def test_a_process_is_not_started_before_its_pause_is_over(child):
    pause_s = crash(child, 100.0)

    child.start_if_due(100.0 + pause_s - 0.01)
    too_early = child.process
    child.start_if_due(100.0 + pause_s)

    assert too_early is None
    assert child.process is not None
    child.process.wait()


def test_a_process_that_lived_long_is_restarted_after_the_shortest_pause(child):
    now_s = 100.0
    for _ in range(4):
        now_s += crash(child, now_s)

    pause_s = crash(child, now_s, lived_s=STEADY_S + 1)

    assert pause_s == 1.0


def test_an_end_is_told_once(child):
    crash(child, 100.0)

    assert child.collect(100.0) is None
