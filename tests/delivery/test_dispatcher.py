"""The dispatcher in virtual time: order, retries, dead letters, draining."""

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.dispatcher import LARGE_BYTES, Commit, Taken
from connector.delivery.flood_guard import FloodPolicy
from connector.delivery.offset_map import decode_map
from connector.delivery.offsets import OffsetTracker
from connector.delivery.outcome import NoReply, Reply
from tests.builders import letter_task, plan_one_request, record, request_task
from tests.delivery.setup import PLACE, Setup, Shut, plan_several, play, until
from tests.fakes import BROKEN, OK, REFUSED, TIMEOUT, KeptDeadLetters, ScriptedAccount, ScriptedSender
from tests.virtual_time import run


def test_records_of_one_person_are_sent_one_after_the_other():
    async def scenario():
        setup = Setup()
        setup.submit(*(record(offset) for offset in range(5)))
        await setup.settled()
        return setup

    setup = run(scenario())

    assert setup.sender.sent == [b"u1.0", b"u1.1", b"u1.2", b"u1.3", b"u1.4"]
    assert setup.sender.most_under_way == 1
    assert setup.watermark() == 5


def test_records_of_several_people_are_sent_at_once_up_to_the_limit():
    async def scenario():
        setup = Setup(max_in_flight=8)
        setup.submit(*(record(offset, person=f"u{offset}") for offset in range(40)))
        await setup.settled()
        return setup

    setup = run(scenario())

    assert setup.sender.most_under_way == 8
    assert setup.watermark() == 40


def test_a_failing_person_holds_back_only_itself():
    async def scenario():
        sender = ScriptedSender(by_body={b"u1.0": [BROKEN, TIMEOUT, BROKEN]})
        setup = Setup(sender)
        setup.submit(record(0, "u1"), record(1, "u2"), record(2, "u1"), record(3, "u2"))
        while setup.stats.settled < 2:
            await asyncio.sleep(0.01)
        while_waiting = setup.watermark(), setup.dispatcher.commits()[PLACE].metadata
        await setup.settled()
        return setup, while_waiting

    setup, (watermark, metadata) = run(scenario())

    assert [body for body in setup.sender.sent if body.startswith(b"u1")] == [b"u1.0"] * 4 + [b"u1.2"]
    assert setup.sender.sent.index(b"u2.3") < setup.sender.sent.index(b"u1.2")
    assert watermark == 0
    assert metadata == "1:1.1,1.1"  # 1 and 3 are done, 0 and 2 are not
    assert setup.watermark() == 4
    assert setup.stats.retries == 3


def test_of_several_requests_only_the_failed_one_is_repeated():
    def plan(each):
        return tuple(request_task(each.value + suffix) for suffix in (b"-a", b"-b", b"-c"))

    async def scenario():
        setup = Setup(ScriptedSender(by_body={b"u1.0-b": [BROKEN, BROKEN]}), plan=plan)
        setup.submit(record(0), record(1))
        await setup.settled()
        return setup.sender.sent

    sent = run(scenario())

    assert sent == [
        b"u1.0-a", b"u1.0-b", b"u1.0-b", b"u1.0-b", b"u1.0-c", b"u1.1-a", b"u1.1-b", b"u1.1-c",
    ]  # fmt: skip


def test_a_rejected_request_becomes_a_dead_letter_and_the_others_go_on():
    def plan(each):
        return tuple(request_task(each.value + suffix, mapping=suffix.decode()) for suffix in (b"-a", b"-b"))

    async def scenario():
        setup = Setup(ScriptedSender(by_body={b"u1.0-a": [REFUSED]}), plan=plan)
        setup.submit(record(0))
        await setup.settled()
        return setup

    setup = run(scenario())

    assert setup.sender.sent == [b"u1.0-a", b"u1.0-b"]
    [letter] = setup.letters.letters
    assert (letter.key, letter.value, letter.code) == (b"u1", b"u1.0", "rejected")
    headers = {name: value.decode() for name, value in letter.headers}
    assert headers["encharge.mapping"] == "-a"
    assert headers["encharge.http_status"] == "400"
    assert headers["encharge.response"] == "said 400 errorCode=E400 traceId=t1"
    assert headers["encharge.attempts"] == "1"
    assert headers["__connect.errors.offset"] == "0"
    assert setup.watermark() == 1


def test_what_cannot_be_planned_becomes_a_dead_letter_without_a_request():
    async def scenario():
        setup = Setup(plan=lambda each: (letter_task("invalid_payload"), request_task(each.value)))
        setup.submit(record(0))
        await setup.settled()
        return setup

    setup = run(scenario())

    assert setup.letters.codes() == ["invalid_payload"]
    assert setup.sender.sent == [b"u1.0"]


def test_a_record_that_matches_nothing_is_settled_without_a_request():
    async def scenario():
        setup = Setup(plan=lambda _: ())
        setup.submit(record(0))
        await setup.settled()
        return setup

    setup = run(scenario())

    assert (setup.sender.sent, setup.watermark(), setup.stats.filtered) == ([], 1, 1)


