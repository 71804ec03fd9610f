"""The state machines of delivery in any order of what can happen, each against a naive model of its rules."""

import asyncio
import logging
from collections import Counter, deque

import pytest
import structlog
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connector.delivery import breaker as breaker_rules
from connector.delivery.breaker import Breaker
from connector.delivery.dispatcher import Taken
from connector.delivery.flood_guard import LEAST, FloodGuard, FloodPolicy
from connector.delivery.gate import FIRST_TRIAL_S, LONGEST_TRIAL_PAUSE_S, Gate, Shut
from connector.delivery.lane import Work
from connector.delivery.lanes import Lanes
from connector.delivery.limiter import BURST_S, Limiter, LimiterPolicy
from connector.delivery.offset_map import LONGEST, decode_map, encode_map
from connector.delivery.offsets import OffsetTracker, Run
from connector.delivery.outcome import (
    Delivered,
    NoReply,
    Rejected,
    Reply,
    Throttled,
    Transient,
    Unauthorized,
)
from connector.delivery.retry import GiveUp, RetryIn, RetryPolicy, Settle, next_step
from tests.builders import letter_task, record, request_task
from tests.delivery.setup import PLACE, Setup
from tests.fakes import BROKEN, OK, REFUSED, TIMEOUT, KeptDeadLetters
from tests.fuzz.conftest import SECONDS
from tests.virtual_time import run

fuzz = settings(
    max_examples=100,
    deadline=None,
    database=None,
    derandomize=SECONDS == 0,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)

NEVER = float("inf")
moments = st.sampled_from((0.0, 0.001, 0.01, 0.1, 0.5, 1.0, 2.0, 7.0, 30.0, 61.0, 1000.0))


def steps(*kinds, max_size=50):
    return st.lists(st.one_of(*kinds), max_size=max_size)


def step(name, *values):
    return st.tuples(st.just(name), *values)


# Offsets


def offsets_of(runs):
    return {offset for each in runs for offset in range(each.first, each.last + 1)}


@st.composite
def maps(draw):
    """Give runs above a watermark as a tracker gives them: ascending, with gaps between them."""
    watermark = draw(st.integers(0, 2**62))
    runs, position = [], watermark
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**6)), max_size=15)):
        first = position + gap + bool(runs)
        position = first + length
        runs.append(Run(first, position - 1))
    begun = draw(st.dictionaries(st.integers(0, 10**5), st.integers(1, 100), max_size=15))
    return watermark, runs, {watermark + offset: done for offset, done in begun.items()}


def test_nothing_unsettled_is_ever_committed_whatever_the_order(for_a_while):
    """A partition: offsets with gaps, settled in any order, restarts that know what was written, rewinds."""

    @fuzz
    @given(
        steps(
            step("open", st.integers(1, 4)),
            step("settle", st.integers(0, 50)),
            step("restart", st.integers(0, 80) | st.just(LONGEST)),
            step("rewind", st.integers(0, 50)),
            max_size=60,
        )
    )
    def target(taken):
        log, done = [], set()
        tracker, position = OffsetTracker(), 0
        for name, number in taken:
            before = tracker.watermark
            unsettled = [offset for offset in log[:position] if offset not in done]
            if name == "open":
                if position == len(log):
                    log.append((log[-1] if log else 0) + number)
                offset = log[position]
                position += 1
                assert tracker.open(offset) is (offset not in done)
                assert not tracker.open(offset)
            elif name == "settle" and unsettled:
                offset = unsettled[number % len(unsettled)]
                tracker.settle(offset)
                done.add(offset)
                assert tracker.watermark >= before
            elif name == "restart" and before is not None:
                text = encode_map(before, tracker.completed(), longest=number)
                assert len(text) <= max(number, 0)
                completed = decode_map(before, text).completed
                known = offsets_of(completed) & set(log)
                assert known <= done
                if number == LONGEST:
                    assert known == {offset for offset in done if offset >= before}
                position = sum(offset < before for offset in log)
                done = set(log[:position]) | known
                tracker = OffsetTracker(before, completed)
            elif name == "rewind" and log:
                below = sum(offset < before for offset in log[:position])
                position = number % (below + 1) if below < len(log) else number % len(log)
                done.difference_update(log[position:])
                tracker.rewind(log[position])
            unsettled = [offset for offset in log[:position] if offset not in done]
            assert tracker.open_count == len(unsettled)
            if tracker.watermark is not None:
                assert all(offset in done for offset in log if offset < tracker.watermark)
                told = offsets_of(tracker.completed()) & set(log)
                assert told == {offset for offset in done if offset >= tracker.watermark}
            assert all(tracker.is_settled(offset) is (offset in done) for offset in log[:position])

    for_a_while(target)


