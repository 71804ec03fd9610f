"""Fuzzing for a while: seconds per target in `make test`, minutes in `make fuzz`.

FUZZ_SECONDS   how long each target runs; with 0 it runs one round of examples, always the same ones
FUZZ_EXAMPLES  how many examples each target runs at least, however long that takes; 10,000 in a run of
               a minute or more, so also in `make fuzz`
"""

import functools
import os
import time

import pytest

SECONDS = float(os.environ.get("FUZZ_SECONDS", "10"))
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10000" if SECONDS >= 60 else "1"))
SLOWEST_S = 0.5  # for an example, on a machine that does other things too


@pytest.fixture
def for_a_while(request, record_property):
    """Repeat a hypothesis test, new examples each time, until the target's time is over."""

    def repeat(test):
        examples = 0
        inner = test.hypothesis.inner_test

        @functools.wraps(inner)
        def counted(*args, **kwargs):
            nonlocal examples
            examples += 1
            return inner(*args, **kwargs)

        test.hypothesis.inner_test = counted
        begun_s = time.monotonic()
        while True:
            test()
            if time.monotonic() - begun_s >= SECONDS and examples >= EXAMPLES:
                break
        record_property("examples", examples)
        print(f"{request.node.name}: {examples} examples in {time.monotonic() - begun_s:.0f} s")

    return repeat


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/fuzz" in str(item.path):
            item.add_marker(pytest.mark.timeout(SECONDS * 3 + EXAMPLES * SLOWEST_S + 120))
