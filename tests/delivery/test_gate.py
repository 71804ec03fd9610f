"""The gate: why nothing is sent, the clock that stands still, and trials."""

import math

import pytest

from connector.delivery.gate import FIRST_TRIAL_S, LONGEST_TRIAL_PAUSE_S, Closed, Gate, Shut

TRIABLE = [Shut.OUTAGE, Shut.CREDENTIALS]
UNTRIABLE = [Shut.FLOOD, Shut.PAUSED, Shut.DISABLED]
NEVER = math.inf


def shut(*reasons, at_s=100.0):
    gate = Gate(0.0)
    for reason in reasons:
        gate.shut(reason, at_s)
    return gate


def test_a_gate_is_open_at_first():
    gate = Gate(5.0)

    assert gate.is_open
    assert dict(gate.reasons) == {}
    assert not gate.on_trial


@pytest.mark.parametrize("reason", Shut)
def test_a_gate_is_shut_for_a_reason_until_that_is_taken_back(reason):
    gate = Gate(0.0)

    assert gate.shut(reason, 7.0, "because")
    assert not gate.is_open
    assert dict(gate.reasons) == {reason: Closed(7.0, "because")}
    assert gate.open(reason, 9.0)
    assert gate.is_open
    assert dict(gate.reasons) == {}


def test_shutting_again_for_the_same_reason_is_nothing_new_but_its_detail():
    gate = Gate(0.0)
    gate.shut(Shut.PAUSED, 7.0, "first")

    assert not gate.shut(Shut.PAUSED, 8.0, "second")
    assert dict(gate.reasons) == {Shut.PAUSED: Closed(7.0, "second")}
    assert gate.open(Shut.PAUSED, 9.0)


def test_a_gate_that_is_shut_for_several_reasons_opens_with_the_last_of_them():
    gate = shut(Shut.PAUSED, Shut.OUTAGE, Shut.FLOOD)

    opened = [gate.open(reason, 200.0) for reason in (Shut.OUTAGE, Shut.PAUSED, Shut.FLOOD)]

    assert opened == [False, False, True]
    assert gate.is_open


def test_taking_back_a_reason_that_was_not_given_changes_nothing():
    gate = Gate(0.0)

    assert not gate.open(Shut.PAUSED, 5.0)
    assert gate.is_open
    assert gate.fair_s(5.0) == 5.0

    gate.shut(Shut.FLOOD, 6.0)
    assert not gate.open(Shut.PAUSED, 7.0)
    assert not gate.is_open


# The clock


def test_the_fair_clock_stands_still_while_the_gate_is_shut():
    gate = Gate(0.0)

    seen = [gate.fair_s(10.0)]
    gate.shut(Shut.OUTAGE, 20.0)
    seen += [gate.fair_s(20.0), gate.fair_s(50.0)]
    gate.open(Shut.OUTAGE, 80.0)
    seen += [gate.fair_s(80.0), gate.fair_s(81.0)]
    gate.shut(Shut.PAUSED, 90.0)
    seen.append(gate.fair_s(1000.0))
    gate.open(Shut.PAUSED, 1090.0)
    seen.append(gate.fair_s(1100.0))

    assert seen == [10.0, 20.0, 20.0, 20.0, 21.0, 30.0, 40.0]


def test_the_fair_clock_stands_still_from_the_first_reason_to_the_last():
    gate = Gate(0.0)
    gate.shut(Shut.PAUSED, 10.0)
    gate.shut(Shut.FLOOD, 20.0)
    gate.open(Shut.PAUSED, 30.0)
    gate.shut(Shut.PAUSED, 35.0)
    gate.open(Shut.FLOOD, 40.0)
    gate.open(Shut.PAUSED, 60.0)

    assert gate.fair_s(61.0) == 11.0


# Trials


@pytest.mark.parametrize("reason", TRIABLE)
def test_the_first_trial_may_start_a_second_after_the_gate_was_shut(reason):
    gate = shut(reason, at_s=100.0)

    assert gate.trial_in_s(100.0) == FIRST_TRIAL_S
    assert gate.trial_in_s(100.75) == 0.25
    assert gate.trial_in_s(101.0) == 0.0
    assert gate.trial_in_s(500.0) == 0.0