def test_any_map_reads_back_as_far_as_it_was_written(for_a_while):
    @fuzz
    @given(maps(), st.integers(0, 300) | st.just(LONGEST), st.from_regex(r"[0-9a-f]{1,64}", fullmatch=True))
    def target(map_, longest, version):
        watermark, runs, begun = map_

        text = encode_map(watermark, runs, begun, version, longest=longest)
        read = decode_map(watermark, text)

        assert len(text) <= longest
        assert read.completed == runs[: len(read.completed)]
        assert read.begun == {offset: begun[offset] for offset in sorted(begun)[: len(read.begun)]}
        assert not read.begun or read.version == version
        again = encode_map(watermark, read.completed, read.begun, read.version)
        assert decode_map(watermark, again) == read

    for_a_while(target)


def test_any_text_is_a_map_above_the_watermark_or_none(for_a_while):
    @fuzz
    @given(
        st.integers(0, 2**62),
        st.text(max_size=60) | st.text("0123456789abcdef.,;:v", max_size=60).map(lambda text: "1:" + text),
    )
    def target(watermark, text):
        found = decode_map(watermark, text)

        end = watermark
        for each in found.completed:
            assert end <= each.first <= each.last
            end = each.last + 1
        assert all(offset >= watermark for offset in found.begun)
        tracker = OffsetTracker(watermark, found.completed)
        assert tracker.watermark == watermark
        assert list(tracker.completed()) == found.completed

    for_a_while(target)


# Lanes


class LanesModel:
    """A queue for each person; a record may stand in two."""

    def __init__(self):
        self.queues = {}
        self.served = []

    def add(self, work, *people):
        for person in people:
            self.queues.setdefault(person, deque()).append(work)

    def may_be_served(self, work):
        return all(queue[0] is work for queue in self.queues.values() if work in queue)

    def settle(self, work):
        assert self.may_be_served(work)
        for person, queue in list(self.queues.items()):
            if queue[0] is work:
                queue.popleft()
            if not queue:
                del self.queues[person]
        self.served.append(work.record.offset)


