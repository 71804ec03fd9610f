"""The parts of the soak: what decides, what counts and what judges must itself be right."""

import inspect
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.demo.events import Produced
from connector.demo.judge import Accepted, Letter, judge
from tests.soak import report
from tests.soak.ledger import Ledger
from tests.soak.running import MODULES, Result
from tests.soak.schedule import ENDGAME, LANES, endgame, faults
from tests.soak.vitals import Vitals, trend

PEOPLE, EVENTS = 3, 5


def figures(upcoming, count=200):
    return [
        (fault.kind, fault.gap_s, fault.figures, fault.dice().random()) for fault in islice(upcoming, count)
    ]


@pytest.mark.parametrize("lane", LANES)
def test_a_seed_gives_the_same_faults_again_and_another_gives_others(lane):
    assert figures(faults(7, lane)) == figures(faults(7, lane))
    assert figures(faults(7, lane)) != figures(faults(8, lane))


@pytest.mark.parametrize("lane", LANES)
def test_every_kind_comes_once_before_any_comes_again(lane):
    kinds = [kind.name for kind in LANES[lane][0]]
    assert sorted(fault.kind for fault in islice(faults(3, lane), len(kinds))) == sorted(kinds)


def test_the_endgame_has_what_no_worker_outlives():
    kinds = {fault.kind for fault in islice(endgame(3), 100)}
    assert kinds == {kind.name for kind in (*LANES["group"][0], *ENDGAME)}


@pytest.mark.parametrize("lane", LANES)
def test_every_kind_is_a_function_that_takes_its_figures_and_says_what_it_does(lane):
    for kind in (*LANES[lane][0], *(ENDGAME if lane == "group" else ())):
        function = getattr(MODULES[lane], kind.name)
        assert list(inspect.signature(function).parameters) == ["world", "dice", *kind.figures]
        assert function.__doc__


histories = st.lists(
    st.tuples(
        st.sampled_from(["accept", "bury"]),
        st.integers(0, PEOPLE - 1),
        st.integers(1, EVENTS),
        st.sampled_from(["rejected", "internal"]),
    ),
    max_size=60,
)


@given(histories, st.sets(st.integers(0, 3)))
def test_the_books_find_what_the_judge_finds(history, broken):
    events = [Produced(f"p{n}.{i}", f"p{n}", i, b"") for n in range(PEOPLE) for i in range(1, EVENTS + 1)]
    events += [Produced(f"broken.{n}", f"broken.{n}", 1, b"", "unreadable") for n in broken]
    ledger, accepted, letters = Ledger(), [], []
    for event in events:
        ledger.produce(event, 0.0)
    for what, person, number, code in history:
        id_ = f"p{person}.{number}"
        if what == "accept":
            accepted.append(Accepted(id_, 1.0))
            ledger.accept(id_, 1.0)
        else:
            letters.append(Letter(id_, code))
            ledger.bury(id_, code)
    for number in broken:
        letters.append(Letter(f"broken.{number}", "unreadable"))
        ledger.bury(f"broken.{number}", "unreadable")
    verdict, found = judge([(event, 0.0) for event in events], accepted, letters), ledger.balance()
    both = {each.id for each in accepted} & {letter.source_id for letter in letters}
    assert found.produced == verdict.produced
    assert found.accepted == verdict.accepted
    assert sorted(found.lost) == sorted(verdict.lost)
    assert found.violations == len(verdict.violations)
    # Whom the judge cannot know to be refused, these books do; they keep some examples only.
    assert bool(found.wrong) == bool(verdict.wrong)
    assert found.duplicates >= verdict.duplicates
    assert (found.duplicates > verdict.duplicates) == bool(both)
    assert ledger.settled == len(events) - len(verdict.lost)


def test_the_books_let_be_refused_only_whom_they_may():
    ledger = Ledger()
    for person in ("a", "b"):
        ledger.produce(Produced(f"{person}.1", person, 1, b""), 0.0)
    ledger.may_refuse(["a"])
    ledger.bury("a.1", "rejected")
    assert ledger.balance().wrong == []
    ledger.bury("b.1", "rejected")
    assert ledger.balance().wrong == ["b.1: dead-lettered as rejected"]


@pytest.mark.parametrize("id_", ["", "ghost.1", "nobody", "broken.9"])
def test_the_books_know_what_was_never_produced(id_):
    ledger = Ledger()
    ledger.accept(id_, 1.0)
    assert not ledger.balance().is_good


def test_a_steady_leak_is_a_trend_and_a_full_buffer_is_not():
    at_s = [float(second) for second in range(0, 3600, 2)]
    leaking = trend(at_s, [100 + at / 3600 * 20 + (at % 60) / 30 for at in at_s])
    assert leaking.grown == pytest.approx(16, abs=1)  # a fifth of the time is not looked at
    assert leaking.slope * 3600 == pytest.approx(20, abs=1)
    bursting = trend(at_s, [180 if 1200 < at < 1500 else 100 for at in at_s])
    assert abs(bursting.grown) < 1
    assert trend(at_s[:5], [1.0] * 5) is None


def test_a_report_shows_seed_version_figures_and_breaches_as_text():
    upcoming = list(islice(faults(1, "encharge"), 5))
    for number, fault in enumerate(upcoming):
        fault.begun_s, fault.ended_s = number * 10.0, number * 10.0 + 5
    at_s = [float(second) for second in range(0, 60, 2)]
    vitals = Vitals("worker-1", at_s, [80.0] * len(at_s), [30] * len(at_s))
    ledger = Ledger()
    ledger.produce(Produced("a.1", "a", 1, b""), 0.0)
    result = Result(
        seed=4711, version="9.9.9", commit="abc", machine="m", begun_at_s=0.0, wanted_s=60.0, seconds=61.0,
        rate=10.0, people=3, workers=2, faults=upcoming, balance=ledger.balance(), bound=5,
        parts_of_bound={"in flight at a crash": 5}, memory=trend(at_s, vitals.rss_mb),
        descriptors=trend(at_s, vitals.descriptors), vitals=[vitals], veteran="worker-1",
        series=[(at, int(at), int(at)) for at in at_s], delays=[(0.0, 0.1, 0.2, 0.3), (10.0, 0.1, 0.2, 0.3)],
        commits_read=3, commits_back=0, breaches=["1 lost: ['<b>a.1</b>']"],
    )  # fmt: skip
    text = report.html(result)
    for expected in ("seed 4711", "9.9.9", "SEED=4711 SOAK=60s make soak", "&lt;b&gt;a.1", "1 breaches"):
        assert expected in text
    assert text.count("<svg") == 5
    assert all(fault.kind in text for fault in upcoming)
