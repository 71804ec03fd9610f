"""The judge of demo and Kafka tests: whatever can go wrong must be seen by it."""

import pytest

from connector.demo.events import Produced
from connector.demo.judge import Accepted, Letter, id_in_body, judge


def event(id_, code=""):
    """An event by an id such as `ada.3`: who, and that person's how manieth."""
    person, _, sequence = id_.partition(".")
    return Produced(id_, person, int(sequence), b"{}", code)


def judged(produced, accepted, letters=(), at=0.0, **codes):
    """Judge ids in the order given, a second after each other; `codes` are those expected by id."""
    return judge(
        [(event(id_, codes.get(id_.replace(".", "_"), "")), at) for id_ in produced],
        [Accepted(id_, float(number)) for number, id_ in enumerate(accepted, start=1)],
        [Letter(*letter) for letter in letters],
    )


def test_a_run_in_which_everything_arrived_in_order_is_good():
    verdict = judged(["ada.1", "bob.1", "ada.2", "bob.2"], ["bob.1", "bob.2", "ada.1", "ada.2"])

    assert verdict.is_good
    assert (verdict.produced, verdict.accepted, verdict.duplicates) == (4, 4, 0)


def test_an_event_that_became_the_expected_dead_letter_is_good():
    verdict = judged(["ada.1", "ada.2"], ["ada.2"], [("ada.1", "rejected")], ada_1="rejected")

    assert verdict.is_good
    assert (verdict.accepted, verdict.dead_letters) == (1, {"rejected": 1})


@pytest.mark.parametrize(
    "code", [pytest.param("", id="to be delivered"), pytest.param("rejected", id="to be dead-lettered")]
)
def test_an_event_that_arrived_nowhere_is_lost(code):
    verdict = judged(["ada.1", "ada.2", "ada.3"], ["ada.1", "ada.3"], ada_2=code)

    assert not verdict.is_good
    assert verdict.lost == ["ada.2"]


def test_nothing_accepted_of_what_was_produced_is_all_lost():
    verdict = judged(["ada.1", "bob.1"], [])

    assert not verdict.is_good
    assert verdict.lost == ["ada.1", "bob.1"]


def test_acceptances_beyond_the_first_are_duplicates_and_forgiven():
    verdict = judged(["ada.1", "ada.2"], ["ada.1", "ada.1", "ada.2", "ada.2", "ada.2"])

    assert verdict.is_good
    assert (verdict.accepted, verdict.duplicates) == (2, 3)


def test_dead_letters_beyond_the_first_are_duplicates_and_counted_once():
    verdict = judged(["ada.1"], [], [("ada.1", "rejected")] * 3, ada_1="rejected")

    assert verdict.is_good
    assert (verdict.dead_letters, verdict.duplicates) == ({"rejected": 1}, 2)


@pytest.mark.parametrize(
    ("accepted", "violations"),
    [
        pytest.param(["ada.2", "ada.1", "ada.3"], ["ada.1"], id="two swapped"),
        pytest.param(["ada.3", "ada.1", "ada.2"], ["ada.1", "ada.2"], id="the last one first"),
        pytest.param(["ada.2", "ada.3", "ada.1"], ["ada.1"], id="the first one last"),
        pytest.param(["ada.2", "ada.1", "ada.1", "ada.3"], ["ada.1"], id="late twice is told once"),
    ],
)
def test_an_event_accepted_after_a_later_one_of_the_same_person_is_a_violation(accepted, violations):
    verdict = judged(["ada.1", "ada.2", "ada.3"], accepted)

    assert not verdict.is_good
    assert verdict.violations == violations


@pytest.mark.parametrize(
    "accepted",
    [
        pytest.param(["ada.1", "ada.2", "ada.1", "ada.3"], id="an early one comes again"),
        pytest.param(["ada.1", "ada.2", "ada.3", "ada.1", "ada.2", "ada.3"], id="all come again"),
        pytest.param(["ada.1", "ada.3"], id="one is missing between"),
    ],
)
def test_a_repetition_later_in_time_is_no_violation(accepted):
    assert judged(["ada.1", "ada.2", "ada.3"], accepted).violations == []