@pytest.mark.parametrize("culprit", ["plan", "send"])
def test_an_unexpected_error_becomes_a_dead_letter_and_the_lane_goes_on(culprit):
    def plan(each):
        if culprit == "plan" and each.offset == 0:
            raise ZeroDivisionError
        return plan_one_request(each)

    async def scenario():
        script = {b"u1.0": [ZeroDivisionError()]} if culprit == "send" else {}
        setup = Setup(ScriptedSender(by_body=script), plan=plan)
        setup.submit(record(0), record(1))
        await setup.settled()
        return setup

    setup = run(scenario())

    assert setup.letters.codes() == ["internal"]
    assert setup.sender.sent[-1] == b"u1.1"
    assert setup.watermark() == 2


def test_a_request_that_keeps_failing_is_given_up_when_the_window_is_over():
    async def scenario():
        setup = Setup(ScriptedSender(by_body={b"u1.0": [BROKEN] * 1000}), window_s=60.0, cap_s=10.0)
        setup.submit(record(0), record(1))
        await setup.settled()
        return setup

    setup = run(scenario())

    assert setup.letters.codes() == ["retry_window"]
    assert setup.sender.times_s[-2] - setup.sender.times_s[0] >= 60.0
    assert setup.sender.sent[-1] == b"u1.1"


def test_a_dead_letter_that_cannot_be_written_holds_the_lane_and_sends_nothing_twice():
    async def scenario():
        letters = KeptDeadLetters(failures=5)
        setup = Setup(ScriptedSender(by_body={b"u1.0": [REFUSED]}), letters)
        setup.submit(record(0), record(1))
        while letters.attempts < 3:
            await asyncio.sleep(0.01)
        while_waiting = list(setup.sender.sent), setup.watermark()
        await setup.settled()
        return setup, while_waiting

    setup, while_waiting = run(scenario())

    assert while_waiting == ([b"u1.0"], 0)
    assert setup.sender.sent == [b"u1.0", b"u1.1"]
    assert setup.letters.codes() == ["rejected"]


def test_a_drain_finishes_what_is_under_way_and_starts_nothing_more():
    async def scenario():
        setup = Setup(ScriptedSender(latency_s=1.0), max_in_flight=2)
        setup.submit(record(0, "u1"), record(1, "u2"), record(2, "u1"), record(3, "u3"))
        await asyncio.sleep(0.5)
        await setup.dispatcher.drain(8.0)
        return setup

    setup = run(scenario())

    assert sorted(setup.sender.sent) == [b"u1.0", b"u2.1"]
    assert setup.watermark() == 2


def test_a_drain_finishes_all_requests_of_a_record_that_was_begun():
    def plan(each):
        return tuple(request_task(each.value + suffix) for suffix in (b"-a", b"-b", b"-c"))

    async def scenario():
        setup = Setup(ScriptedSender(latency_s=1.0), plan=plan)
        setup.submit(record(0), record(1))
        await asyncio.sleep(0.5)
        await setup.dispatcher.drain(8.0)
        return setup

    setup = run(scenario())

    assert setup.sender.sent == [b"u1.0-a", b"u1.0-b", b"u1.0-c"]
    assert setup.watermark() == 1


def test_a_drain_ends_at_its_deadline():
    async def scenario():
        setup = Setup(ScriptedSender(latency_s=100.0))
        setup.submit(record(0))
        await asyncio.sleep(0.5)
        begun = asyncio.get_running_loop().time()
        await setup.dispatcher.drain(8.0)
        return setup, asyncio.get_running_loop().time() - begun

    setup, took_s = run(scenario())

    assert took_s == pytest.approx(8.0)
    assert setup.watermark() == 0
    assert setup.flow.limiter.in_flight == 0


def test_a_drain_does_not_wait_for_retries():
    async def scenario():
        setup = Setup(ScriptedSender(by_body={b"u1.0": [BROKEN] * 100}), base_s=100.0)
        setup.submit(record(0))
        await asyncio.sleep(1.0)
        begun = asyncio.get_running_loop().time()
        await setup.dispatcher.drain(8.0)
        return asyncio.get_running_loop().time() - begun

    assert run(scenario()) < 0.001


def test_records_without_a_key_keep_nobody_waiting():
    async def scenario():
        setup = Setup()
        setup.submit(*(record(offset, person=None, value=b"x") for offset in range(5)))
        await setup.settled()
        return setup

    assert run(scenario()).sender.most_under_way == 5


ANSWERS = st.lists(st.sampled_from([OK, OK, OK, BROKEN, TIMEOUT, REFUSED]), max_size=200)
PEOPLE = st.lists(st.integers(0, 4), min_size=1, max_size=40)


@settings(deadline=None, max_examples=60)
@given(PEOPLE, ANSWERS, st.integers(1, 6), st.floats(0, 30))
def test_every_record_is_settled_once_and_in_order_per_person(people, answers, max_in_flight, drain_after_s):
    """Any answers, any number of workers, a drain and a new owner in the middle: nothing lost, order kept."""
    records = [record(offset, f"u{person}") for offset, person in enumerate(people)]
    delivered, letters = [], KeptDeadLetters()

    class Noting(ScriptedSender):
        async def send(self, request):
            answer = await super().send(request)
            if answer is OK:
                delivered.append(request.body)
            return answer

    async def scenario():
        sender = Noting(*answers)
        first = Setup(sender, letters, max_in_flight=max_in_flight, cap_s=5.0)
        first.submit(*records)
        await asyncio.sleep(drain_after_s)
        await first.dispatcher.drain(8.0)
        commit = first.dispatcher.commits()[PLACE]

        second = Setup(sender, letters, max_in_flight=max_in_flight, cap_s=5.0)
        left = decode_map(commit.watermark, commit.metadata)
        second.begin({PLACE: Taken(OffsetTracker(commit.watermark, left.completed), left)})
        second.submit(*records[commit.watermark :])
        await second.settled()
        return second

    second = run(scenario())

    settled = delivered + [letter.value for letter in letters.letters]
    assert sorted(settled) == sorted(each.value for each in records)
    for person in set(people):
        of_person = [body for body in delivered if body.startswith(b"u%d." % person)]
        assert of_person == sorted(of_person, key=lambda body: int(body.split(b".")[1]))
    assert second.watermark() == len(records)


