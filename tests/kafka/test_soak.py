"""A soak of a quarter of a minute: the machinery of `make soak` works, and what it finds is good."""

import pytest

from tests.soak import report
from tests.soak.running import run

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]


def test_a_short_soak_keeps_every_promise(tmp_path):
    result = run(tmp_path, seed=1, seconds=15, rate=100, people=100, workers=2)
    assert result.breaches == []
    assert {fault.lane for fault in result.faults} >= {"group", "encharge"}
    assert result.balance.produced > 500
    assert result.balance.accepted + sum(result.balance.dead_letters.values()) >= result.balance.produced
    assert report.write(tmp_path, result).stat().st_size > 20_000
