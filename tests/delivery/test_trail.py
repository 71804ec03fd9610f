"""What a trail is told of a record's life, and that it changes nothing."""

import asyncio

import pytest

from connector.delivery.dead_letter import Reason
from connector.delivery.trail import IngestTrails, Trails
from tests.builders import letter_task, plan_one_request, record, request_task
from tests.delivery.setup import plan_several, play, until
from tests.fakes import BROKEN, OK, REFUSED, TIMEOUT, KeptDeadLetters, ScriptedSender


class Told:
    """A trail that notes what it is told, of each record by its offset."""

    def __init__(self, wants=lambda record: True):
        self.wants = wants
        self.of = {}

    def taken(self, record):
        if not self.wants(record):
            return None
        steps = self.of[record.offset] = ToldSteps()
        return steps

    def names(self, offset=0):
        return [name for name, *_ in self.of[offset].steps]


class ToldSteps:
    def __init__(self):
        self.steps = []

    def plans(self):
        self.steps.append(("plans",))

    def planned(self, tasks):
        self.steps.append(("planned", None if tasks is None else len(tasks)))

    def begins(self, task, attempt):
        self.steps.append(("begins", task.mapping, attempt))

    def ended(self, task, attempt, outcome):
        self.steps.append(("ended", task.mapping, attempt, outcome.code))

    def waits(self, task, attempt, delay_s):
        self.steps.append(("waits", task.mapping, attempt, delay_s))

    def dead_lettered(self, reason):
        self.steps.append(("dead_lettered", reason.mapping, reason.attempts, reason.code))

    def settled(self, finished):
        self.steps.append(("settled", finished))

    def left(self):
        self.steps.append(("left",))


def followed(scenario, trail, **options):
    async def with_trail(setup):
        setup.context.trail = trail
        return await scenario(setup)

    return play(with_trail, **options)


def settle(*records):
    async def scenario(setup):
        setup.submit(*records)
        await setup.settled()

    return scenario


def test_a_record_is_told_of_from_its_plan_to_its_end():
    trail = Told()

    followed(settle(record(0)), trail, sender=ScriptedSender(BROKEN, OK))

    assert trail.of[0].steps == [
        ("plans",),
        ("planned", 1),
        ("begins", "Track Event", 1),
        ("ended", "Track Event", 1, "transient"),
        ("waits", "Track Event", 1, 0.5),
        ("begins", "Track Event", 2),
        ("ended", "Track Event", 2, "delivered"),
        ("settled", 1),
    ]


def test_a_record_that_no_mapping_matched_is_planned_with_nothing_and_settled_with_nothing():
    trail = Told()

    followed(settle(record(0)), trail, plan=lambda record: ())

    assert trail.of[0].steps == [("plans",), ("planned", 0), ("settled", 0)]


def test_each_request_of_a_record_is_told_of_in_turn():
    trail = Told()

    followed(settle(record(0)), trail, plan=plan_several("one", "two"))

    assert trail.of[0].steps[2:] == [
        ("begins", "one", 1),
        ("ended", "one", 1, "delivered"),
        ("begins", "two", 1),
        ("ended", "two", 1, "delivered"),
        ("settled", 2),
    ]


def test_how_much_an_envelope_holds_is_not_known_when_it_is_planned():
    trail = Told()

    followed(
        settle(record(0)), trail, plan=lambda record: iter([(request_task(b"a"),), (request_task(b"b"),)])
    )

    assert trail.of[0].steps[1] == ("planned", None)
    assert trail.of[0].steps[-1] == ("settled", 2)


def test_a_refused_request_is_told_of_as_dead_letter_after_its_attempt():
    trail = Told()

    followed(settle(record(0)), trail, sender=ScriptedSender(REFUSED))

    assert trail.of[0].steps[2:] == [
        ("begins", "Track Event", 1),
        ("ended", "Track Event", 1, "rejected"),
        ("dead_lettered", "Track Event", 1, "rejected"),
        ("settled", 1),
    ]


def test_what_cannot_be_planned_is_a_dead_letter_without_an_attempt():
    def plan(record):
        raise RuntimeError("a defect")

    trail = Told()

    followed(settle(record(0)), trail, plan=plan)

    assert trail.of[0].steps == [
        ("plans",),
        ("planned", 1),
        ("dead_lettered", "", 0, "internal"),
        ("settled", 1),
    ]


def test_a_dead_letter_is_told_of_once_it_is_written():
    trail = Told()

    followed(
        settle(record(0)),
        trail,
        plan=lambda record: (letter_task("invalid_payload"),),
        letters=KeptDeadLetters(failures=1),
    )

    assert trail.names() == ["plans", "planned", "waits", "dead_lettered", "settled"]


def test_what_is_planned_by_another_configuration_is_told_of_again():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: trail.names()[-1:] == ["waits"])
        setup.reconfigure(plan_several("new"), version="v2")
        await setup.settled()

    trail = Told()

    followed(scenario, trail, sender=ScriptedSender(BROKEN))

    assert [step for step in trail.of[0].steps if step[0] in ("planned", "begins")] == [
        ("planned", 1),
        ("begins", "Track Event", 1),
        ("planned", 1),
        ("begins", "new", 1),
    ]