# The lease


def test_nothing_is_sent_when_the_lease_is_over_and_it_goes_on_when_it_is_renewed():
    async def scenario(setup):
        setup.lease_until_s = setup.now_s()
        setup.submit(record(0))
        await asyncio.sleep(5.0)
        before = list(setup.sender.sent)
        setup.lease_until_s = setup.now_s() + 10.0
        await setup.settled()
        return before, setup.now_s()

    setup, (before, ended_s) = play(scenario)

    assert before == []
    assert setup.sender.sent == [b"u1.0"]
    assert ended_s == pytest.approx(1005.0, abs=0.5)
    assert setup.stats.lease_waits > 0


def test_a_retry_asks_for_the_lease_again():
    async def scenario(setup):
        setup.lease_until_s = setup.now_s() + 3.0
        setup.submit(record(0))
        await asyncio.sleep(100.0)

    setup, _ = play(scenario, sender=ScriptedSender(*[BROKEN] * 50), cap_s=2.0)

    assert len(setup.sender.sent) > 1
    assert max(setup.sender.times_s) < 1003.0


def test_no_dead_letter_is_written_when_the_lease_is_over():
    async def scenario(setup):
        setup.lease_until_s = setup.now_s()
        setup.submit(record(0))
        await asyncio.sleep(5.0)

    setup, _ = play(scenario, plan=lambda _: (letter_task("invalid_payload"),))

    assert setup.letters.letters == []
    assert setup.watermark() == 0


# The gate


@pytest.mark.parametrize("reason", [Shut.PAUSED, Shut.DISABLED, Shut.FLOOD])
def test_while_people_keep_the_gate_shut_nothing_is_sent_and_then_everything(reason):
    async def scenario(setup):
        setup.stage.shut(reason)
        setup.submit(record(0, "u1"), record(1, "u2"))
        await asyncio.sleep(10_000.0)
        before = list(setup.sender.sent)
        setup.stage.resume(reason)
        await setup.settled()
        return before

    setup, before = play(scenario)

    assert before == []
    assert sorted(setup.sender.sent) == [b"u1.0", b"u2.1"]


def test_a_pause_lets_what_is_under_way_end():
    async def scenario(setup):
        setup.submit(record(0), record(1))
        await asyncio.sleep(0.5)
        setup.stage.shut(Shut.PAUSED)
        await asyncio.sleep(100.0)
        return setup.watermark()

    setup, watermark = play(scenario, sender=ScriptedSender(latency_s=1.0))

    assert setup.sender.sent == [b"u1.0"]
    assert watermark == 1


def test_a_pause_counts_against_nobodys_window():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: setup.sender.sent)
        setup.stage.shut(Shut.PAUSED)
        await asyncio.sleep(10_000.0)
        setup.stage.resume(Shut.PAUSED)
        await setup.settled()

    setup, _ = play(scenario, sender=ScriptedSender(BROKEN, BROKEN, BROKEN), window_s=60.0)

    assert setup.letters.letters == []
    assert len(setup.sender.sent) == 4


def test_when_sending_goes_on_nobody_waits_out_a_long_retry():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: setup.sender.sent)
        setup.stage.shut(Shut.PAUSED)
        await asyncio.sleep(1.0)
        setup.stage.resume(Shut.PAUSED)
        await setup.settled()

    setup, _ = play(scenario, sender=ScriptedSender(BROKEN), base_s=1000.0, cap_s=1000.0)

    assert setup.sender.times_s == pytest.approx([1000.0, 1001.0], abs=0.05)


def test_when_sending_goes_on_whoever_was_asked_to_wait_still_does():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: setup.sender.sent)
        setup.stage.shut(Shut.PAUSED)
        await asyncio.sleep(1.0)
        setup.stage.resume(Shut.PAUSED)
        await setup.settled()

    setup, _ = play(scenario, sender=ScriptedSender(Reply(429, "100")))

    assert setup.sender.times_s == pytest.approx([1000.0, 1100.0], abs=0.05)


def test_in_an_outage_one_request_is_tried_at_a_time_at_growing_intervals():
    async def scenario(setup):
        setup.submit(*(record(offset, f"u{offset}") for offset in range(20)))
        await asyncio.sleep(70.0)
        assert setup.reasons == {Shut.OUTAGE}

    sender = ScriptedSender(*[NoReply("connect")] * 100)
    _setup, _ = play(scenario, sender=sender, base_s=1000.0, cap_s=1000.0)

    trials_s = [at_s - 1000.0 for at_s in sender.times_s if at_s > 1000.5]
    assert trials_s == pytest.approx([1.0, 3.0, 7.0, 15.0, 31.0, 61.0], abs=0.5)