def test_lanes_serve_every_record_once_and_in_order_for_each_of_its_people(for_a_while):
    people = st.sampled_from("abcd")

    @fuzz
    @given(
        steps(
            step("add", people, st.none() | people),
            step("take"),
            step("settle", st.integers(0, 9)),
            step("wait", st.integers(0, 9), moments),
            step("wake", st.integers(0, 9)),
            step("wake_all", moments),
            step("wake_longest", moments),
        ),
        st.integers(0, 5),
    )
    def target(taken, most):
        lanes, model = Lanes(most), LanesModel()
        full, busy, added = set(), [], 0

        def take():
            lane = lanes.ready.take()
            work = lanes.turn(lane)
            if work is not None:
                assert model.may_be_served(work)
                assert all(other is not work for _, other in busy)
                busy.append((lane, work))

        def settle(number):
            lane, work = busy.pop(number % len(busy))
            left = lanes.settled(lane)
            model.settle(work)
            assert left is (lane.key in model.queues)
            if left:
                lanes.ready.append(lane)

        for name, *values in taken:
            match name, values:
                case "add", (first, second):
                    work = Work(record(added), OffsetTracker())
                    added += 1
                    lanes.add(work, first, second)
                    lanes.admit()
                    model.add(work, *dict.fromkeys(filter(None, (first, second))))
                case "take", _ if lanes.ready:
                    take()
                case "settle", (number,) if busy:
                    settle(number)
                case "wait", (number, told_until_s) if busy:
                    lane, _ = busy.pop(number % len(busy))
                    lane.told_until_s = told_until_s
                    lanes.wait(lane)
                case "wake", (number,) if lanes.waiting:
                    lanes.wake(list(lanes.waiting)[number % len(lanes.waiting)])
                case "wake_all", (now_s,):
                    lanes.wake_all(now_s)
                    assert all(lane.told_until_s > now_s for lane in lanes.waiting)
                case "wake_longest", (now_s,):
                    free = [lane for lane in lanes.waiting if lane.told_until_s <= now_s]
                    lanes.wake_longest(now_s)
                    assert [lane for lane in free if lane in lanes.waiting] == free[1:]
            places = [*lanes.ready, *lanes.waiting, *(lane for lane, _ in busy)]
            places += [lane for lane in lanes if lane.blocked]
            assert sorted(lane.key for lane in places) == sorted(model.queues), "each lane is in one place"
            assert len(lanes) == len(model.queues)
            for person in "abcd":
                count = len(model.queues.get(person, ()))
                if count > most:
                    full.add(person)
                elif count <= most // 2:
                    full.discard(person)
            assert bool(lanes.full) is bool(full)
        while lanes.ready or lanes.waiting or busy:
            lanes.wake_all(NEVER)
            while lanes.ready:
                take()
            if busy:
                settle(0)
        assert sorted(model.served) == list(range(added)), "a record was lost"
        assert not model.queues

    for_a_while(target)


# Limiter


def test_the_limiter_keeps_its_bounds_whatever_encharge_answers(for_a_while):
    """A client that asks before every start never has too much under way and never starts too fast."""
    ends = st.sampled_from(("delivered", "overloaded", "throttled", "told", "cancel"))

    @fuzz
    @given(
        st.integers(1, 60),
        st.none() | st.floats(0.2, 1000),
        steps(
            step("sleep", moments),
            step("start", st.integers(1, 40)),
            step("end", st.integers(1, 40), ends, moments),
            step("share", st.floats(0.05, 1)),
            step("restart"),
            max_size=60,
        ),
    )
    def target(most, ceiling_per_s, taken):
        now_s = 100.0
        limiter = Limiter(LimiterPolicy(most_in_flight=most, ceiling_per_s=ceiling_per_s), now_s)
        under_way, share = 0, 1.0
        since_s, starts = now_s, 0  # since the share is what it is
        for name, *values in taken:
            match name, values:
                case "sleep", (for_s,):
                    now_s += for_s
                case "start", (times,):
                    for _ in range(times):
                        wait_s = limiter.wait_s(now_s)
                        assert wait_s >= 0.0
                        assert (wait_s == NEVER) is (under_way >= limiter.window)
                        if wait_s == NEVER:
                            break
                        now_s += wait_s
                        assert limiter.wait_s(now_s) < 1e-6, "whoever waited as told may start"
                        limiter.start(now_s)
                        under_way += 1
                        starts += 1
                case "end", (times, how, value_s):
                    for _ in range(min(times, under_way)):
                        under_way -= 1
                        match how:
                            case "delivered":
                                limiter.delivered(value_s, now_s)
                            case "overloaded":
                                limiter.overloaded(now_s)
                            case "throttled":
                                limiter.throttled(None, now_s)
                            case "told":
                                limiter.throttled(value_s, now_s)
                            case "cancel":
                                limiter.cancel()
                case "share", (share,):
                    limiter.share(share)
                    since_s, starts = now_s, 0
                case "restart", _:
                    limiter.restart()
            assert limiter.in_flight == under_way
            assert 1 <= limiter.window <= most
            assert limiter.per_s is None or limiter.per_s > 0
            if ceiling_per_s is not None:
                allowed_per_s = ceiling_per_s * share
                assert limiter.per_s <= allowed_per_s
                assert starts <= (now_s - since_s + BURST_S) * allowed_per_s + 1 + 1e-6

    for_a_while(target)


