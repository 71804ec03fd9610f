"""Which partitions are stuck, in made-up time, and what is told of it."""

from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.flood_guard import FloodPolicy
from connector.delivery.flow import Flow, FlowPolicy
from connector.delivery.gate import Shut
from connector.delivery.limiter import LimiterPolicy
from connector.delivery.stuck import (
    MOST_DUMPED,
    MOST_NAMED,
    Look,
    Stuck,
    StuckDetector,
    by_reason,
    dump,
    named,
)
from connector.delivery.waits import Progress, Wait, WaitKind
from tests.builders import Place

P0, P1 = Place(partition=0), Place(partition=1)
REQUEST = Wait(WaitKind.REQUEST, for_s=12.0)
NOTHING = Look(began=[], moved=[])
PAUSED = Wait(WaitKind.PAUSED, for_s=400.0, detail="ops")


def held(watermark, wait=REQUEST, records=1):
    return Progress(watermark, records, wait)


def looks(*progress_and_times, after_s=300.0):
    """Let a detector look at these moments; give it and what each look told."""
    detector = StuckDetector(after_s)
    return detector, [detector.look(progress, now_s) for progress, now_s in progress_and_times]


def test_a_partition_that_holds_records_and_does_not_move_is_stuck_after_the_time_and_not_before():
    detector, told = looks(({P0: held(5)}, 0.0), ({P0: held(5)}, 299.9), ({P0: held(5, records=9)}, 300.0))

    stuck = Stuck(P0, 5, 9, REQUEST, since_s=0.0)
    assert told == [NOTHING, NOTHING, Look(began=[stuck], moved=[])]
    assert detector.stuck == {P0: stuck}


def test_an_episode_is_told_once_at_its_beginning_and_once_at_its_end():
    moments = [({P0: held(5)}, now_s) for now_s in (0.0, 300.0, 305.0, 900.0)]

    detector, told = looks(*moments, ({P0: held(6)}, 905.0), ({P0: held(6)}, 910.0))

    assert [len(look.began) for look in told] == [0, 1, 0, 0, 0, 0]
    assert [look.moved for look in told] == [[], [], [], [], [P0], []]
    assert detector.stuck == {}


def test_what_is_stuck_is_kept_as_of_the_last_look():
    later = Wait(WaitKind.REQUEST, for_s=912.0)

    detector, _ = looks(({P0: held(5)}, 0.0), ({P0: held(5)}, 300.0), ({P0: held(5, later, 7)}, 900.0))

    assert detector.stuck == {P0: Stuck(P0, 5, 7, later, since_s=0.0)}


def test_a_partition_that_moves_between_looks_is_never_stuck():
    _, told = looks(*(({P0: held(offset)}, offset * 299.0) for offset in range(9)))

    assert told == [NOTHING] * 9


def test_a_partition_that_holds_nothing_is_never_stuck():
    _, told = looks(({P0: held(5, records=0)}, 0.0), ({P0: held(5, records=0)}, 9999.0))

    assert told == [NOTHING] * 2


def test_the_time_begins_when_records_are_held_and_not_when_the_watermark_last_moved():
    idle, busy = {P0: held(5, records=0)}, {P0: held(5)}

    _, told = looks((idle, 0.0), (busy, 1000.0), (busy, 1299.0), (busy, 1300.0))

    assert [len(look.began) for look in told] == [0, 0, 0, 1]


def test_when_all_is_settled_that_was_held_the_partition_moves_again():
    _, told = looks(({P0: held(5)}, 0.0), ({P0: held(5)}, 300.0), ({P0: held(6, records=0)}, 305.0))

    assert told[-1].moved == [P0]


def test_a_partition_that_went_to_somebody_else_is_forgotten_without_a_word_and_begins_anew():
    _, told = looks(
        ({P0: held(5)}, 0.0), ({P0: held(5)}, 300.0), ({}, 305.0), ({P0: held(5)}, 310.0), ({P0: held(5)}, 609.0)
    )  # fmt: skip

    assert told[2:] == [NOTHING, NOTHING, NOTHING]