def test_after_an_outage_everybody_goes_on_at_once():
    async def scenario(setup):
        setup.submit(*(record(offset, f"u{offset}") for offset in range(20)))
        await setup.settled()

    sender = ScriptedSender(*[NoReply("connect")] * 10)
    setup, _ = play(scenario, sender=sender, base_s=1000.0, cap_s=1000.0)

    assert sender.times_s[-1] < 1010.0
    assert setup.letters.letters == []
    assert setup.watermark() == 20


def test_too_many_dead_letters_stop_everything_until_somebody_resumes():
    async def scenario(setup):
        setup.submit(*(record(offset) for offset in range(10)))
        await asyncio.sleep(10_000.0)
        before = setup.letters.codes(), set(setup.reasons)
        setup.stage.resume(Shut.FLOOD)
        await asyncio.sleep(10_000.0)
        return before

    setup, before = play(
        scenario, plan=lambda _: (letter_task("invalid_payload"),), flood=FloodPolicy(run=4, share=1)
    )

    assert before == (["invalid_payload"] * 4, {Shut.FLOOD})
    assert len(setup.letters.letters) == 8


# Credentials

UNAUTHORIZED = Reply(401)


def test_a_refused_key_is_tried_until_it_works_and_then_everything_goes_on():
    async def scenario(setup):
        setup.submit(*(record(offset, f"u{offset}") for offset in range(3)))
        await setup.settled()

    sender = ScriptedSender(UNAUTHORIZED, UNAUTHORIZED, UNAUTHORIZED)
    setup, _ = play(scenario, sender=sender, account=ScriptedAccount(False, False))

    assert setup.account.asked == 3
    assert len(sender.sent) == 6
    assert setup.watermark() == 3
    assert setup.letters.letters == []


def test_while_the_key_does_not_work_nothing_is_sent_and_no_attempt_is_counted():
    async def scenario(setup):
        setup.submit(record(0))
        await asyncio.sleep(1000.0)
        return setup.stats.retries, setup.flow.limiter.in_flight

    setup, seen = play(
        scenario, sender=ScriptedSender(UNAUTHORIZED), account=ScriptedAccount(*[False] * 1000)
    )

    assert len(setup.sender.sent) == 1
    assert seen == (0, 0)
    assert 30 < setup.account.asked < 60


def test_a_key_that_cannot_be_tried_does_not_work():
    class Failing(ScriptedAccount):
        async def key_works(self):
            if await super().key_works():
                return True
            raise ZeroDivisionError

    async def scenario(setup):
        setup.submit(record(0))
        await setup.settled()

    setup, _ = play(scenario, sender=ScriptedSender(UNAUTHORIZED), account=Failing(False, False))

    assert setup.account.asked == 3
    assert setup.letters.letters == []
    assert setup.sender.sent == [b"u1.0", b"u1.0"]


class SlowAccount(ScriptedAccount):
    """Takes ten seconds to say that the key works; notes when it says so."""

    async def key_works(self):
        self.asked += 1
        await asyncio.sleep(10.0)
        return True


@pytest.mark.parametrize("meanwhile", ["the lease ends", "somebody pauses", "a drain begins", "another plan"])
def test_what_happens_while_a_key_is_tried_is_minded_before_anything_is_sent(meanwhile):
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: setup.account.asked)
        match meanwhile:
            case "the lease ends":
                setup.lease_until_s = setup.now_s() + 5.0
            case "somebody pauses":
                setup.stage.shut(Shut.PAUSED)
            case "a drain begins":
                await setup.dispatcher.drain(100.0)
            case "another plan":
                setup.reconfigure(lambda _: (request_task(b"new"),), version="v2")
        await asyncio.sleep(100.0)

    setup, _ = play(scenario, sender=ScriptedSender(UNAUTHORIZED), account=SlowAccount())

    assert setup.sender.sent == [b"u1.0"] + ([b"new"] if meanwhile == "another plan" else [])
    assert setup.flow.limiter.in_flight == 0
    assert not setup.flow.gate.on_trial


# Another configuration


def test_what_waits_for_a_retry_is_planned_anew_and_tried_at_once():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: setup.sender.sent)
        await asyncio.sleep(1.0)
        setup.reconfigure(lambda _: (request_task(b"new"),), version="v2")
        await setup.settled()

    setup, _ = play(scenario, sender=ScriptedSender(BROKEN), base_s=1000.0, cap_s=1000.0)

    assert setup.sender.sent == [b"u1.0", b"new"]
    assert setup.sender.times_s[1] == pytest.approx(1001.0, abs=0.05)


def test_another_plan_does_not_repeat_what_is_delivered():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: len(setup.sender.sent) == 2)
        await asyncio.sleep(0.1)
        setup.reconfigure(plan_several("c", "a", "b"), version="v2")
        await setup.settled()

    setup, _ = play(
        scenario, plan=plan_several("a", "b"), sender=ScriptedSender(OK, BROKEN), base_s=1000.0, cap_s=1000.0
    )

    assert setup.sender.sent == [b"u1.0-a", b"u1.0-b", b"u1.0-c", b"u1.0-b"]