# Breaker and flood guard


def test_the_breaker_tells_outages_as_its_rules_say(for_a_while):
    lanes = st.integers(0, 7)

    @fuzz
    @given(
        steps(
            step("failed", lanes, st.booleans()),
            step("failed", lanes, st.just(False)),
            step("got_through", lanes),
            step("forget", lanes),
            step("sleep", moments),
            step("moved"),
            step("reset"),
            max_size=60,
        )
    )
    def target(taken):
        now_s = through_s = 50.0
        breaker = Breaker(now_s)
        answers, failing, certain = [], set(), 0
        for name, *values in taken:
            match name, values:
                case "sleep", (for_s,):
                    now_s += for_s
                case "got_through", (lane,):
                    breaker.got_through(lane, now_s)
                    answers.append(False)
                    failing.discard(lane)
                    certain, through_s = 0, now_s
                case "forget", (lane,):
                    breaker.forget(lane)
                    failing.discard(lane)
                case "moved", _:
                    breaker.moved()
                    failing.clear()
                case "reset", _:
                    breaker.reset(now_s)
                    answers, failing, certain, through_s = [], set(), 0, now_s
                case "failed", (lane, is_certain):
                    answers.append(True)
                    failing.add(lane)
                    certain = certain + 1 if is_certain else 0
                    last = answers[-breaker_rules.SAMPLE :]
                    almost_all = sum(last) >= breaker_rules.FAILING_SHARE * len(last)
                    many = len(failing) >= breaker_rules.LEAST_LANES
                    quiet = len(failing) >= 2 and now_s - through_s >= breaker_rules.QUIET_S
                    expected = certain >= breaker_rules.LEAST_CERTAIN or (almost_all and (many or quiet))
                    assert breaker.failed(lane, now_s, certain=is_certain) is expected
            assert breaker.failing_lanes == len(failing)

    for_a_while(target)


def test_the_flood_guard_counts_as_its_rules_say(for_a_while):
    @fuzz
    @given(
        st.integers(0, 30),
        st.sampled_from((0.0, 0.2, 0.5, 0.9, 1.0)),
        st.integers(1, 150),
        steps(step("delivered", st.integers(1, 50)), step("buried", st.integers(1, 50)), step("reset")),
    )
    def target(run, share, of, taken):
        guard = FloodGuard(FloodPolicy(run=run, share=share, of=of))
        ended = []
        for name, *values in taken:
            if name == "reset":
                guard.reset()
                ended = []
                continue
            for _ in range(values[0]):
                ended.append(name == "buried")
                if name == "delivered":
                    guard.delivered()
                    continue
                last = ended[-of:]
                in_a_row = len(ended) - 1 - max((i for i, each in enumerate(ended) if not each), default=-1)
                expected = (run > 0 and in_a_row >= run) or (
                    share < 1 and len(last) >= min(LEAST, of) and sum(last) > share * len(last)
                )
                assert guard.buried() is expected
                assert (guard.run, guard.given_up) == (in_a_row, sum(last))

    for_a_while(target)


# Gate


