"""What a partition waits for: every kind of it in a story, and in any story one true answer per partition."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.gate import Shut
from connector.delivery.outcome import Reply
from connector.delivery.planner import second_key
from connector.delivery.waits import Wait, WaitKind, describe, duration
from tests.builders import letter_task, plan_one_request, record
from tests.delivery.setup import PLACE, play, until
from tests.delivery.test_dispatcher import alias
from tests.fakes import BROKEN, KeptDeadLetters, ScriptedAccount, ScriptedSender

OTHER = PLACE._replace(partition=1)
SLOW = 100.0


def waits_after(seconds, *records, sender=None, before=None, places=(PLACE,), **options):
    """Submit records, let time pass, and give what each partition waits for, in words."""

    async def scenario(setup):
        if before:
            before(setup)
        setup.submit(*records)
        await asyncio.sleep(seconds)
        return [
            (progress.watermark, progress.held, describe(progress.wait))
            for progress in (setup.dispatcher.progress()[place] for place in places)
        ]

    sender = sender or ScriptedSender(latency_s=SLOW)
    return play(scenario, sender=sender, places=places, **options)[1]


def test_a_partition_of_which_nothing_was_seen_waits_for_nothing():
    assert waits_after(1.0) == [(None, 0, "nothing")]


def test_a_partition_of_which_all_is_settled_waits_for_nothing():
    assert waits_after(1.0, record(0), record(1), sender=ScriptedSender()) == [(2, 0, "nothing")]


def test_a_first_attempt_that_takes_long_is_a_request_under_way():
    assert waits_after(3.0, record(0), record(1)) == [(0, 2, "request under way since 3 s")]


def test_a_request_that_failed_tells_since_when_why_and_when_it_is_tried_again():
    sender = ScriptedSender(*[BROKEN] * 9, latency_s=0.0)

    # Rolls of one half: it waits 0.5, 1, 2 and 4 s, so the last attempt was after 3.5 s.
    [(_, held, text)] = waits_after(5.0, record(0), record(1), sender=sender)

    assert (held, text) == (2, "person's request retrying since 5 s: 500, next attempt in 2 s")


def test_a_retry_that_is_under_way_tells_for_how_long():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: len(setup.sender.sent) == 2)
        await asyncio.sleep(1.0)
        return setup.dispatcher.progress()[PLACE].wait

    wait = play(scenario, sender=ScriptedSender(BROKEN, latency_s=2.0))[1]

    assert describe(wait) == "person's request retrying since 4 s: 500, an attempt under way since 1 s"


def test_only_the_record_at_the_watermark_counts():
    sender = ScriptedSender(by_body={b"u1.0": [BROKEN] * 9}, latency_s=0.01)
    records = [record(0, "u1"), record(1, "u2"), record(2, "u3"), record(3, "u1")]

    [(watermark, held, text)] = waits_after(1.0, *records, sender=sender)

    assert (watermark, held) == (0, 2)
    assert text.startswith("person's request retrying since 1 s: 500")


def test_each_partition_has_an_answer_of_its_own():
    sender = ScriptedSender(by_body={b"u1.0": [BROKEN] * 9}, latency_s=0.0)
    records = [record(0, "u1"), record(7, "u2", partition=1)]

    first, second = waits_after(1.0, *records, sender=sender, places=(PLACE, OTHER))

    assert first[2].startswith("person's request retrying")
    assert second == (8, 0, "nothing")


def test_who_waits_for_a_full_window_says_how_full():
    records = [record(n, f"u{n}", partition=n % 2) for n in range(2)]

    waits = waits_after(1.0, *records, places=(PLACE, OTHER), max_in_flight=1)

    assert [text for _, _, text in waits] == [
        "request under way since 1 s",
        "limiter: window full (1 of 1)",
    ]


def test_who_waits_for_the_pace_says_how_fast_it_is():
    records = [record(n, f"u{n}", partition=int(n > 0)) for n in range(9)]

    waits = waits_after(0.05, *records, sender=ScriptedSender(latency_s=0.01), places=(PLACE, OTHER), per_s=2)

    assert waits[1][2] == "limiter: pace (2/s)"


def test_when_encharge_asks_everybody_to_wait_those_who_come_now_wait_for_that():
    async def scenario(setup):
        setup.submit(*(record(n, f"u{n}") for n in range(6)))
        await asyncio.sleep(1.5)  # the round in which most were refused ends with the next answer
        setup.submit(record(0, "v", partition=1))
        return {place: progress.wait for place, progress in setup.dispatcher.progress().items()}

    waits = play(scenario, sender=ScriptedSender(*[Reply(429, "30")] * 6), places=(PLACE, OTHER))[1]

    assert describe(waits[PLACE]).startswith("person's request retrying since 2 s: 429, next attempt in 29 s")
    assert describe(waits[OTHER]) == "limiter: Encharge asked everybody to wait, goes on in 29 s"


def test_whoever_has_just_come_waits_for_their_turn():
    async def scenario(setup):
        setup.submit(record(0))
        return setup.dispatcher.progress()[PLACE].wait  # before any worker ran

    assert describe(play(scenario)[1]) == "waiting behind other persons"


@pytest.mark.parametrize(
    ("reason", "detail", "text"),
    [
        (Shut.PAUSED, "ops maintenance", "paused: by command since 2 s (ops maintenance)"),
        (Shut.DISABLED, "", "paused: destination is disabled since 2 s"),
        (Shut.FLOOD, "200 in a row", "paused: flood of dead letters since 2 s (200 in a row)"),
    ],
)
def test_what_holds_everybody_comes_first(reason, detail, text):
    waits = waits_after(2.0, record(0), before=lambda setup: setup.stage.shut(reason, detail))

    assert waits == [(0, 1, text)]


def test_a_key_that_is_refused_is_a_pause_with_a_next_trial():
    sender = ScriptedSender(*[Reply(401)] * 9, latency_s=0.0)

    # Trials after 1, 3 and 7 s.
    waits = waits_after(4.0, record(0), sender=sender, account=ScriptedAccount(*[False] * 9))

    assert waits == [(0, 1, "paused: credentials since 4 s (HTTP 401), next trial in 3 s")]


def test_a_pause_by_command_is_told_before_an_outage_that_would_not_end_it():
    def shut(setup):
        setup.stage.shut(Shut.OUTAGE, "500")
        setup.stage.shut(Shut.PAUSED, "ops")

    [(_, _, text)] = waits_after(2.0, record(0), before=shut)

    assert text == "paused: by command since 2 s (ops)"


def test_a_lease_that_is_over_is_told():
    def end_lease(setup):
        setup.lease_until_s = 0.0

    assert waits_after(2.0, record(0), before=end_lease) == [
        (0, 1, "lease: membership of the group is uncertain")
    ]


def test_a_dead_letter_that_cannot_be_written_tells_why():
    letters = KeptDeadLetters(failures=99)

    [(_, held, text)] = waits_after(
        2.5, record(0), letters=letters, plan=lambda each: (letter_task("invalid_payload"),)
    )

    # It waits 1 and 2 s, so the next attempt is after 3 s.
    assert (held, text) == (
        1,
        "dead letter to be written: the topic cannot be written, next attempt in 0.5 s",
    )


def test_an_alias_tells_what_the_other_person_waits_for():
    sender = ScriptedSender(by_body={b"old.0": [BROKEN] * 9}, latency_s=0.0)
    records = [record(0, "old"), alias(0, "new", "old")._replace(partition=1)]

    [first, second] = waits_after(1.0, *records, sender=sender, places=(PLACE, OTHER))

    assert first[2].startswith("person's request retrying since 1 s: 500")
    assert second == (0, 1, f"alias of two persons, the other's: {first[2]}")


def test_a_record_behind_one_of_another_partition_waits_for_what_that_waits_for():
    records = [record(5, "u1", partition=1), record(0, "u1")]

    waits = waits_after(3.0, *records, places=(PLACE, OTHER))

    assert [text for _, _, text in waits] == ["request under way since 3 s"] * 2


ANSWERS = st.sampled_from([Reply(200), BROKEN, Reply(429, "2"), Reply(400), Reply(200)])
PEOPLE = ["anna-7", "bert-8", "carl-9"]
RECORDS = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.integers(0, 2), st.sampled_from([*PEOPLE, None, None, None])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(
    records=RECORDS,
    script=st.lists(ANSWERS, max_size=15),
    looks=st.lists(st.floats(0.01, 3.0), min_size=1, max_size=6),
    window=st.integers(1, 3),
    per_s=st.sampled_from([None, 2.0]),
    letter_failures=st.integers(0, 2),
)
def test_at_any_time_every_partition_has_one_true_answer(
    records, script, looks, window, per_s, letter_failures
):
    places = [PLACE._replace(partition=number) for number in range(3)]
    offsets = [0, 0, 0]
    submitted = []
    for person, partition, previous in records:
        offset = offsets[partition]
        offsets[partition] += 1
        each = record(offset, person, f"{partition}/{offset}".encode())
        if previous not in (None, person):
            each = alias(offset, person, previous)
            each = each._replace(value=each.value[:-1] + b',"n":"%d/%d"}' % (partition, offset))
        submitted.append(each._replace(partition=partition))
    by_place = {(each.partition, each.offset): each for each in submitted}

    async def scenario(setup):
        setup.submit(*submitted)
        for pause_s in looks:
            await asyncio.sleep(pause_s)
            check(setup)
        await setup.settled()
        check(setup)
        assert {progress.wait.kind for progress in setup.dispatcher.progress().values()} == {WaitKind.NOTHING}

    def check(setup):
        progress = setup.dispatcher.progress()
        assert set(progress) == set(places)
        for place, (watermark, held, wait) in progress.items():
            assert watermark == setup.watermark(place)
            assert (wait.kind is WaitKind.NOTHING) == (held == 0)
            assert not any(person in describe(wait) for person in PEOPLE)
            if held and not wait.alias:
                check_kind(setup, wait, by_place[place.partition, watermark])
        assert sum(each.held for each in progress.values()) == setup.dispatcher.held_records

    def check_kind(setup, wait, at_watermark):
        """Compare with what the sender saw, where the record is the first of its person."""
        body = at_watermark.value
        is_first = not any(
            persons_of(each) & persons_of(at_watermark)
            and not setup.dispatcher._partitions[places[each.partition]].tracker.is_settled(each.offset)
            for each in submitted[: submitted.index(at_watermark)]
        )
        times = setup.sender.sent.count(body)
        if wait.kind is WaitKind.RETRY and is_first:
            assert times >= 1
            assert wait.for_s > 0
            assert (wait.next_in_s is None) != (wait.under_way_s is None)
        elif wait.kind is WaitKind.REQUEST and is_first:
            assert times == 1
            assert 0 <= wait.for_s <= setup.sender.latency_s

    play(
        scenario,
        sender=ScriptedSender(*script, latency_s=0.3),
        letters=KeptDeadLetters(letter_failures),
        plan=plan_one_request,
        places=places,
        max_in_flight=window,
        per_s=per_s,
    )


def persons_of(each):
    return {each.key, second_key(each)} - {None}


def test_a_wait_of_every_kind_has_words():
    assert len({describe(Wait(kind)) for kind in WaitKind}) == len(WaitKind)


def test_every_reason_of_the_gate_is_a_kind():
    assert {WaitKind(reason) for reason in Shut} <= set(WaitKind)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (0.449, "0.4 s"),
        (0.97, "1 s"),
        (12.4, "12 s"),
        (60, "1 min"),
        (243, "4 min 3 s"),
        (3599.7, "1 h"),
        (18120, "5 h 2 min"),
        (86400 * 3 + 3600 * 4, "3 d 4 h"),
    ],
)
def test_a_duration_reads_as_people_say_it(seconds, text):
    assert duration(seconds) == text