def test_a_new_key_goes_on_with_the_request_at_hand():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: len(setup.sender.sent) == 2)
        await asyncio.sleep(0.1)
        setup.reconfigure()
        await setup.settled()

    setup, _ = play(
        scenario, plan=plan_several("a", "b"), sender=ScriptedSender(OK, BROKEN), base_s=1000.0, cap_s=1000.0
    )

    assert setup.sender.sent == [b"u1.0-a", b"u1.0-b", b"u1.0-b"]


def test_another_configuration_in_the_middle_of_a_record_counts_from_the_next_request_on():
    async def scenario(setup):
        setup.submit(record(0))
        await asyncio.sleep(0.5)
        setup.reconfigure(plan_several("c", "b", "a"), version="v2")
        await setup.settled()

    setup, _ = play(scenario, plan=plan_several("a", "b"), sender=ScriptedSender(latency_s=1.0))

    assert setup.sender.sent == [b"u1.0-a", b"u1.0-c", b"u1.0-b"]


def test_another_configuration_ends_a_flood():
    async def scenario(setup):
        setup.submit(*(record(offset) for offset in range(5)))
        await asyncio.sleep(100.0)
        assert setup.reasons == {Shut.FLOOD}
        setup.reconfigure(plan_one_request, version="v2")
        await setup.settled()

    setup, _ = play(
        scenario, plan=lambda _: (letter_task("invalid_payload"),), flood=FloodPolicy(run=2, share=1)
    )

    assert setup.letters.codes() == ["invalid_payload"] * 2
    assert setup.sender.sent == [b"u1.2", b"u1.3", b"u1.4"]


def test_a_dead_letter_that_waits_to_be_written_is_taken_back_by_another_plan():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: setup.letters.attempts)
        setup.reconfigure(lambda _: (request_task(b"new"),), version="v2")
        await setup.settled()

    setup, _ = play(scenario, sender=ScriptedSender(REFUSED), letters=KeptDeadLetters(failures=1000))

    assert setup.sender.sent == [b"u1.0", b"new"]
    assert setup.letters.letters == []


def test_rules_of_another_configuration_count_for_answers_from_then_on():
    async def scenario(setup):
        setup.submit(record(0))
        await asyncio.sleep(0.5)
        setup.reconfigure(rules=[{"status": 400, "outcome": "delivered"}])
        await setup.settled()

    setup, _ = play(scenario, sender=ScriptedSender(REFUSED, latency_s=1.0))

    assert setup.letters.letters == []
    assert setup.stats.delivered == {("Track Event", "trackEvent"): 1}


def test_a_destination_that_discards_settles_without_sending():
    async def scenario(setup):
        setup.reconfigure(lambda _: (), version="v2", discards=True)
        setup.submit(record(0), record(1, "u2"))
        await setup.settled()

    setup, _ = play(scenario)

    assert setup.sender.sent == []
    assert (setup.stats.discarded, setup.stats.filtered, setup.watermark()) == (2, 0, 2)


def test_a_record_that_was_begun_is_neither_discarded_nor_filtered():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: len(setup.sender.sent) == 2)
        await asyncio.sleep(0.1)
        setup.reconfigure(lambda _: (), version="v2", discards=True)
        await setup.settled()

    setup, _ = play(scenario, plan=plan_several("a", "b"), sender=ScriptedSender(OK, BROKEN), base_s=100.0)

    assert len(setup.sender.sent) == 2
    assert (setup.stats.discarded, setup.stats.filtered, setup.watermark()) == (0, 0, 1)


# Envelopes


def envelope_plan(*names, fails_at=None):
    def plan(each):
        for number, name in enumerate(names):
            if number == fails_at:
                raise ZeroDivisionError
            yield (request_task(name.encode(), mapping=name)._replace(event=number),)

    return plan


def test_the_events_of_an_envelope_are_sent_in_order_and_settle_together():
    async def scenario(setup):
        setup.submit(record(0), record(1))
        await asyncio.sleep(0.03)
        before = setup.watermark()
        await setup.settled()
        return before

    setup, before = play(scenario, plan=envelope_plan("a", "b", "c"))

    assert before == 0
    assert setup.sender.sent == [b"a", b"b", b"c"] * 2
    assert setup.stats.filtered == 0


def test_an_envelope_of_which_nothing_matches_is_filtered():
    async def scenario(setup):
        setup.submit(record(0))
        await setup.settled()

    setup, _ = play(scenario, plan=lambda each: iter([(), ()]))

    assert (setup.sender.sent, setup.stats.filtered, setup.watermark()) == ([], 1, 1)


def test_an_envelope_that_cannot_be_planned_to_its_end_becomes_a_dead_letter_behind_what_could():
    async def scenario(setup):
        setup.submit(record(0), record(1, "u2"))
        await setup.settled()

    setup, _ = play(scenario, plan=envelope_plan("a", "b", fails_at=1))

    assert setup.sender.sent == [b"a", b"a"]
    assert setup.letters.codes() == ["internal", "internal"]
    headers = dict(setup.letters.letters[0].headers)
    assert headers["__connect.errors.exception.class.name"] == b"ZeroDivisionError"
    assert headers["__connect.errors.exception.message"] == b"unexpected error, see the log"
    assert setup.watermark() == 2


# Two people, or nobody


def alias(offset, person, previous):
    value = b'{"type":"alias","userId":"%s","previousId":"%s"}' % (person.encode(), previous.encode())
    return record(offset, person, value)