def test_the_gate_is_open_only_without_reasons_and_its_clock_stands_still_meanwhile(for_a_while):
    reasons = st.sampled_from(Shut)

    @fuzz
    @given(
        steps(
            step("sleep", moments),
            step("shut", reasons),
            step("open", reasons),
            step("try_soon"),
            step("begin_trial"),
            step("end_trial", st.booleans()),
            max_size=60,
        )
    )
    def target(taken):
        now_s = fair_s = 10.0
        gate = Gate(now_s)
        shut, on_trial = {}, False
        trial_at_s, pause_s = now_s, FIRST_TRIAL_S
        triable = {Shut.OUTAGE, Shut.CREDENTIALS}
        for name, *values in taken:
            was_shut = bool(shut)
            match name, values:
                case "sleep", (for_s,):
                    now_s += for_s
                    if not shut:
                        fair_s += for_s
                case "shut", (reason,):
                    assert gate.shut(reason, now_s) is (reason not in shut)
                    if reason not in shut and reason in triable:
                        trial_at_s, pause_s = now_s + FIRST_TRIAL_S, FIRST_TRIAL_S
                    shut.setdefault(reason, now_s)
                case "open", (reason,):
                    shut.pop(reason, None)
                    assert gate.open(reason, now_s) is (was_shut and not shut)
                case "try_soon", _:
                    gate.try_soon(now_s)
                    trial_at_s, pause_s = now_s, FIRST_TRIAL_S
                case "begin_trial", _ if shut and gate.trial_in_s(now_s) == 0.0:
                    gate.begin_trial()
                    on_trial = True
                case "end_trial", (got_through,) if on_trial:
                    on_trial = False
                    if got_through:
                        shut = {reason: at_s for reason, at_s in shut.items() if reason not in triable}
                    else:
                        pause_s = min(2 * pause_s, LONGEST_TRIAL_PAUSE_S)
                        trial_at_s = now_s + pause_s
                    assert gate.end_trial(now_s, got_through=got_through) is (was_shut and not shut)
            assert gate.is_open is (not shut)
            assert {reason: closed.since_s for reason, closed in gate.reasons.items()} == shut
            assert abs(gate.fair_s(now_s) - fair_s) < 1e-6
            assert gate.on_trial is on_trial
            if on_trial or shut.keys() - triable:
                assert gate.trial_in_s(now_s) == NEVER
            else:
                assert gate.trial_in_s(now_s) == max(trial_at_s - now_s, 0.0)

    for_a_while(target)


# Retry

asked = st.none() | st.floats(0, 3600)
outcomes = st.one_of(
    st.builds(Delivered, st.just(200)),
    st.builds(Rejected, st.just(400)),
    st.builds(Throttled, st.just(429), asked),
    st.builds(Transient, st.just("500"), st.just(500), asked),
    st.builds(Unauthorized, st.just(401)),
)


def test_every_step_after_an_attempt_keeps_the_rules_of_the_policy(for_a_while):
    @fuzz
    @given(
        st.builds(
            RetryPolicy,
            window_s=st.floats(0, 1e6),
            base_s=st.floats(0.001, 100),
            cap_s=st.floats(0.001, 10_000),
        ),
        outcomes,
        st.integers(1, 10**6),
        st.floats(0, 2e6),
        st.floats(0, 1, exclude_max=True),
        st.floats(0, 1, exclude_max=True),
    )
    def target(policy, outcome, attempt, age_s, roll, other_roll):
        taken = next_step(policy, outcome, attempt=attempt, age_s=age_s, roll=roll)

        match outcome:
            case Delivered():
                assert taken == Settle()
            case Rejected():
                assert taken == GiveUp("rejected")
            case Transient() if age_s >= policy.window_s:
                assert taken == GiveUp("retry_window")
            case _:
                assert isinstance(taken, RetryIn)
                asked_s = getattr(outcome, "retry_after_s", None) or 0.0
                assert asked_s <= taken.delay_s <= max(asked_s, policy.cap_s)
                first = next_step(policy, outcome, attempt=1, age_s=age_s, roll=roll)
                assert taken.delay_s >= first.delay_s
                other = next_step(policy, outcome, attempt=attempt, age_s=age_s, roll=other_roll)
                assert (taken.delay_s <= other.delay_s) or roll > other_roll

    for_a_while(target)


# The dispatcher, with everything that steers it

VERSIONS = {"v1": "abc", "v2": "cad", "v3": "b", "v4": ""}  # names of the mappings, in order
DRAIN_S = 8.0


