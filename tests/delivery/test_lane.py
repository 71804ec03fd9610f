"""The work on one record: which task is next, and what need not be done again when the plan changes."""

import pytest

from connector.delivery.dead_letter import Reason
from connector.delivery.lane import Lane, Work
from connector.delivery.offsets import OffsetTracker
from tests.builders import letter_task, record, request_task

PENDING = Reason("rejected", "HTTP 400")


def task(name, event=0):
    return request_task(name.encode(), mapping=name)._replace(event=event)


def tasks(*names, event=0):
    return tuple(task(name, event) for name in names)


def work(*names, version="v1", left=0, left_version=""):
    """Give a record that is planned with these tasks."""
    one = Work(record(0), OffsetTracker())
    one.left, one.version = left, left_version
    one.take_plan(tasks(*names), version, 1)
    return one


def envelope(*events):
    """Give the plan of an envelope: tasks of one event after the other."""
    return (tasks(*names, event=number) for number, names in enumerate(events))


def remaining(work):
    """Do the rest; give mappings (with the number of the event when it is not the first) in order."""
    seen = []
    while (current := work.current()) is not None:
        seen.append(f"{current.event}:{current.mapping}" if current.event else current.mapping)
        work.task_done()
    return seen


def finish(work, times=1):
    for _ in range(times):
        assert work.current() is not None
        work.task_done()


def test_tasks_are_done_in_the_order_of_the_plan():
    assert remaining(work("A", "B", "C")) == ["A", "B", "C"]


def test_the_current_task_stays_until_it_is_done():
    one = work("A", "B")

    assert one.current() is one.current()
    assert one.current().mapping == "A"


def test_a_record_without_tasks_has_nothing_to_do():
    one = work()

    assert one.current() is None
    assert one.finished == 0


def test_an_envelope_gives_the_tasks_of_one_event_after_the_other():
    one = Work(record(0), OffsetTracker())

    one.take_plan(envelope(["A", "B"], [], ["A"]), "v1", 1)

    assert remaining(one) == ["A", "B", "2:A"]
    assert one.finished == 3
    assert one.more is None


def test_an_envelope_is_planned_only_as_far_as_it_is_worked_on():
    planned = []

    def plan():
        for number in range(3):
            planned.append(number)
            yield tasks("A", event=number)

    one = Work(record(0), OffsetTracker())
    one.take_plan(plan(), "v1", 1)
    assert planned == []

    finish(one)

    assert planned == [0]


def test_a_task_that_is_done_begins_the_next_one_fresh():
    one = work("A", "B")
    one.attempt, one.first_attempt_at, one.pending = 5, 1000.0, PENDING

    one.task_done()

    assert (one.attempt, one.first_attempt_at, one.pending) == (0, None, None)
    assert one.finished == 1


def test_a_plan_is_noted_with_version_and_generation():
    one = Work(record(0), OffsetTracker())

    one.take_plan(tasks("A"), "v7", 3)

    assert (one.version, one.generation, one.replanned) == ("v7", 3, False)


# What an earlier owner did


@pytest.mark.parametrize(
    ("left", "rest"), [(0, ["A", "B", "C"]), (1, ["B", "C"]), (2, ["C"]), (3, []), (9, [])]
)
def test_tasks_that_an_earlier_owner_did_are_passed_over(left, rest):
    one = work("A", "B", "C", left=left, left_version="v1")

    assert one.left == 0
    assert one.finished == min(left, 3)
    assert remaining(one) == rest


def test_tasks_that_an_earlier_owner_did_by_another_version_are_not_counted():
    one = work("A", "B", left=1, left_version="v0")

    assert (one.left, one.finished, one.replanned) == (0, 0, False)
    assert remaining(one) == ["A", "B"]


def test_passing_over_goes_on_into_the_next_event_of_an_envelope():
    one = Work(record(0), OffsetTracker())
    one.left, one.version = 3, "v1"

    one.take_plan(envelope(["A", "B"], ["A", "B"]), "v1", 1)

    assert one.finished == 3
    assert remaining(one) == ["1:B"]


def test_what_an_earlier_owner_did_is_in_the_ledger_when_the_plan_changes():
    one = work("A", "B", "C", left=1, left_version="v1")

    one.take_plan(tasks("C", "A", "B"), "v2", 2)

    assert remaining(one) == ["C", "B"]


# Another plan


def test_another_version_passes_over_mappings_that_are_done():
    one = work("A", "B", "C")
    finish(one, 2)

    one.take_plan(tasks("C", "B", "D", "A"), "v2", 2)

    assert one.replanned
    assert remaining(one) == ["C", "D"]


def test_another_version_after_nothing_was_done_is_a_plan_like_any_other():
    one = work("A", "B")

    one.take_plan(tasks("B", "A"), "v2", 2)

    assert not one.replanned
    assert remaining(one) == ["B", "A"]