def test_an_alias_waits_for_both_people_and_both_wait_for_it():
    async def scenario(setup):
        setup.submit(record(0, "old"), record(1, "new"), alias(2, "new", "old"), record(3, "old"))
        await setup.settled()

    sender = ScriptedSender(by_body={b"old.0": [BROKEN, BROKEN]}, latency_s=0.5)
    setup, _ = play(scenario, sender=sender)

    delivered = [body[:5] for body in sender.sent]
    assert delivered[-4:] == [b"old.0", b"old.0", b'{"typ', b"old.3"]
    assert setup.watermark() == 4


def test_an_alias_is_begun_once():
    async def scenario(setup):
        setup.submit(alias(0, "new", "old"), record(1, "old"), record(2, "new"))
        await setup.settled()

    setup, _ = play(scenario, sender=ScriptedSender(BROKEN))

    assert len(setup.sender.sent) == 4
    assert len(set(setup.sender.sent[:2])) == 1
    assert sorted(setup.sender.sent[2:]) == [b"new.2", b"old.1"]
    assert setup.dispatcher.held_records == 0


def test_records_without_a_key_are_lanes_of_their_own_in_every_partition():
    async def scenario(setup):
        setup.submit(
            record(0, person=None, value=b"x"), record(0, person=None, value=b"y", partition=1),
        )  # fmt: skip
        await setup.settled()

    setup, _ = play(scenario, places=(PLACE, PLACE._replace(partition=1)))

    assert setup.sender.most_under_way == 2


def test_a_person_with_many_records_does_not_keep_the_worker():
    async def scenario(setup):
        setup.submit(*(record(offset, "u1") for offset in range(3)), record(3, "u2"))
        await setup.settled()

    setup, _ = play(scenario, max_in_flight=1)

    assert setup.sender.sent == [b"u1.0", b"u2.3", b"u1.1", b"u1.2"]


def test_a_person_with_many_records_is_told():
    async def scenario(setup):
        setup.submit(*(record(offset, "u1") for offset in range(4)))
        before = dict(setup.dispatcher.full_lanes)
        await setup.settled()
        return before, dict(setup.dispatcher.full_lanes)

    _setup, seen = play(scenario, most_per_lane=3)

    assert seen == ({("by-user", 0): 4}, {})


# What is held


def test_records_and_bytes_are_counted_until_they_are_settled():
    async def scenario(setup):
        setup.submit(record(0, value=b"12345"), record(1, "u2", value=b"123"))
        held = [(setup.dispatcher.held_records, setup.dispatcher.held_bytes)]
        await setup.settled()
        return [*held, (setup.dispatcher.held_records, setup.dispatcher.held_bytes)]

    assert play(scenario)[1] == [(2, 8), (0, 0)]


def test_a_record_without_a_value_has_no_bytes():
    async def scenario(setup):
        setup.submit(record(0)._replace(value=None))
        held = setup.dispatcher.held_records, setup.dispatcher.held_bytes
        await setup.settled()
        return held, setup.dispatcher.held_bytes

    assert play(scenario, plan=lambda _: ())[1] == ((1, 0), 0)


@pytest.mark.parametrize(
    ("below_records", "below_bytes", "settled"),
    [(5, 1000, 0), (4, 1000, 1), (2, 1000, 3), (1000, 16, 1), (1000, 9, 2), (3, 5, 3)],
)
def test_room_is_there_as_soon_as_less_is_held(below_records, below_bytes, settled):
    async def scenario(setup):
        setup.submit(*(record(offset, value=b"1234") for offset in range(4)))
        await setup.dispatcher.room(below_records, below_bytes)
        return setup.stats.settled

    assert play(scenario)[1] == settled


def test_what_an_earlier_owner_completed_is_passed_over_and_counted():
    async def scenario(setup):
        setup.submit(record(0, "u1"), record(1, "u2"), record(2, "u3"))
        await until(lambda: setup.stats.settled == 2)
        commit = await setup.hand_over(record(0, "u1"), record(1, "u2"), record(2, "u3"))
        await setup.settled()
        return commit

    setup, commit = play(scenario, sender=ScriptedSender(by_body={b"u1.0": [BROKEN]}), base_s=50.0)

    assert commit == (0, "1:1.2")
    assert setup.sender.sent.count(b"u2.1") == 1
    assert (setup.stats.received, setup.stats.repeated) == (6, 2)


def test_records_of_a_topic_that_was_made_anew_are_sent_again():
    async def scenario(setup):
        setup.begin({PLACE: Taken(OffsetTracker(100))})
        setup.dispatcher.rewind(PLACE, 5)
        setup.submit(record(5), record(6))
        await setup.settled()
        return setup.watermark()

    setup, watermark = play(scenario)

    assert setup.sender.sent == [b"u1.5", b"u1.6"]
    assert watermark == 7


# Begun records

COMMIT_OF_A_BEGUN_RECORD = Commit(0, "1:;v1:0.1")


def test_a_begun_record_is_gone_on_with_by_the_next_owner():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: len(setup.sender.sent) == 2)
        await asyncio.sleep(0.1)
        commit = await setup.hand_over(record(0))
        await setup.settled()
        return commit

    setup, commit = play(
        scenario, plan=plan_several("a", "b"), sender=ScriptedSender(OK, BROKEN), base_s=100.0
    )

    assert commit == (0, "1:;v1:0.1")
    assert setup.sender.sent == [b"u1.0-a", b"u1.0-b", b"u1.0-b"]