@pytest.mark.parametrize("reason", UNTRIABLE)
@pytest.mark.parametrize("other", [None, *TRIABLE])
def test_there_are_no_trials_while_a_person_or_a_configuration_keeps_it_shut(reason, other):
    gate = shut(*filter(None, (reason, other)))

    assert gate.trial_in_s(1000.0) == NEVER


def test_outage_and_bad_credentials_together_allow_a_trial():
    assert shut(*TRIABLE).trial_in_s(101.0) == 0.0


def test_only_one_trial_is_under_way_at_a_time():
    gate = shut(Shut.OUTAGE)
    gate.begin_trial()

    assert gate.on_trial
    assert gate.trial_in_s(1000.0) == NEVER

    gate.end_trial(1000.0, got_through=False)
    assert not gate.on_trial
    assert gate.trial_in_s(1000.0) < NEVER


def test_pauses_between_trials_double_up_to_half_a_minute():
    gate, now_s, pauses_s = shut(Shut.OUTAGE, at_s=0.0), 0.0, []
    for _ in range(8):
        pauses_s.append(gate.trial_in_s(now_s))
        now_s += pauses_s[-1]
        gate.begin_trial()
        now_s += 0.25
        assert not gate.end_trial(now_s, got_through=False)

    assert pauses_s == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_TRIAL_PAUSE_S, 30.0, 30.0]


@pytest.mark.parametrize("reasons", [[Shut.OUTAGE], [Shut.CREDENTIALS], TRIABLE], ids=repr)
def test_a_trial_that_gets_through_opens_the_gate(reasons):
    gate = shut(*reasons)
    gate.begin_trial()

    assert gate.end_trial(130.0, got_through=True)
    assert gate.is_open
    assert gate.fair_s(130.0) == 100.0


@pytest.mark.parametrize("reason", UNTRIABLE)
def test_a_trial_that_gets_through_does_not_take_back_what_people_said_meanwhile(reason):
    gate = shut(Shut.OUTAGE)
    gate.begin_trial()
    gate.shut(reason, 101.0)

    assert not gate.end_trial(130.0, got_through=True)
    assert set(gate.reasons) == {reason}


def test_a_trial_that_ends_after_the_gate_was_opened_opens_nothing():
    gate = shut(Shut.OUTAGE)
    gate.begin_trial()
    gate.open(Shut.OUTAGE, 110.0)

    assert not gate.end_trial(120.0, got_through=True)
    assert gate.is_open
    assert gate.fair_s(120.0) == 110.0


def test_a_new_outage_begins_with_short_pauses_again():
    gate = shut(Shut.OUTAGE, at_s=0.0)
    for _ in range(6):
        gate.end_trial(0.0, got_through=False)
    gate.open(Shut.OUTAGE, 500.0)

    gate.shut(Shut.OUTAGE, 600.0)

    assert gate.trial_in_s(600.0) == FIRST_TRIAL_S
    gate.end_trial(601.0, got_through=False)
    assert gate.trial_in_s(601.0) == 2 * FIRST_TRIAL_S


def test_what_people_say_during_an_outage_leaves_the_next_trial_where_it_is():
    gate = shut(Shut.OUTAGE, at_s=0.0)
    for _ in range(6):
        gate.end_trial(0.0, got_through=False)

    gate.shut(Shut.PAUSED, 1.0)
    gate.open(Shut.PAUSED, 2.0)

    assert gate.trial_in_s(2.0) == 28.0


def test_with_a_new_key_the_next_trial_starts_at_once_and_pauses_are_short_again():
    gate = shut(Shut.CREDENTIALS, at_s=0.0)
    for _ in range(6):
        gate.end_trial(0.0, got_through=False)

    gate.try_soon(5.0)

    assert gate.trial_in_s(5.0) == 0.0
    gate.end_trial(5.0, got_through=False)
    assert gate.trial_in_s(5.0) == 2 * FIRST_TRIAL_S


def test_reasons_are_words_for_people_and_metrics():
    assert [*Shut] == ["outage", "credentials", "flood", "paused", "disabled"]


def test_trials_begin_after_a_second_and_come_at_least_twice_a_minute():
    assert (FIRST_TRIAL_S, LONGEST_TRIAL_PAUSE_S) == (1.0, 30.0)


def test_trials_are_allowed_unless_people_or_configurations_keep_it_shut():
    assert Gate(0.0).allows_trials
    assert shut(*TRIABLE).allows_trials
    assert not any(shut(Shut.OUTAGE, reason).allows_trials for reason in UNTRIABLE)
