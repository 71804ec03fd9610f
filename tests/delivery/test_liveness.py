"""When only a restart can mend a worker: each row a case, everything else is the world's doing."""

import pytest

from connector.delivery.liveness import (
    FAR_BEYOND,
    VERY_LONG,
    Dead,
    HealthReason,
    LiveLimits,
    ReaderVitals,
    Vitals,
    dead_reasons,
    is_our_own,
)
from connector.delivery.stuck import Stuck
from connector.delivery.waits import Wait, WaitKind
from tests.builders import Place

NOW_S = 100_000.0
LIMITS = LiveLimits(poll_s=300.0, stuck_after_s=300.0, request_timeout_s=10.0)
VERY_LONG_S = VERY_LONG * LIMITS.stuck_after_s
FAR_BEYOND_S = FAR_BEYOND * LIMITS.request_timeout_s

WINDOW, TURN = Wait(WaitKind.WINDOW, detail="8 of 8"), Wait(WaitKind.TURN)
HUNG = Wait(WaitKind.REQUEST, for_s=FAR_BEYOND_S + 1)


def reader(**changes):
    facts = {"topic": "by-user", "is_reading": True, "polled_s": NOW_S - 0.2, "revoking_s": None, **changes}
    return ReaderVitals(**facts)


def stuck(wait, number=0, for_s=VERY_LONG_S):
    return Stuck(Place("by-user", number), 5, 3, wait, since_s=NOW_S - for_s)


def dead(*readers, has_crashed=False, stuck=(), busy=0):
    return dead_reasons(Vitals(readers, has_crashed, stuck, busy), LIMITS, NOW_S)


def codes(*arguments, **options):
    return [reason.code for reason in dead(*arguments, **options)]


def test_a_worker_that_works_is_live():
    assert dead(reader(), busy=3) == []


def test_a_crash_of_faust_is_told():
    text = "the Faust application crashed, the log says why"

    assert dead(reader(), has_crashed=True) == [HealthReason(Dead.APP_CRASHED, text)]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        pytest.param({"polled_s": NOW_S - 300}, [], id="polled just in time"),
        pytest.param({"polled_s": NOW_S - 300.1}, [Dead.POLL_HANGS], id="has not come back"),
        pytest.param({"polled_s": NOW_S - 9999, "is_reading": False}, [], id="Kafka lets a rebalance wait"),
        pytest.param({"polled_s": None, "is_reading": False}, [], id="Kafka was never reached"),
        pytest.param({"is_reading": False, "revoking_s": NOW_S - 300}, [], id="gives back partitions"),
        pytest.param({"is_reading": False, "revoking_s": NOW_S - 300.1}, [Dead.REVOKE_HANGS], id="for too long"),
        pytest.param({"revoking_s": NOW_S - 9999}, [], id="gave back and reads again"),
        pytest.param({"ended": ["reading"]}, [Dead.TASK_ENDED], id="its loop ended"),
        pytest.param({"ended": ["reading"], "polled_s": NOW_S - 301}, [Dead.TASK_ENDED, Dead.POLL_HANGS], id="so it hangs"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_reader_is_told(changes, found):
    assert codes(reader(**changes)) == found


def test_the_reason_says_since_when_and_names_the_topic():
    found = dead(reader(), reader(topic="events", polled_s=NOW_S - 720))

    assert found == [
        HealthReason(Dead.POLL_HANGS, "the reader has not come back from Kafka since 12 min", "events")
    ]


def test_all_that_ended_is_named():
    [found] = dead(reader(ended=["reading", "agent deliver"]))

    assert found == HealthReason(Dead.TASK_ENDED, "reading, agent deliver ended", "by-user")


@pytest.mark.parametrize(
    ("wait", "busy", "is_dead"),
    [
        pytest.param(Wait(WaitKind.REQUEST, for_s=FAR_BEYOND_S), 1, False, id="request, not yet far beyond the timeout"),
        pytest.param(HUNG, 1, True, id="request far beyond the timeout"),
        pytest.param(HUNG._replace(alias=True), 1, True, id="the other person's request likewise"),
        pytest.param(Wait(WaitKind.RETRY, for_s=9999.0, under_way_s=FAR_BEYOND_S), 1, False, id="retry under way"),
        pytest.param(Wait(WaitKind.RETRY, for_s=9999.0, under_way_s=FAR_BEYOND_S + 1), 1, True, id="retry far beyond the timeout"),
        pytest.param(Wait(WaitKind.RETRY, for_s=14_000.0, next_in_s=300.0), 0, False, id="retry waits"),
        pytest.param(WINDOW, 8, False, id="window full of requests"),
        pytest.param(WINDOW, 0, True, id="window full of nothing"),
        pytest.param(TURN, 5, False, id="others are served"),
        pytest.param(TURN, 0, True, id="nobody is served"),
        pytest.param(Wait(WaitKind.NOTHING), 0, True, id="a record that no lane has"),
        *(
            pytest.param(Wait(kind, for_s=90_000.0), 0, False, id=f"{kind} for a day")
            for kind in (
                WaitKind.OUTAGE, WaitKind.CREDENTIALS, WaitKind.FLOOD, WaitKind.PAUSED, WaitKind.DISABLED,
                WaitKind.DEAD_LETTER, WaitKind.LEASE, WaitKind.HOLD, WaitKind.PACE,
            )
        ),
    ],
)  # fmt: skip
def test_a_partition_that_is_stuck_for_very_long_is_told_when_it_waits_for_something_of_ours(
    wait, busy, is_dead
):
    assert is_our_own(wait, busy, LIMITS) == is_dead
    assert codes(reader(), stuck=[stuck(wait)], busy=busy) == ([Dead.PARTITION_STUCK] if is_dead else [])


def test_a_partition_that_is_stuck_for_less_than_very_long_may_yet_move():
    assert dead(reader(), stuck=[stuck(TURN, for_s=VERY_LONG_S - 1)]) == []


def test_partitions_that_wait_for_the_same_are_told_together():
    found = dead(reader(), stuck=[stuck(HUNG, 7), stuck(HUNG, 2, for_s=2 * VERY_LONG_S), stuck(TURN, 3)])

    assert found == [
        HealthReason(
            Dead.PARTITION_STUCK,
            "partition 2, 7 does not move since 30 min; waits for request under way since 1 min 41 s",
            "by-user",
        ),
        HealthReason(
            Dead.PARTITION_STUCK,
            "partition 3 does not move since 15 min; waits for waiting behind other persons",
            "by-user",
        ),
    ]