def test_a_begun_record_stays_in_the_map_until_it_has_come_to_its_turn():
    async def scenario(setup):
        setup.take_over(COMMIT_OF_A_BEGUN_RECORD)
        before = setup.metadata()
        setup.stage.shut(Shut.PAUSED)
        setup.submit(record(0))
        await asyncio.sleep(1.0)
        return before, setup.metadata()

    _setup, seen = play(scenario, plan=plan_several("a", "b"))

    assert seen == ("1:;v1:0.1", "1:;v1:0.1")


def test_a_begun_record_is_not_in_the_map_when_it_is_settled():
    async def scenario(setup):
        setup.take_over(COMMIT_OF_A_BEGUN_RECORD, record(0), record(1, "u2"))
        await setup.settled()
        return setup.metadata()

    setup, metadata = play(scenario, plan=plan_several("a", "b"))

    assert metadata == ""
    assert sorted(setup.sender.sent) == [b"u1.0-b", b"u2.1-a", b"u2.1-b"]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_record_begun_by_another_version_is_planned_as_a_whole_and_not_told_as_begun(version):
    async def scenario(setup):
        setup.take_over(COMMIT_OF_A_BEGUN_RECORD)
        metadata = setup.metadata()
        setup.submit(record(0))
        await setup.settled()
        return metadata

    setup, metadata = play(scenario, plan=plan_several("a", "b"), version=version)

    assert metadata == ("1:;v1:0.1" if version == "v1" else "")
    assert setup.sender.sent == ([b"u1.0-b"] if version == "v1" else [b"u1.0-a", b"u1.0-b"])


def test_a_record_that_was_planned_anew_is_not_told_as_begun():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: len(setup.sender.sent) == 2)
        await asyncio.sleep(0.1)
        setup.reconfigure(plan_several("c", "a", "b"), version="v2")
        await asyncio.sleep(0.1)
        return setup.metadata()

    _setup, metadata = play(
        scenario, plan=plan_several("a", "b"), sender=ScriptedSender(OK, *[BROKEN] * 9), base_s=100.0
    )

    assert metadata == ""


# Dead letters


def test_a_dead_letter_says_when_and_how_often_it_was_tried():
    async def scenario(setup):
        setup.submit(record(0))
        await setup.settled()

    sender = ScriptedSender(BROKEN, TIMEOUT, REFUSED)
    setup, _ = play(scenario, sender=sender)

    headers = dict(setup.letters.letters[0].headers)
    assert headers["encharge.attempts"] == b"3"
    assert headers["encharge.first_attempt_at"] == b"2026-09-10T00:43:20.000Z"
    assert headers["__connect.errors.exception.message"] == b"HTTP 400 after 3 attempts"
    assert headers["__connect.errors.exception.class.name"] == b"HTTPError"
    assert headers["encharge.destination"] == b"test"
    assert headers["encharge.config_version"] == b"v1"


def test_a_dead_letter_of_trouble_on_the_wire_names_it():
    async def scenario(setup):
        setup.submit(record(0))
        await setup.settled()

    setup, _ = play(scenario, sender=ScriptedSender(*[TIMEOUT] * 99), window_s=0.0)

    headers = dict(setup.letters.letters[0].headers)
    assert headers["__connect.errors.exception.message"] == b"timeout after 1 attempt"
    assert headers["__connect.errors.exception.class.name"] == b"NoReply"
    assert "encharge.http_status" not in headers


def test_a_defect_in_writing_a_dead_letter_leaves_the_lane_in_service():
    class Defective(KeptDeadLetters):
        async def put(self, letter):
            if self.attempts < 3:
                self.attempts += 1
                raise ZeroDivisionError
            await super().put(letter)

    async def scenario(setup):
        setup.submit(record(0), record(1))
        await setup.settled()

    setup, _ = play(scenario, sender=ScriptedSender(REFUSED), letters=Defective())

    assert setup.letters.codes() == ["rejected"]
    assert setup.sender.sent == [b"u1.0", b"u1.1"]


def test_waits_for_the_dead_letter_topic_grow():
    times_s = []

    class Timed(KeptDeadLetters):
        async def put(self, letter):
            times_s.append(asyncio.get_running_loop().time())
            await super().put(letter)

    async def scenario(setup):
        setup.submit(record(0))
        await setup.settled()

    setup, _ = play(scenario, plan=lambda _: (letter_task("internal"),), letters=Timed(failures=4))

    gaps_s = [after - before for before, after in itertools.pairwise(times_s)]
    assert gaps_s == pytest.approx([1.0, 2.0, 4.0, 8.0])
    assert setup.stats.dead_letter_failures == 4


# Draining


def test_a_drained_dispatcher_sends_nothing_any_more():
    async def scenario(setup):
        setup.submit(record(0))
        await setup.dispatcher.drain(8.0)
        setup.submit(record(1), record(2, "u2"))
        setup.dispatcher.go_on()
        await asyncio.sleep(1000.0)

    setup, _ = play(scenario, sender=ScriptedSender(BROKEN))

    assert setup.sender.sent == []


