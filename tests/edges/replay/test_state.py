"""What the control topic says of replays."""

import pytest

from connector.delivery.selection import Filters, Range
from connector.edges.lag import PartitionLag
from connector.edges.replay.state import Known, done_by_all, key_of, known_of, positions, replays_in
from tests.delivery.test_replay_plan import plan

KNOWN = Known.of(
    plan(filters=Filters(where='userId = "u1"', users=("u1",)), counts={"requests": 9}),
    at=5.0,
    by="ops",
    rate=2.0,
)


def test_what_is_known_of_a_replay_comes_back_and_names_nobody():
    assert known_of("r1", KNOWN.as_json()) == KNOWN
    assert "u1" not in str(KNOWN.as_json())


@pytest.mark.parametrize(
    "value", [None, 5, {}, {**KNOWN.as_json(), "ranges": {"x": [1, 2]}}, {"state": "done"}]
)
def test_a_value_of_another_shape_is_no_replay(value):
    assert known_of("r1", value) is None


def test_replays_are_told_from_what_their_processes_say():
    older = {**KNOWN.as_json(), "started_at": 1.0}
    control = {
        key_of("a"): older,
        key_of("a", "host-1"): {"at": 1.0},
        key_of("b"): KNOWN.as_json(),
        "pause/test": {"paused": True},
        key_of("c"): "nonsense",
    }

    assert [known.id for known in replays_in(control)] == ["b", "a"]


def test_what_all_processes_did_is_added_up():
    one = {
        "sent": {"Track Event": 3},
        "dead_letters": {"rejected": 1},
        "filtered": 2,
        "retries": 1,
        "forwarded": 0,
    }
    control = {
        key_of("r1", "host-1"): one,
        key_of("r1", "host-2"): {**one, "sent": {"Track Event": 4, "Page": 1}, "filtered": "many"},
        key_of("r2", "host-1"): one,
    }

    assert done_by_all(control, "r1").as_json() == {
        "sent": {"Track Event": 7, "Page": 1},
        "dead_letters": {"rejected": 2},
        "filtered": 2,
        "retries": 2,
        "forwarded": 0,
    }


def test_a_partition_is_as_far_as_its_commit_and_what_is_gone_is_passed():
    lags = [
        PartitionLag("t", 0, begin=0, end=50, committed=None),
        PartitionLag("t", 1, begin=0, end=50, committed=12),
        PartitionLag("t", 2, begin=40, end=50, committed=12),
        PartitionLag("t", 3, begin=40, end=50, committed=12),
    ]
    ranges = {0: Range(5, 9), 1: Range(10, 20), 2: Range(10, 20)}

    assert positions(ranges, lags) == {0: 5, 1: 12, 2: 40}