def test_done_tasks_of_an_envelope_are_told_apart_by_event():
    one = Work(record(0), OffsetTracker())
    one.take_plan(envelope(["A", "B"], ["A", "B"]), "v1", 1)
    finish(one, 3)

    one.take_plan(envelope(["B", "A", "C"], ["B", "A", "C"]), "v2", 2)

    assert remaining(one) == ["C", "1:B", "1:C"]


def test_what_was_done_by_any_of_several_versions_is_not_done_again():
    one = work("A", "B", "C", "D")
    finish(one)
    one.take_plan(tasks("B", "C", "A"), "v2", 2)
    finish(one)

    one.take_plan(tasks("A", "B", "C", "D"), "v1", 3)

    assert one.replanned
    assert remaining(one) == ["C", "D"]


def test_the_same_version_again_goes_on_where_it_was():
    one = work("A", "B", "C")
    finish(one, 2)

    one.take_plan(tasks("A", "B", "C"), "v1", 2)

    assert not one.replanned
    assert (one.finished, one.generation) == (2, 2)
    assert remaining(one) == ["C"]


def test_the_same_version_again_goes_on_where_it_was_in_an_envelope():
    one = Work(record(0), OffsetTracker())
    one.take_plan(envelope(["A"], ["A"], ["A"]), "v1", 1)
    finish(one, 2)

    one.take_plan(envelope(["A"], ["A"], ["A"]), "v1", 2)

    assert remaining(one) == ["2:A"]


def test_a_new_key_after_another_version_keeps_the_ledger():
    one = work("A", "B", "C")
    finish(one)
    one.take_plan(tasks("C", "A", "B"), "v2", 2)
    finish(one)

    one.take_plan(tasks("C", "A", "B"), "v2", 3)

    assert one.replanned
    assert remaining(one) == ["B"]


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("done", [0, 1])
def test_a_request_that_is_being_repeated_keeps_its_age_when_the_plan_changes(version, done):
    one = work("A", "B")
    finish(one, done)
    one.attempt, one.first_attempt_s, one.first_attempt_at = 7, 5.0, 1000.0

    one.take_plan(tasks("A", "B"), version, 2)

    assert (one.attempt, one.first_attempt_s, one.first_attempt_at) == (7, 5.0, 1000.0)


@pytest.mark.parametrize("plan", [tasks("B", "A"), tasks("B")], ids=["put off", "gone"])
def test_another_request_that_comes_first_now_begins_with_an_age_of_its_own(plan):
    one = work("A", "B")
    one.attempt, one.first_attempt_s, one.first_attempt_at = 7, 5.0, 1000.0

    one.take_plan(plan, "v2", 2)

    assert (one.attempt, one.first_attempt_at) == (0, None)


def test_a_request_that_is_not_in_the_plan_any_more_leaves_nothing_to_do():
    one = work("A")
    one.attempt = 7

    one.take_plan((), "v2", 2)

    assert one.current() is None
    assert one.attempt == 0


def test_what_was_given_up_by_another_plan_has_all_the_time_again():
    one = work("A", "B")
    one.attempt, one.first_attempt_at, one.pending = 7, 1000.0, PENDING

    one.take_plan(tasks("A", "B"), "v2", 2)

    assert (one.attempt, one.first_attempt_at, one.pending) == (0, None, None)


# What cannot be planned


def test_what_cannot_be_planned_is_one_task():
    one = Work(record(0), OffsetTracker())
    one.left, one.version = 2, "v1"
    failure = letter_task("internal", mapping="", action="")

    one.fail(failure, 4)

    assert (one.left, one.generation, one.replanned) == (0, 4, False)
    assert one.current() is failure
    one.task_done()
    assert one.current() is None


def test_what_cannot_be_planned_any_more_keeps_its_ledger():
    one = work("A", "B")
    finish(one)
    one.fail(letter_task("internal", mapping="", action=""), 2)

    one.take_plan(tasks("A", "B"), "v2", 3)

    assert one.replanned
    assert remaining(one) == ["B"]


def test_an_envelope_that_fails_leaves_nothing_behind_it():
    one = Work(record(0), OffsetTracker())
    one.take_plan(envelope(["A"], ["A"]), "v1", 1)
    finish(one)
    failure = letter_task("internal", mapping="", action="")

    one.fail(failure, 1)

    assert one.replanned
    assert one.current() is failure
    one.task_done()
    assert one.current() is None


def test_a_lane_begins_empty_and_waits_for_nothing():
    lane = Lane(b"u1")

    assert (lane.key, list(lane.works), lane.timer, lane.told_until_s, lane.blocked) == (
        b"u1", [], None, 0.0, False,
    )  # fmt: skip
