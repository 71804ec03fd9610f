"""A dispatcher with fakes at all its ports, for scenarios in virtual time."""

import asyncio

from connector.delivery.context import Configuration, Context
from connector.delivery.dispatcher import Dispatcher, Taken
from connector.delivery.flood_guard import FloodPolicy
from connector.delivery.flow import Flow, FlowPolicy
from connector.delivery.gate import Shut
from connector.delivery.limiter import LimiterPolicy
from connector.delivery.offset_map import decode_map
from connector.delivery.offsets import OffsetTracker
from connector.delivery.response_rules import read_rules
from connector.delivery.retry import RetryPolicy
from connector.delivery.stats import DeliveryStats
from connector.edges.deliver_stage import DeliverStage
from tests.builders import Place, plan_one_request, request_task
from tests.fakes import FixedDice, KeptDeadLetters, ScriptedAccount, ScriptedSender
from tests.virtual_time import run

PLACE = Place()
WALL_S = 1_789_000_000.0  # wall-clock time minus the loop's
NO_FLOOD = FloodPolicy(run=0, share=1)


class Setup:
    """A deliver stage and its dispatcher; to be made in a running loop."""

    def __init__(
        self,
        sender=None,
        letters=None,
        plan=plan_one_request,
        *,
        account=None,
        max_in_flight=8,
        per_s=None,
        places=(PLACE,),
        most_per_lane=1000,
        flood=NO_FLOOD,
        rules=None,
        version="v1",
        dice=None,
        **policy,
    ):
        loop = asyncio.get_running_loop()
        self.now_s = loop.time
        self.sender = sender or ScriptedSender()
        self.letters = letters or KeptDeadLetters()
        self.account = account or ScriptedAccount()
        self.stats = DeliveryStats()
        self.flow = Flow(
            FlowPolicy(
                limiter=LimiterPolicy(most_in_flight=max_in_flight, ceiling_per_s=per_s),
                flood=flood,
            ),
            loop.time(),
        )
        self.context = Context(
            configuration=Configuration("test", version, plan, read_rules(rules)),
            sender=self.sender,
            account=self.account,
            dead_letters=self.letters,
            dice=dice or FixedDice(),
            clock=loop.time,
            wall_clock=lambda: loop.time() + WALL_S,
            policy=RetryPolicy(**policy),
            flow=self.flow,
            most_in_flight=max_in_flight,
            most_per_lane=most_per_lane,
            stats=self.stats,
        )
        self.stage = DeliverStage(self.context)
        self.lease_until_s = float("inf")
        self.begin({place: Taken(OffsetTracker()) for place in places})

    def begin(self, partitions):
        """Begin an assignment."""
        self.stage.dispatcher = Dispatcher(self.context, partitions, lambda: self.lease_until_s)

    @property
    def dispatcher(self):
        return self.stage.dispatcher

    def submit(self, *records):
        for each in records:
            self.dispatcher.submit(Place(each.topic, each.partition), [each])

    async def settled(self):
        """Wait until everything submitted is settled."""
        await self.dispatcher.room(1, 1)

    async def hand_over(self, *records, drain_s=8.0):
        """Drain, commit, and begin a new assignment of one partition that reads these records again."""
        await self.dispatcher.drain(drain_s)
        commit = self.dispatcher.commits()[PLACE]
        self.take_over(commit, *records)
        return commit

    def take_over(self, commit, *records):
        """Begin an assignment from a commit."""
        left = decode_map(commit.watermark, commit.metadata)
        self.begin({PLACE: Taken(OffsetTracker(commit.watermark, left.completed), left)})
        self.submit(*(each for each in records if each.offset >= commit.watermark))

    def reconfigure(self, plan=None, *, version=None, rules=None, **more):
        """Put another configuration in force."""
        old = self.context.configuration
        self.stage.reconfigure(
            old._replace(
                plan_record=plan or old.plan_record,
                version=version or old.version,
                rules=old.rules if rules is None else read_rules(rules),
                generation=old.generation + 1,
                **more,
            )
        )

    @property
    def reasons(self):
        """Why the gate is shut."""
        return set(self.flow.gate.reasons)

    def watermark(self, place=PLACE):
        commit = self.dispatcher.commits().get(place)
        return None if commit is None else commit.watermark

    def metadata(self, place=PLACE):
        return self.dispatcher.commits()[place].metadata

    def sent_at(self, body):
        """When this body was sent, in seconds of the loop."""
        return [
            at_s for sent, at_s in zip(self.sender.sent, self.sender.times_s, strict=True) if sent == body
        ]


async def until(check, within_s=100_000.0):
    """Let virtual time pass until something holds."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + within_s
    while not check():
        assert loop.time() < end_s, "did not come true"
        await asyncio.sleep(0.01)


def play(scenario, **options):
    """Play a scenario, a coroutine function of a Setup, in virtual time; give the Setup and what it gave."""

    async def played():
        setup = Setup(**options)
        return setup, await scenario(setup)

    return run(played())


def plan_several(*names):
    """Make a plan of one request for each name, which is mapping and end of the body."""

    def plan(each):
        return tuple(request_task(each.value + b"-" + name.encode(), mapping=name) for name in names)

    return plan


__all__ = ["NO_FLOOD", "PLACE", "WALL_S", "Setup", "Shut", "plan_several", "play", "until"]
