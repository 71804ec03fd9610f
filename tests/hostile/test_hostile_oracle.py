"""The judge of the hostile runs finds what it is there to find."""

import pytest

from tests.hostile.oracle import judge, longest_wait_s, number_in
from tests.hostile.records import COMMON, RARE, Expected, Generator, Hostile, judged
from tests.hostile.watch import silence


def record(number, expected, **more):
    return Hostile(number, "kind", b"key", None, expected, **more)


DELIVERED, NOT_JSON = Expected(accepted=1), Expected(letters=("unreadable_not_json",))


@pytest.mark.parametrize(
    ("expected", "accepted", "codes", "complaint"),
    [
        pytest.param(DELIVERED, 1, [], None, id="delivered"),
        pytest.param(DELIVERED, 0, [], "missing", id="lost"),
        pytest.param(DELIVERED, 2, [], "wrong", id="sent twice"),
        pytest.param(DELIVERED, 0, ["rejected"], "wrong", id="given up without need"),
        pytest.param(DELIVERED, 1, ["rejected"], "wrong", id="both"),
        pytest.param(NOT_JSON, 0, ["unreadable_not_json"], None, id="dead-lettered"),
        pytest.param(NOT_JSON, 0, ["internal"], "wrong", id="for another reason"),
        pytest.param(NOT_JSON, 0, ["unreadable_not_json"] * 2, "wrong", id="dead-lettered twice"),
        pytest.param(NOT_JSON, 1, [], "wrong", id="sent though unreadable"),
        pytest.param(Expected(), 0, [], None, id="matches nothing"),
        pytest.param(Expected(), 1, [], "wrong", id="matches something"),
        pytest.param(Expected(either=1), 0, ["any"], None, id="either: dead-lettered"),
        pytest.param(Expected(either=1), 1, [], None, id="either: delivered"),
        pytest.param(Expected(either=1), 1, ["any"], "wrong", id="either: both"),
        pytest.param(Expected(either=1), 0, [], "missing", id="either: neither"),
        pytest.param(Expected(accepted=1, either=1), 0, ["any"] * 2, "wrong", id="one of two had to arrive"),
    ],
)
def test_what_became_of_a_record_is_compared_with_what_was_expected(expected, accepted, codes, complaint):
    verdict = judge([record(7, expected)], [(7, 1.0)] * accepted, [(7, code) for code in codes])

    found = {name for name in ("missing", "wrong", "unknown") if getattr(verdict, name)}
    assert found == ({complaint} if complaint else set())
    assert verdict.filtered == (accepted == 0 and codes == [])


def test_what_was_never_produced_is_found():
    verdict = judge([], [(None, 1.0)], [(8, "internal")])

    assert verdict.unknown == ["accepted: None", "dead letter: 8"]


def test_a_later_event_before_an_earlier_one_of_its_person_is_a_violation():
    people = [
        record(n, DELIVERED, person=person, sequence=s)
        for n, person, s in [(1, "a", 1), (2, "a", 2), (3, "b", 1)]
    ]

    assert judge(people, [(1, 1.0), (3, 2.0), (2, 3.0)], []).violations == []
    assert judge(people, [(2, 1.0), (3, 2.0), (1, 3.0)], []).violations == ["a 1"]


def test_only_time_in_which_somebody_waits_counts():
    waiting = {1: 0.0, 2: 0.5, 3: 100.0, 4: 100.0}

    assert longest_wait_s(waiting, {1: 1.0, 2: 3.0, 3: 100.5, 4: 103.5}) == 3.0
    assert longest_wait_s(waiting, {1: 1.0, 2: 2.0, 3: 100.5, 4: 101.0}) == 1.0


def test_of_a_silence_only_what_neither_control_nor_want_of_a_processor_explains_counts():
    control = [(0.0, 0.01, 0.0, True), (1.0, 0.8, 0.0, True), (3.0, 0.01, 0.0, True), (9.0, 0.01, 0.0, True)]
    answers = [(0.0, 0.02, 0.0, True), (1.0, 0.9, 0.0, True), (3.0, 2.0, 1.8, True), (9.0, 1.5, 0.1, False)]

    seen = silence(answers, control)

    assert (seen.longest_s, seen.control_s, seen.starved_s) == (2.0, 0.8, 1.8)
    assert seen.beyond_s == pytest.approx(1.4)
    assert (seen.asked, seen.unanswered) == (3, 1)


@pytest.mark.parametrize(
    ("request_", "number"),
    [
        ({"body": {"messageId": "x", "properties": {"n": "h12"}}, "query": ""}, 12),
        ({"body": {"messageId": "h12.7", "properties": {}}, "query": ""}, 12),
        ({"body": {"tag": "h3", "userId": "h9"}, "query": ""}, 3),
        ({"body": None, "query": "people[0][userId]=h4%7C%0D%0A"}, 4),
        ({"body": {"messageId": "other"}, "query": ""}, None),
    ],
)
def test_a_request_is_known_by_the_number_that_all_actions_keep(request_, number):
    assert number_in(request_) == number


@pytest.mark.parametrize("text", [b"[1]", b"{", b"\xff{}", b'{"a":NaN}', b"1e5"])
def test_bytes_that_are_no_event_are_judged_without_the_connector(text):
    assert judged(text).letters[0] in ("unreadable_not_json", "unreadable_not_an_object")


def test_the_same_seed_gives_the_same_records_of_every_kind_and_another_gives_others():
    first, again, other = (list(Generator(seed, rare=1).records(800)) for seed in (5, 5, 6))

    assert first == again
    assert first != other
    assert {each.kind for each in first} == {*COMMON, *RARE, "real people"}
