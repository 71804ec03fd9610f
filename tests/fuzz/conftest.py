"""Fuzzing for a while: seconds per target in `make test`, minutes in `make fuzz`."""

import os
import time

import pytest

SECONDS = float(os.environ.get("FUZZ_SECONDS", "10"))


@pytest.fixture
def for_a_while():
    """Repeat a hypothesis test, new examples each time, until the target's time is over."""

    def repeat(test):
        ends_s = time.monotonic() + SECONDS
        rounds = 0
        while time.monotonic() < ends_s or rounds == 0:
            test()
            rounds += 1

    return repeat


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/fuzz" in str(item.path):
            item.add_marker(pytest.mark.timeout(SECONDS * 3 + 120))
