"""Workers on the real Kafka, for the tests of this folder."""

import pytest

from tests.kafka.stack import Stack


@pytest.fixture
def stack(broker, tmp_path):
    """Topics, groups, a stand-in Encharge and workers of this test alone."""
    with Stack(broker.bootstrap_servers, tmp_path) as stack:
        yield stack
