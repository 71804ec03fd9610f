"""Workers on the real Kafka, for the tests of this folder."""

import pytest

from tests.kafka.stack import Stack

HAS_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.failed:
        item.stash[HAS_FAILED] = True
    return report


@pytest.fixture
def stack(request, broker, tmp_path):
    """Topics, groups, a stand-in Encharge and workers of this test alone; their logs are shown when it fails."""
    with Stack(broker.bootstrap_servers, tmp_path) as stack:
        yield stack
        if request.node.stash.get(HAS_FAILED, False):
            stack.show_logs()