class World:
    """Encharge, and what really became of every request; knows nothing of how the dispatcher works.

    records   in the order of the partition; `people` of each, two for an alias, none without a key
    ended     mappings of each offset that were delivered or dead-lettered
    """

    def __init__(self, records, people, events, poison, answers, latencies_s, letter_failures):
        self.records, self.people, self.events, self.poison = records, people, events, poison
        self.answers, self.latencies_s = deque(answers), deque(latencies_s)
        self.ended = {each.offset: set() for each in records}
        self.delivered = Counter()
        self.versions = {"v1"}
        self.key_is_good, self.out_until_s = True, 0.0
        self.letters = Letters(self, letter_failures)

    def __repr__(self):
        return "World" + repr(
            (
                self.people,
                self.events,
                self.poison,
                [*self.answers],
                [*self.latencies_s],
                self.letters.failures,
            )
        )

    def plan(self, version):
        def plan_record(each):
            if each.offset in self.poison:
                raise ZeroDivisionError
            planned = [self._tasks(each, version, event) for event in range(self.events[each.offset])]
            return planned[0] if len(planned) == 1 else iter(planned)

        return plan_record

    def _tasks(self, each, version, event):
        return tuple(
            letter_task("invalid_payload", mapping=f"{name}{event}")._replace(event=event)
            if name == "d"
            else request_task(f"{each.offset} {name}{event}".encode(), mapping=f"{name}{event}")._replace(
                event=event
            )
            for name in VERSIONS[version]
        )

    def is_complete(self, offset):
        """Tell whether everything was done that any configuration in force so far wants done."""
        ended = self.ended[offset]
        return "" in ended or any(
            {f"{name}{event}" for name in VERSIONS[version] for event in range(self.events[offset])} <= ended
            for version in self.versions
        )

    def answer(self):
        if asyncio.get_running_loop().time() < self.out_until_s:
            return NoReply("connect")
        if not self.key_is_good:
            return Reply(401)
        return self.answers.popleft() if self.answers else OK


class Worker(Setup):
    """One worker; sends for itself, so that everything sent can be held against its lease, gate and lanes."""

    def __init__(self, world, **options):
        self.world = world
        self.under_way, self.trials, self.probes = [], 0, 0
        super().__init__(self, world.letters, world.plan("v1"), account=self, **options)

    def begin(self, partitions):
        super().begin(partitions)
        self.begun, self.furthest, self.once = set(), {}, set()
        self.drained_s = NEVER  # from when on nothing new may begin

    async def key_works(self):
        self.probes += 1
        await asyncio.sleep(self.world.latencies_s[0] if self.world.latencies_s else 0.1)
        return self.world.key_is_good

    async def send(self, request):
        offset, mapping = request.body.decode().split()
        trial = self.check_start(int(offset), mapping)
        people = self.world.people[int(offset)]
        self.under_way.extend(people)
        self.trials += trial
        try:
            latencies_s = self.world.latencies_s
            await asyncio.sleep(latencies_s.popleft() if latencies_s else 0.02)
            answer = self.world.answer()
        finally:
            self.trials -= trial
            for person in people:
                self.under_way.remove(person)
        if isinstance(answer, Exception):
            raise answer
        if answer is OK:
            self.once.add((int(offset), mapping))
            self.world.ended[int(offset)].add(mapping)
            self.world.delivered[int(offset), mapping] += 1
        return answer

    def check_start(self, offset, mapping):
        """Hold the start of a request against every rule; tell whether it is a trial."""
        world, gate, now_s = self.world, self.flow.gate, self.now_s()
        assert now_s < self.lease_until_s, "sent after the lease had ended"
        assert (offset, mapping) not in self.once, "what was done is done again"
        if now_s >= self.drained_s:
            assert offset in self.begun, "a record was begun while draining"
        self.begun.add(offset)
        for person in world.people[offset]:
            assert person not in self.under_way, "two requests of one person at once"
            assert self.furthest.get(person, 0) <= offset, "a person's records went out of order"
            self.furthest[person] = offset
            earlier = [o for o in range(offset) if person in world.people[o]]
            assert all(world.is_complete(o) for o in earlier), "an earlier record is not settled"
        if gate.is_open:
            return 0
        assert gate.reasons.keys() <= {Shut.OUTAGE, Shut.CREDENTIALS}, (
            "sent while somebody keeps the gate shut"
        )
        assert self.trials == 0, "two trials at once"
        return 1

    def check_commits(self):
        """Give what may be committed, after holding it against what really happened."""
        commit = self.dispatcher.commits().get(PLACE)
        if commit is not None:
            left = decode_map(commit.watermark, commit.metadata)
            for offset in [*range(commit.watermark), *(offsets_of(left.completed) & self.world.ended.keys())]:
                assert self.world.is_complete(offset), "committed before it was settled"
            for offset, count in left.begun.items():
                assert len(self.world.ended[offset]) >= count, "more was told as begun than was done"
        return commit


