"""Every scenario in its short form; `make scenarios` runs the long one."""

import pytest

from connector.embedded import EmbeddedKafka
from tests.scenarios.catalogue import SCENARIOS
from tests.scenarios.running import run
from tests.scenarios.scale import SHORT

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(360)]  # on a loaded machine; half a minute otherwise


@pytest.fixture(scope="module")
def own_kafka():
    """A broker of these tests alone: one of them kills it."""
    with EmbeddedKafka() as kafka:
        yield kafka


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_lost_in_the_scenario(name, own_kafka, tmp_path):
    result = run(name, SCENARIOS[name], own_kafka, tmp_path, scale=SHORT, seed=1)

    print(result.line())
    assert result.breaches == ()
