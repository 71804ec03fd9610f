"""What the tests of this folder share."""

import pytest

from tests.edges.dead_letters.dlq_topics import DeadLetters


@pytest.fixture
def dlq(broker):
    return DeadLetters(broker.bootstrap_servers)