def test_the_order_between_people_does_not_matter():
    produced = ["ada.1", "bob.1", "cyd.1", "ada.2", "bob.2", "cyd.2"]

    assert judged(produced, ["cyd.1", "cyd.2", "bob.1", "ada.1", "bob.2", "ada.2"]).is_good


@pytest.mark.parametrize(
    ("letters", "expected", "wrong"),
    [
        pytest.param(
            [("ada.1", "expired")],
            {"ada_1": "rejected"},
            ["ada.1: dead-lettered as ['expired'], expected rejected"],
            id="another code",
        ),
        pytest.param(
            [("ada.1", "rejected"), ("ada.1", "expired")],
            {"ada_1": "rejected"},
            ["ada.1: dead-lettered as ['expired', 'rejected'], expected rejected"],
            id="the right code and another",
        ),
        pytest.param(
            [("ada.1", "rejected")],
            {},
            ["ada.1: dead-lettered as ['rejected'], expected delivery"],
            id="should have been delivered",
        ),
    ],
)
def test_a_dead_letter_that_should_not_be_is_wrong(letters, expected, wrong):
    verdict = judged(["ada.1"], [], letters, **expected)

    assert not verdict.is_good
    assert verdict.wrong == wrong


def test_an_event_that_was_accepted_and_dead_lettered_is_wrong():
    verdict = judged(["ada.1"], ["ada.1"], [("ada.1", "rejected")])

    assert not verdict.is_good
    assert verdict.wrong == ["ada.1: dead-lettered as ['rejected'], expected delivery"]


def test_an_event_accepted_that_should_have_been_a_dead_letter_is_wrong():
    verdict = judged(["ada.1"], ["ada.1"], ada_1="invalid_payload")

    assert not verdict.is_good
    assert verdict.wrong == ["ada.1: accepted, should have been invalid_payload"]


def test_what_arrives_without_having_been_produced_is_wrong():
    verdict = judged(["ada.1"], ["ada.1", "eve.1"], [("mallory.1", "rejected")])

    assert not verdict.is_good
    assert verdict.wrong == [
        "eve.1: accepted, but never produced",
        "mallory.1: dead-lettered, but never produced",
    ]


def test_delays_run_from_kafkas_acknowledgement_to_the_first_acceptance():
    produced = [f"ada.{number}" for number in range(1, 102)]

    verdict = judged(produced, [*produced, "ada.1", "ada.1"], at=-9.0)  # ada.1 takes 10 s, ada.2 11 s, ...

    assert (verdict.p50_s, verdict.p99_s) == (60.0, 109.0)


def test_delays_need_not_come_in_ascending_order():
    produced = [(event(f"ada.{number}"), float(number)) for number in range(1, 102)]
    accepted = [Accepted(f"ada.{number}", 202.0 - number) for number in range(1, 102)]

    verdict = judge(produced, accepted, [])

    assert (verdict.p50_s, verdict.p99_s) == (100.0, 198.0)


@pytest.mark.parametrize("accepted", [[], ["eve.1"]], ids=["nothing accepted", "only a stranger accepted"])
def test_without_delays_there_are_no_percentiles(accepted):
    verdict = judged(["ada.1"], accepted)

    assert (verdict.p50_s, verdict.p99_s) == (0.0, 0.0)


def test_produced_events_may_come_from_a_generator():
    verdict = judge(((event(id_), 0.0) for id_ in ("ada.1", "ada.2")), [Accepted("ada.1", 5.0)], [])

    assert (verdict.lost, verdict.p50_s) == (["ada.2"], 5.0)


@pytest.mark.parametrize(
    ("body", "id_"),
    [
        pytest.param({"type": "track", "messageId": "ada.1"}, "ada.1", id="messageId"),
        pytest.param(
            {"type": "group", "messageId": "other", "properties": {"demo_id": "ada.1"}}, "ada.1", id="group"
        ),
        pytest.param({"type": "group", "messageId": "other"}, "", id="group without properties"),
        pytest.param({"type": "group", "properties": None}, "", id="group with null properties"),
        pytest.param({"type": "track"}, "", id="no id"),
        pytest.param(None, "", id="no body"),
        pytest.param(["ada.1"], "", id="no object"),
    ],
)
def test_the_id_is_found_in_the_body_of_a_request(body, id_):
    assert id_in_body(body) == id_
