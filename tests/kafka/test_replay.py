"""Replays on a real Kafka: real processes, the evidence from outside."""

import pytest

from tests.kafka.replay_story import ReplayStory, forget_and_replay

pytestmark = pytest.mark.kafka


@pytest.fixture
def story(stack):
    with ReplayStory(stack) as story:
        yield story


def test_two_processes_restore_what_was_planned_though_one_is_killed(story):
    found = forget_and_replay(story, people=100, per_person=30, rate=600, live_rate=30)

    assert found.plan["counts"]["by_mapping"] == found.before
    assert found.plan["counts"]["requests"] == 3000
    assert found.sent == found.before
    assert (found.replayed.lost, found.replayed.violations, found.replayed.wrong) == ([], [], [])
    assert found.replayed.duplicates <= found.bound, found.parts_of_bound
    assert found.killed_after < 3000, "the replay was done before one of its processes was killed"
    assert (found.live.lost, found.live.violations, found.live.duplicates) == ([], [], 0)
    assert found.report.code == 0
    assert found.report.json["state"] == "done"
    assert (found.again.code, found.again.json["state"]) == (0, "done")
    [row] = found.listed
    assert (row["id"], row["state"], row["percent"]) == (found.plan["id"], "done", 100)
