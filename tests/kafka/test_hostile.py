"""Bad input at volume, in short; `make hostile` runs the long form (docs/proof/hostile.md)."""

import pytest

from tests.hostile.records import COMMON, RARE
from tests.hostile.story import run

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(360)]  # on a loaded machine; ten seconds otherwise

SEED = 20261128
WAIT_S = 5.0  # the long form allows a second, but it does not share its machine with other tests


@pytest.mark.parametrize("processes", [1, 2])
def test_every_hostile_record_is_delivered_dead_lettered_or_matches_nothing_and_nobody_stalls(
    stack, processes
):
    outcome = run(stack, records=3000, seed=SEED, processes=processes, rare=1, within_s=240)

    print(f"seed {SEED}, {outcome.seconds:.1f} s, {outcome.silences}, {outcome.memory_mb} MB")
    assert outcome.breaches(WAIT_S) == []
    assert {*COMMON, *RARE, "real people"} == set(outcome.verdict.rows)