def test_what_is_not_settled_when_the_assignment_ends_is_left_once():
    async def scenario(setup):
        setup.submit(record(0), record(1), record(2, "u2"))
        await until(lambda: trail.names()[-1:] == ["waits"])
        await setup.dispatcher.drain(8.0)
        await setup.dispatcher.drain(8.0)

    trail = Told()

    followed(scenario, trail, sender=ScriptedSender(by_body={b"u1.0": [BROKEN] * 9}))

    assert trail.names(0)[-2:] == ["waits", "left"]
    assert trail.names(1) == ["left"]
    assert trail.names(2)[-1] == "settled"


def test_an_alias_that_stands_in_two_lanes_is_left_once():
    async def scenario(setup):
        alias = b'{"type":"alias","userId":"u1","previousId":"u2"}'
        setup.submit(record(0), record(1, "u1", alias))
        await until(lambda: trail.names()[-1:] == ["waits"])
        await setup.dispatcher.drain(8.0)

    trail = Told()

    followed(scenario, trail, sender=ScriptedSender(BROKEN))

    assert trail.names(1) == ["left"]


def test_an_attempt_that_the_end_of_the_assignment_cuts_off_has_no_outcome():
    async def scenario(setup):
        setup.submit(record(0))
        await until(lambda: trail.names()[-1:] == ["begins"])
        await setup.dispatcher.drain(1.0)

    trail = Told()

    followed(scenario, trail, sender=ScriptedSender(latency_s=60))

    assert trail.names() == ["plans", "planned", "begins", "left"]


def test_a_record_that_nobody_follows_is_delivered_like_the_others():
    trail = Told(wants=lambda record: record.offset == 1)

    setup, _ = followed(settle(record(0), record(1)), trail)

    assert setup.sender.sent == [b"u1.0", b"u1.1"]
    assert list(trail.of) == [1]


def test_without_a_trail_no_record_has_steps():
    async def scenario(setup):
        setup.submit(record(0), record(1))
        return [work.steps for lane in setup.dispatcher._lanes for work in lane.works]

    _, steps = play(scenario)

    assert steps == [None, None]


@pytest.mark.parametrize("trail", [None, Told(), Trails([Told(), Told()])], ids=["none", "one", "two"])
def test_a_trail_changes_nothing_of_what_is_delivered(trail):
    def plan(each):
        if each.offset == 2:
            raise RuntimeError("a defect")
        return () if each.offset == 3 else plan_one_request(each)

    async def scenario(setup):
        setup.context.trail = trail
        setup.submit(*(record(offset) for offset in range(6)))
        await setup.settled()
        return asyncio.get_running_loop().time()

    sender = ScriptedSender(by_body={b"u1.0": [BROKEN, TIMEOUT], b"u1.4": [REFUSED]})
    setup, at_s = play(scenario, sender=sender, plan=plan)

    assert setup.sender.sent == [b"u1.0", b"u1.0", b"u1.0", b"u1.1", b"u1.4", b"u1.5"]
    assert setup.letters.codes() == ["internal", "rejected"]
    assert setup.watermark() == 6
    assert round(at_s, 2) == 1001.62  # a trail takes no time: two waits, six attempts of 20 ms


def test_several_trails_are_told_the_same():
    first, second, third = Told(), Told(), Told(wants=lambda record: False)

    followed(settle(record(0)), Trails([first, third, second]), sender=ScriptedSender(REFUSED))

    assert first.of[0].steps == second.of[0].steps
    assert first.names()[-1] == "settled"


def test_of_several_trails_that_want_nothing_none_is_told():
    trails = Trails([Told(wants=lambda record: False)] * 2)

    assert trails.taken(record(0)) is None


class ToldBatches:
    def __init__(self, header=None):
        self.header, self.steps = header, []

    def begin(self, records):
        return self if self.header else None

    def headers(self, record):
        return [self.header]

    def forwarded(self, record, events):
        self.steps.append(("forwarded", record.offset, events))

    def dead_lettered(self, record, reason):
        self.steps.append(("dead_lettered", record.offset, reason.code))

    def repeats(self, trouble):
        self.steps.append(("repeats", trouble))

    def ended(self):
        self.steps.append(("ended",))


def test_several_trails_of_the_ingest_stage_are_told_the_same_and_all_add_their_headers():
    first, second, third = ToldBatches(("a", b"1")), ToldBatches(("b", b"2")), ToldBatches()
    batch = IngestTrails([first, third, second]).begin([record(0)])

    headers = batch.headers(record(0))
    batch.repeats("KafkaError")
    batch.forwarded(record(0), 2)
    batch.dead_lettered(record(1), Reason("unreadable_empty", "is empty"))
    batch.ended()

    assert headers == [("a", b"1"), ("b", b"2")]
    assert (
        first.steps
        == second.steps
        == [
            ("repeats", "KafkaError"),
            ("forwarded", 0, 2),
            ("dead_lettered", 1, "unreadable_empty"),
            ("ended",),
        ]
    )
    assert IngestTrails([third, third]).begin([record(0)]) is None