class Letters(KeptDeadLetters):
    """Dead letters, which end a request as well as a delivery does."""

    def __init__(self, world, failures):
        super().__init__(failures)
        self.world = world

    async def put(self, letter):
        await super().put(letter)
        headers = dict(letter.headers)
        offset = int(headers["__connect.errors.offset"])
        self.world.ended[offset].add(headers.get("encharge.mapping", b"").decode())


people = st.sampled_from("aabbcd")
entries = st.one_of(
    people.map(lambda person: (person,)),
    people.map(lambda person: (person,)),
    st.tuples(people, people),
    st.just(()),
)


@st.composite
def worlds(draw):
    owners = draw(st.lists(entries, min_size=1, max_size=14))
    records = []
    for offset, owner in enumerate(owners):
        value = None
        if len(owner) == 2:
            value = b'{"type":"alias","userId":"%s","previousId":"%s"}' % tuple(map(str.encode, owner))
        records.append(record(offset, owner[0] if owner else None, value or b"{}"))
    count = len(records)
    answers = st.sampled_from(
        (OK, OK, OK, BROKEN, BROKEN, TIMEOUT, REFUSED, Reply(429), Reply(429, "3"), Reply(503, "20"))
    )
    return World(
        records,
        [tuple(dict.fromkeys(owner)) for owner in owners],
        draw(st.lists(st.sampled_from((1, 1, 1, 2, 3)), min_size=count, max_size=count)),
        draw(st.sets(st.integers(0, count - 1), max_size=1)),
        draw(st.lists(answers | st.builds(ZeroDivisionError), max_size=60)),
        draw(st.lists(st.sampled_from((0.0, 0.02, 0.5, 3.0, 12.0)), max_size=40)),
        draw(st.sampled_from((0, 0, 3))),
    )


