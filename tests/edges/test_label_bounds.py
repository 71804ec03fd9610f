"""How many series names may become, and that no counter jumps when they come and go."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.edges.label_bounds import FORMER, LONGEST_LABEL, OTHER, Folded, closed, fold, label_text


def looks(*steps):
    """Look after each step, (counts, names in force); give what was shown each time."""
    folded, shown = Folded(), []
    for counts, in_force in steps:
        folded = fold(counts, in_force, folded)
        shown.append(dict(folded.shown))
    return shown


def increases(shown):
    """Add up what increase() sees: a fall is a new beginning, and a series begins at nothing."""
    found, last = Counter(), {}
    for look in shown:
        for (_, value), count, before in ((key, count, last.get(key, 0)) for key, count in look.items()):
            found[value] += count - before if count >= before else count
        last |= look
    return found


def test_a_name_in_force_has_a_series_of_its_own():
    [shown] = looks(({("Orders", "a"): 3, ("People", "a"): 1}, {"Orders", "People"}))

    assert shown == {("Orders", "a"): 3, ("People", "a"): 1}


def test_names_that_are_not_in_force_are_one_series():
    [shown] = looks(({("Old", "a"): 3, ("Older", "a"): 1, ("Orders", "a"): 5, ("Old", "b"): 2}, {"Orders"}))

    assert shown == {("Orders", "a"): 5, (FORMER, "a"): 4, (FORMER, "b"): 2}


def test_what_belongs_to_no_mapping_is_always_shown():
    [shown] = looks(({("", "deletePerson"): 2}, ()))

    assert shown == {("", "deletePerson"): 2}


def test_a_name_that_goes_does_not_make_the_series_of_former_names_jump():
    shown = looks(({("Orders", "a"): 1000}, {"Orders"}), ({("Orders", "a"): 1002}, ()))

    assert shown == [{("Orders", "a"): 1000}, {(FORMER, "a"): 2}]


def test_a_name_that_comes_back_begins_anew():
    shown = looks(
        ({("Orders", "a"): 10}, {"Orders"}),
        ({("Orders", "a"): 11}, ()),
        ({("Orders", "a"): 11}, {"Orders"}),
        ({("Orders", "a"): 14}, {"Orders"}),
    )

    assert shown[1:] == [{(FORMER, "a"): 1}, {(FORMER, "a"): 1}, {("Orders", "a"): 3, (FORMER, "a"): 1}]


def test_ten_thousand_names_of_reloads_are_two_series():
    counts, folded = Counter(), Folded()
    for number in range(10_000):
        counts[f"Mapping {number}", "a"] += 1
        if number % 100 == 0:
            folded = fold(counts, {f"Mapping {number}"}, folded)
            assert len(folded.shown) <= 2

    assert folded.shown == {("Mapping 9900", "a"): 1, (FORMER, "a"): 9901 - 100}
    # 9901 names at the last look; 100 of them were in force at a look, and are not counted again.


def test_a_mapping_named_like_the_series_of_former_names_shares_it():
    [shown] = looks(({("former", "a"): 3, ("Old", "a"): 1}, {"former"}))

    assert shown == {(FORMER, "a"): 4}


names = st.sampled_from(["", "former", "other", "A", "B", "C"]) | st.text(
    st.characters(exclude_categories=())
)
step = st.tuples(
    st.dictionaries(st.tuples(names, st.sampled_from("xy")), st.integers(0, 50)), st.sets(names, max_size=5)
)


@given(st.lists(step, max_size=8))
def test_series_are_bounded_by_the_names_in_force_and_what_happened_is_seen_once(steps):
    counts, folded, shown = Counter(), Folded(), []
    for happened, in_force in steps:
        counts.update(happened)
        folded = fold(counts, in_force, folded)
        shown.append(dict(folded.shown))

        series = {name for name, _ in folded.shown}
        assert series <= {label_text(name) for name in in_force} | {"", FORMER}
        assert all(count > 0 for count in folded.shown.values())

    happened = Counter()
    for (_, value), count in counts.items():
        happened[value] += count
    # Never more than happened: no jump. Names that went and came back between two looks may hide some.
    assert all(increases(shown)[value] <= happened[value] for value in "xy")


@given(
    st.lists(st.dictionaries(st.tuples(names, st.just("x")), st.integers(0, 50)), max_size=8), st.sets(names)
)
def test_while_the_names_in_force_stay_nothing_is_missed(steps, in_force):
    counts, folded = Counter(), Folded()
    for happened in steps:
        counts.update(happened)
        folded = fold(counts, in_force, folded)

    assert sum(folded.shown.values()) == counts.total()


@pytest.mark.parametrize(
    ("value", "shown"), [("rejected", "rejected"), ("u42@example.com", OTHER), ("", OTHER)]
)
def test_what_is_not_of_a_closed_set_counts_as_other(value, shown):
    assert closed(value, {"rejected"}) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_every_name_becomes_a_label_that_can_be_written(name):
    label = label_text(name)

    assert len(label) <= LONGEST_LABEL
    label.encode()


def test_names_that_differ_only_beyond_what_a_label_holds_share_one():
    long = "x" * LONGEST_LABEL

    shown = looks(
        ({(long + "1", "a"): 1, (long + "2", "a"): 2}, {long + "1", long + "2"}),
        ({(long + "1", "a"): 1, (long + "2", "a"): 4}, {long + "2"}),
    )

    assert shown == [{(long, "a"): 3}, {(long, "a"): 5}]


def test_an_ordinary_name_is_its_own_label():
    assert label_text('Bestellungen · "EU"\n') == 'Bestellungen · "EU"\n'
