"""Which log lines are left out, in made-up time."""

import pytest

from connector.edges.log_repeats import LeftOut, Repeats


def shown(repeats, kinds_and_times):
    """Note lines that are named by their times; give what is written, in order."""
    written = []
    for kind, now_s in kinds_and_times:
        noted = repeats.note(kind, f"{kind}@{now_s}", now_s)
        written += [(line, repeated) for line, repeated in noted.before]
        if noted.shown:
            written.append((f"{kind}@{now_s}", noted.repeated))
    return written


def test_lines_are_let_through_up_to_the_number_allowed_in_a_window():
    repeats = Repeats(most=2, window_s=60.0)

    assert shown(repeats, [("a", 0), ("a", 1), ("a", 2), ("a", 59)]) == [("a@0", 0), ("a@1", 0)]


def test_the_first_of_its_kind_after_the_window_says_how_many_were_left_out():
    repeats = Repeats(most=1, window_s=60.0)

    assert shown(repeats, [("a", 0), ("a", 1), ("a", 2), ("a", 60)]) == [("a@0", 0), ("a@60", 2)]


def test_a_window_begins_with_its_first_line_and_a_new_one_allows_as_many_again():
    repeats = Repeats(most=2, window_s=60.0)

    written = shown(repeats, [("a", 50), ("a", 60), ("a", 109), ("a", 110), ("a", 111), ("a", 112)])

    assert written == [("a@50", 0), ("a@60", 0), ("a@110", 1), ("a@111", 0)]


def test_a_line_of_another_kind_lets_out_what_was_left_out_of_windows_that_are_over():
    repeats = Repeats(most=1, window_s=60.0)

    written = shown(repeats, [("a", 0), ("a", 1), ("a", 2), ("b", 59), ("b", 60)])

    assert written == [("a@0", 0), ("b@59", 0), ("a@2", 2)]


def test_what_was_told_is_not_told_again():
    repeats = Repeats(most=1, window_s=60.0)
    shown(repeats, [("a", 0), ("a", 1), ("b", 60)])

    assert shown(repeats, [("c", 61), ("a", 62)]) == [("c@61", 0), ("a@62", 0)]
    assert list(repeats.end()) == []


def test_at_the_end_all_that_was_left_out_is_told():
    repeats = Repeats(most=1, window_s=60.0)
    shown(repeats, [("a", 0), ("b", 1), ("b", 2), ("b", 3), ("a", 4)])

    assert list(repeats.end()) == [LeftOut("a@4", 1), LeftOut("b@3", 2)]
    assert list(repeats.end()) == []


def test_kinds_are_counted_apart():
    repeats = Repeats(most=1, window_s=60.0)

    assert shown(repeats, [(("a", "x"), 0), (("a", "y"), 0)]) == [("('a', 'x')@0", 0), ("('a', 'y')@0", 0)]


def test_no_more_kinds_than_allowed_are_known_and_the_count_of_the_oldest_is_told_before_it_is_forgotten():
    repeats = Repeats(most=1, window_s=60.0, most_kinds=2)

    written = shown(repeats, [("a", 0), ("a", 1), ("b", 2), ("c", 3), ("d", 4)])

    assert written == [("a@0", 0), ("b@2", 0), ("a@1", 1), ("c@3", 0), ("d@4", 0)]
    assert len(repeats) == 2


@pytest.mark.parametrize("kinds", [1, 3, 10])
def test_what_is_written_and_what_is_counted_are_all_that_was_noted(kinds):
    repeats = Repeats(most=3, window_s=5.0, most_kinds=4)
    written = counted = 0

    for number in range(1000):
        noted = repeats.note(number // 5 % kinds, "line", number * 0.1)
        written += noted.shown
        counted += noted.repeated + sum(left_out.repeated for left_out in noted.before)

    assert written + counted + sum(left_out.repeated for left_out in repeats.end()) == 1000
    assert counted