@pytest.fixture
def silence():
    """Say nothing: the log of ten thousand lives of a worker is of no use."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


async def live(world, taken, options):
    """Let a worker, and those that follow it, live through what happens, then through better times."""
    workers = [Worker(world, **options)]
    submitted, committed = 0, None
    clean = True  # no reason yet why anything should be done twice

    def worker():
        return workers[-1]

    def submit(count):
        nonlocal submitted
        worker().submit(*world.records[submitted : submitted + count])
        submitted = min(submitted + count, len(world.records))

    def take_over(commit):
        if commit is None:
            worker().begin({PLACE: Taken(OffsetTracker())})
            worker().submit(*world.records[:submitted])
        else:
            worker().take_over(commit, *world.records[:submitted])

    async def drain(drain_s):
        one, begun_s = worker(), worker().now_s()
        one.drained_s = begun_s
        await one.dispatcher.drain(drain_s)
        assert one.now_s() <= begun_s + drain_s + 0.01, "the drain took too long"
        assert not one.under_way
        assert one.flow.limiter.in_flight == 0
        return one.check_commits()

    for name, *values in taken:
        one = worker()
        match name, values:
            case "submit", (count,):
                submit(count)
            case "sleep", (for_s,):
                await asyncio.sleep(for_s)
            case "shut", (reason,):
                one.stage.shut(reason)
            case "resume", (reason,):
                one.stage.resume(reason)
            case "reload", (version,):
                world.versions.add(version)
                one.reconfigure(world.plan(version), version=version)
                clean = False
            case "new key", _:
                world.key_is_good = True
                one.reconfigure()
                one.stage.try_soon()
            case "bad key", _:
                world.key_is_good = False
            case "outage", (for_s,):
                world.out_until_s = one.now_s() + for_s
            case "lease", (for_s,):
                one.lease_until_s = one.now_s() + for_s
            case "commit", _:
                committed = one.check_commits()
            case "hand over", (drain_s,):
                committed = await drain(drain_s)
                take_over(committed)
                one.lease_until_s = NEVER
            case "rewind", _:
                committed = await drain(DRAIN_S)
                if committed is None:
                    take_over(None)
                else:
                    left = decode_map(committed.watermark, "1:5.5")
                    one.begin({PLACE: Taken(OffsetTracker(committed.watermark + 1000, left.completed), left)})
                    one.dispatcher.rewind(PLACE, committed.watermark)
                    one.submit(*world.records[committed.watermark : submitted])
                    clean = False
            case "crash", _:  # the old worker goes on, but its lease is over
                one.lease_until_s = one.now_s()
                workers.append(Worker(world, **options))
                world.versions.add("v1")
                take_over(committed)
                clean = False
        one.check_commits()

    # Better times: everything has to be settled now without help.
    one = worker()
    one.lease_until_s, world.key_is_good, world.out_until_s = NEVER, True, 0.0
    submit(len(world.records))
    ends_s = one.now_s() + 100_000.0
    while one.dispatcher.held_records:
        for reason in (Shut.PAUSED, Shut.DISABLED, Shut.FLOOD):
            one.stage.resume(reason)
        await asyncio.sleep(50.0)
        assert one.now_s() < ends_s, "something is stuck"
    commit = one.check_commits()
    assert commit == (len(world.records), ""), "something was lost"
    assert one.flow.limiter.in_flight == 0
    for old in workers[:-1]:
        await old.dispatcher.drain(DRAIN_S)
    return clean


def test_whatever_happens_nothing_is_lost_out_of_order_or_sent_when_it_must_not_be(for_a_while, silence):
    """Random people, plans and answers; pauses, reloads, outages, leases that end, drains, crashes, rewinds."""
    people_reasons = st.sampled_from((Shut.PAUSED, Shut.DISABLED, Shut.FLOOD))

    @fuzz
    @given(
        worlds(),
        steps(
            step("submit", st.integers(1, 6)),
            step("submit", st.integers(1, 6)),
            step("sleep", moments),
            step("sleep", moments),
            step("shut", people_reasons),
            step("resume", people_reasons),
            step("reload", st.sampled_from(sorted(VERSIONS))),
            step("new key"),
            step("bad key"),
            step("outage", moments),
            step("lease", moments),
            step("commit"),
            step("hand over", st.sampled_from((0.0, 0.1, DRAIN_S))),
            step("rewind"),
            step("crash"),
            max_size=25,
        ),
        st.fixed_dictionaries(
            {
                "max_in_flight": st.integers(1, 6),
                "per_s": st.sampled_from((None, None, 1.0, 50.0)),
                "flood": st.sampled_from((FloodPolicy(run=0, share=1), FloodPolicy(run=3, share=1))),
                "most_per_lane": st.integers(1, 4),
                "window_s": st.sampled_from((0.0, 30.0, 3600.0)),
                "cap_s": st.sampled_from((5.0, 300.0)),
            }
        ),
    )
    def target(world, taken, options):
        clean = run(live(world, taken, options))

        assert all(world.is_complete(each.offset) for each in world.records), "something was lost"
        if clean:
            assert not [what for what, times in world.delivered.items() if times > 1], (
                "something was sent twice"
            )

    for_a_while(target)