def test_a_watermark_that_goes_back_has_moved():
    _, told = looks(({P0: held(5)}, 0.0), ({P0: held(0)}, 200.0), ({P0: held(0)}, 499.0))

    assert told == [NOTHING] * 3


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from([P0, P1]), st.builds(held, st.integers(0, 2), records=st.integers(0, 1))),
            st.floats(0.0, 400.0),
        ),
        max_size=30,
    )
)  # fmt: skip
def test_every_beginning_has_at_most_one_end_and_who_is_stuck_is_who_began_and_did_not_end(steps):
    detector, now_s, open_ = StuckDetector(300.0), 0.0, set()

    for progress, passed_s in steps:
        now_s += passed_s
        began, moved = detector.look(progress, now_s)

        assert open_ >= set(moved)
        assert not open_ & {each.partition for each in began}
        open_ = (open_ - set(moved) & set(progress)) & set(progress) | {each.partition for each in began}
        assert open_ == set(detector.stuck)


# In words


def stuck(number, wait=REQUEST, since_s=0.0):
    return Stuck(Place(partition=number), 5, 1, wait, since_s)


def test_partitions_that_wait_for_the_same_are_told_together_in_the_words_of_the_one_that_waits_longest():
    shorter, longer = Wait(WaitKind.REQUEST, for_s=3.0), Wait(WaitKind.REQUEST, for_s=70.0)

    found = by_reason([stuck(2, shorter), stuck(7, PAUSED, since_s=100.0), stuck(1, longer)], 400.0)

    assert found == [
        ("request under way since 1 min 10 s; watermark unmoved since 6 min 40 s", [1, 2]),
        ("paused: by command since 6 min 40 s (ops); watermark unmoved since 5 min", [7]),
    ]


def test_so_many_partitions_are_named_and_the_others_counted():
    assert named([3, 4]) == "3, 4"
    assert named(range(MOST_NAMED)).endswith(f", {MOST_NAMED - 1}")
    assert named(range(MOST_NAMED + 5)).endswith(f", {MOST_NAMED - 1} and 5 more")


def flow(**policy):
    limiter = LimiterPolicy(**{"most_in_flight": 8, **policy})
    return Flow(FlowPolicy(limiter=limiter, flood=FloodPolicy(run=0, share=1)), 0.0)


def test_the_dump_tells_of_each_partition_that_holds_records_and_of_what_decides_about_sending():
    engine = flow(ceiling_per_s=5.0)
    engine.limiter.start(400.0)
    engine.gate.shut(Shut.PAUSED, 100.0, "ops")

    found = dump({P1: held(7, PAUSED, 3), P0: held(5, records=0)}, {P1}, engine, 1, 400.0)

    assert found == {
        "partitions": {"1": "watermark 7, held 3, waits for paused: by command since 6 min 40 s (ops)"},
        "left_out": 0,
        "in_flight": 1,
        "busy": 1,
        "window": 8,
        "pace_per_s": 5.0,
        "next_start_in_s": 0.1,
        "failing_persons": 0,
        "shut": {"paused": "5 min"},
        "on_trial": False,
    }


def test_the_dump_has_no_time_of_the_next_start_while_the_window_is_full():
    engine = flow(most_in_flight=1)
    engine.limiter.start(0.0)

    assert dump({}, (), engine, 1, 1.0)["next_start_in_s"] is None


def test_of_hundreds_of_partitions_those_that_are_stuck_come_first_and_the_others_are_counted():
    progress = {Place(partition=number): held(5) for number in range(MOST_DUMPED + 50)}
    stuck = {Place(partition=MOST_DUMPED + 7)}

    found = dump(progress, stuck, flow(), 0, 0.0)

    numbers = [str(MOST_DUMPED + 7), *map(str, range(MOST_DUMPED - 1))]
    assert (list(found["partitions"]), found["left_out"]) == (numbers, 50)