def test_a_drain_ends_the_timers_of_those_that_wait():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: setup.sender.sent)
        await asyncio.sleep(0.5)
        await setup.dispatcher.drain(8.0)
        await asyncio.sleep(10_000.0)

    setup, _ = play(scenario, sender=ScriptedSender(*[BROKEN] * 9), base_s=10.0)

    assert len(setup.sender.sent) == 1


def test_what_is_known_of_encharge_outlives_a_dispatcher():
    async def scenario(setup):
        setup.submit(*(record(offset, f"u{offset}") for offset in range(9)))
        await asyncio.sleep(0.5)
        assert setup.reasons == {Shut.OUTAGE}
        await setup.hand_over(*(record(offset, f"u{offset}") for offset in range(9)))
        before = len(setup.sender.sent)
        await asyncio.sleep(0.4)
        return before, len(setup.sender.sent)

    _setup, (before, after) = play(scenario, sender=ScriptedSender(*[NoReply("connect")] * 99))

    assert before == after


# Counting


def test_everything_is_counted():
    async def scenario(setup):
        setup.submit(record(0, timestamp=int((setup.context.wall_clock() - 2.0) * 1000)))
        await setup.settled()

    setup, _ = play(scenario, sender=ScriptedSender(BROKEN, Reply(429), OK))

    assert setup.stats.attempts == {"transient": 1, "throttled": 1, "delivered": 1}
    assert (setup.stats.retries, setup.stats.received, setup.stats.settled) == (2, 1, 1)
    assert setup.stats.delivered == {("Track Event", "trackEvent"): 1}
    assert setup.stats.delay.total_s == pytest.approx(3.56, abs=0.01)
    assert sum(setup.stats.delay.counts) == 1


def test_after_a_drain_nothing_is_under_way_any_more():
    async def scenario(setup):
        setup.submit(record(0), record(1, "u2"))
        await asyncio.sleep(0.5)
        await setup.dispatcher.drain(1.0)
        return setup.sender.under_way, setup.flow.limiter.in_flight, len(asyncio.all_tasks())

    assert play(scenario, sender=ScriptedSender(latency_s=100.0))[1] == (0, 0, 1)


def test_there_are_no_more_workers_than_people_to_serve():
    async def scenario(setup):
        setup.dispatcher.submit(PLACE, [record(0), record(1), record(2, "u2")])
        await asyncio.sleep(0.01)
        return len(asyncio.all_tasks()) - 1

    assert play(scenario)[1] == 2


def test_a_worker_goes_on_with_others_while_somebody_waits_for_a_retry():
    async def scenario(setup):
        setup.dispatcher.submit(PLACE, [record(0, "u1"), record(1, "u2"), record(2, "u3")])
        await until(lambda: setup.stats.settled == 2, within_s=10.0)

    setup, _ = play(scenario, sender=ScriptedSender(BROKEN), max_in_flight=1, base_s=1000.0, cap_s=1000.0)

    assert setup.sender.sent == [b"u1.0", b"u2.1", b"u3.2"]


def test_a_worker_goes_on_with_others_behind_an_alias_that_is_not_due():
    async def scenario(setup):
        setup.dispatcher.submit(PLACE, [alias(0, "new", "old"), record(1, "u3")])
        await until(lambda: setup.stats.settled == 2, within_s=10.0)

    setup, _ = play(scenario, max_in_flight=1)

    assert len(setup.sender.sent) == 2


def test_in_an_outage_somebody_who_waits_for_a_long_retry_is_the_trial():
    async def scenario(setup):
        setup.dispatcher.submit(PLACE, [record(offset, f"u{offset}") for offset in range(3)])
        await setup.settled()

    sender = ScriptedSender(*[NoReply("connect")] * 5)
    play(scenario, sender=sender, base_s=1000.0, cap_s=1000.0)

    trials_s = [at_s - 1000.0 for at_s in sender.times_s[3:]]
    assert trials_s == pytest.approx([1.0, 3.0, 7.0, 7.0, 7.0], abs=0.2)
    assert sender.sent[3:] == [b"u0.0", b"u1.1", b"u2.2", b"u0.0", b"u1.1"]


def test_while_sending_goes_on_nobody_else_is_woken_from_a_long_retry():
    async def scenario(setup):
        setup.submit(record(0, "u1"))
        await until(lambda: setup.sender.sent)
        await asyncio.sleep(1.0)
        setup.submit(record(1, "u2"))
        setup.dispatcher.wake()
        await asyncio.sleep(10.0)
        setup.dispatcher.wake()
        await asyncio.sleep(10.0)

    setup, _ = play(scenario, sender=ScriptedSender(BROKEN), base_s=1000.0, cap_s=1000.0)

    assert setup.sender.sent == [b"u1.0", b"u2.1"]


def test_a_backlog_of_large_records_that_match_nothing_lets_others_have_their_turn():
    async def scenario():
        planned, turns = [], []
        setup = Setup(plan=lambda each: planned.append(each.offset) or ())
        large = b"x" * (LARGE_BYTES + 1)
        setup.submit(*(record(offset, f"u{offset}", large) for offset in range(50)))
        settled = asyncio.create_task(setup.settled())
        while not settled.done():
            await asyncio.sleep(0)
            turns.append(len(planned))
        return planned, turns

    planned, turns = run(scenario())

    assert sorted(planned) == list(range(50))
    most = max(after - before for before, after in itertools.pairwise([0, *turns]))
    assert most <= 8  # one for each of the workers that are let start
