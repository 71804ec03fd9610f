"""Builds a process that executes a replay plan, as connector/wiring.py builds a worker.

Any number of processes, on any machines, may execute the same plan: they are members of one consumer group,
and the group's commits say how far they are together. A process ends by itself when all of it is done.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

import orjson
import structlog
from aiokafka.errors import KafkaError

from connector.core.event import Event
from connector.delivery.context import Context
from connector.delivery.flood_guard import FloodPolicy
from connector.delivery.flow import Flow, FlowPolicy
from connector.delivery.limiter import LimiterPolicy
from connector.delivery.replay import ReplayPlan, passed
from connector.delivery.retry import RetryPolicy
from connector.delivery.selection import Selection
from connector.delivery.stats import DeliveryStats, IngestStats
from connector.edges import faust_app
from connector.edges.batch_reader import BatchReader, ReaderLimits
from connector.edges.clocks import SystemDice, monotonic_clock, wall_clock
from connector.edges.control_topic import ControlReader
from connector.edges.dead_letter_topic import DeadLetterTopic
from connector.edges.deliverable import read_deliverable
from connector.edges.encharge_account import EnchargeAccount
from connector.edges.heartbeat import new_instance
from connector.edges.kafka import connection
from connector.edges.lag import LagReader
from connector.edges.producer import Producer, start_producer
from connector.edges.replay.checks import check_topic
from connector.edges.replay.planning import choice_of
from connector.edges.replay.reingest import ReingestStage
from connector.edges.replay.stage import ReplayStage
from connector.edges.replay.state import (
    Done,
    Known,
    begin_group,
    done_by_all,
    group_of,
    instances_in,
    key_of,
    known_of,
    positions,
    tell_known,
)
from connector.edges.senders import make_sender
from connector.edges.steering import Steering
from connector.edges.suppression import DELETED_PREFIX, Suppressions
from connector.edges.trails import Followers
from connector.errors import OperationalError
from connector.running import or_stop, stop_on_signals
from connector.settings import Settings

LOOK_S: Final = 1.0  # between two looks at the group's commits
TELL_S: Final = 5.0  # between two records on the control topic
# What was sent since the last commit is sent again after a crash; commits cost little at a rate.
LONGEST_COMMIT_S: Final = 0.25
OTHERS_S: Final = 8.0  # that the report waits for what others did

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a plan is executed. rate: requests a second, over all processes; in_flight: of this process."""

    rate: float
    in_flight: int
    as_planned: bool
    by: str


class Progress(NamedTuple):
    """How far a replay is: offsets of all processes, what this one did, and why it waits if it does."""

    done: int
    of: int
    ours: Done
    waits: tuple[str, ...]

    @property
    def note(self) -> str:
        """Say in words what is not a number of offsets."""
        done = f"{self.ours.forwarded} written" if self.ours.forwarded else f"{self.ours.sent.total()} sent"
        return f"{done}; waits: {', '.join(self.waits)}" if self.waits else done


class Ending(NamedTuple):
    """What a process came to; `everybody` is what all of them did, as far as they told."""

    state: Literal["done", "cancelled", "stopped"]
    ours: Done
    everybody: Done
    duration_s: float


async def replay(
    settings: Settings,
    plan: ReplayPlan,
    options: Options,
    on_progress: Callable[[Progress], None],
    environment: Mapping[str, str] = os.environ,
) -> Ending:
    """Execute a plan until all of it is done, somebody cancels it, or a signal ends this process.

    Raises: ConfigurationError, OperationalError
    """
    return await ReplayProcess(settings, plan, options, on_progress, environment).run(stop_on_signals())


class ReplayProcess:
    """One process that executes a plan."""

    def __init__(
        self,
        settings: Settings,
        plan: ReplayPlan,
        options: Options,
        on_progress: Callable[[Progress], None],
        environment: Mapping[str, str],
    ) -> None:
        self._settings, self._plan, self._options = settings, plan, options
        self._on_progress, self._environment = on_progress, environment
        self._app = faust_app.make_app(broker=settings.kafka_bootstrap_servers)
        self._control = ControlReader(settings, self._on_control)
        self._suppressions: Suppressions | None = None
        self._instance = new_instance()
        self._told_s = 0.0

    async def run(self, stop: asyncio.Event) -> Ending:
        """Work until the end."""
        settings, plan = self._settings, self._plan
        begun_s = monotonic_clock()
        followers = Followers(settings, instance=self._instance)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(followers.stop)
            lag = await stack.enter_async_context(LagReader(settings))
            await self._begin(lag)
            producer = await or_stop(start_producer(settings), stop)
            if producer is None:
                return Ending("stopped", Done(), Done(), 0.0)
            stack.push_async_callback(producer.stop)
            following = asyncio.create_task(self._control.follow())
            stack.callback(following.cancel)
            if plan.from_source:
                stage: ReplayStage | ReingestStage = self._reingest_stage(producer, followers)
            else:
                stage = await self._deliver_stage(stack, producer, stop, followers)
            reader = self._reader(stage)
            await faust_app.start(self._app, [reader])
            stack.push_async_callback(faust_app.stop, self._app)
            try:
                state = await self._watch(lag, stage, producer, stop)
            finally:
                await reader.close()
                await self._tell(producer, stage, ended=True)
            if state == "done":
                known = known_of(plan.id, self._control.values.get(key_of(plan.id)))
                if known is not None:
                    await tell_known(settings, replace(known, state="done", at=wall_clock()))
                await self._await_others()
            everybody = done_by_all({**self._control.values, **self._own(stage)}, plan.id)
            return Ending(state, stage.done(), everybody, monotonic_clock() - begun_s)

    async def _begin(self, lag: LagReader) -> None:
        """Begin where others stopped, or at the starts of the ranges; say so on the control topic."""
        settings, plan, options = self._settings, self._plan, self._options
        lags = await lag.read(plan.topic, group_of(settings, plan.id))
        fresh = {each.partition for each in lags if each.committed is None} & plan.ranges.keys()
        if fresh and not await begin_group(settings, plan, fresh):
            log.info("somebody else has begun this replay", replay=plan.id)
        await self._control.read_to_end()
        known = known_of(plan.id, self._control.values.get(key_of(plan.id)))
        now = wall_clock()
        if known is None:
            known = Known.of(plan, at=now, by=options.by, rate=options.rate)
        await tell_known(settings, replace(known, state="running", at=now, rate=options.rate))
        await self._control.read_to_end()  # so that what is followed begins behind an earlier cancellation

    def _selection(self) -> Selection:
        plan, largest = self._plan, self._settings.max_record_bytes
        return Selection(plan.ranges, choice_of(plan.filters), self._covers, largest_record=largest)

    def _reingest_stage(self, producer: Producer, followers: Followers) -> ReingestStage:
        settings = self._settings
        return ReingestStage(
            self._plan,
            self._selection(),
            self._options.rate,
            monotonic_clock,
            producer=producer,
            dead_letters=DeadLetterTopic(producer, settings.dead_letter_topic),
            topic=settings.by_user_topic,
            unidentified=settings.unidentified,
            largest_record=settings.max_record_bytes,
            stats=IngestStats(),
            trail=followers.ingest(group_of(settings, self._plan.id), settings.by_user_topic),
        )

    async def _deliver_stage(
        self, stack: AsyncExitStack, producer: Producer, stop: asyncio.Event, followers: Followers
    ) -> ReplayStage:
        settings, plan, options = self._settings, self._plan, self._options
        deliverable = read_deliverable(settings)
        sender = make_sender(settings, deliverable.endpoints)
        stack.push_async_callback(sender.close)
        account = EnchargeAccount(deliverable.endpoints, timeout_s=settings.request_timeout)
        policy = FlowPolicy(
            limiter=LimiterPolicy(most_in_flight=options.in_flight, ceiling_per_s=options.rate),
            flood=FloodPolicy(run=settings.flood_run, share=settings.flood_share),
        )
        context = Context(
            configuration=deliverable.configuration(largest_record=settings.max_record_bytes, generation=0),
            sender=sender,
            account=account,
            dead_letters=DeadLetterTopic(producer, settings.dead_letter_topic),
            dice=SystemDice(),
            clock=monotonic_clock,
            wall_clock=wall_clock,
            policy=RetryPolicy(window_s=settings.retry_window),
            flow=Flow(policy, monotonic_clock()),
            most_in_flight=options.in_flight,
            most_per_lane=settings.max_lane_records,
            stats=DeliveryStats(),
            trail=followers.deliver(group_of(settings, plan.id)),
        )
        version = plan.config_version if options.as_planned else None
        stage = ReplayStage(context, plan, self._selection(), version=version)
        steering = Steering(settings, self._environment, deliverable, stage, account)
        await or_stop(steering.start(), stop)  # told to stop, the reader reads nothing
        stack.push_async_callback(steering.stop)
        return stage

    def _reader(self, stage: ReplayStage | ReingestStage) -> BatchReader:
        settings, channel = self._settings, faust_app.make_channel(self._app)
        reader = BatchReader(
            topic=self._plan.topic,
            group=group_of(settings, self._plan.id),
            stage=stage,
            channel=channel,
            limits=ReaderLimits(
                records=settings.max_buffered_records,
                bytes=settings.max_buffered_bytes,
                drain_s=settings.drain_timeout,
                commit_every_s=min(settings.commit_interval, LONGEST_COMMIT_S),
                session_s=settings.session_timeout,
                poll_s=settings.max_poll_interval,
            ),
            connection=connection(settings, "replay"),
        )
        faust_app.add_agent(self._app, "replay", channel, reader)
        return reader

    # Deletions

    def _on_control(self, key: str, _value: Any) -> None:
        if key.startswith(DELETED_PREFIX):
            self._suppressions = None

    def _covers(self, event: Event, at: float) -> bool:
        if self._suppressions is None:
            self._suppressions = Suppressions(self._plan.destination, self._control.values)
        return self._suppressions.covers(event, at)

    # On the way

    async def _watch(
        self, lag: LagReader, stage: ReplayStage | ReingestStage, producer: Producer, stop: asyncio.Event
    ) -> Literal["done", "cancelled", "stopped"]:
        plan, key = self._plan, key_of(self._plan.id)
        while not stop.is_set():
            if self._app.crash_reason is not None:
                raise self._app.crash_reason
            if stage.broken:
                raise OperationalError(stage.broken)
            known = known_of(plan.id, self._control.values.get(key))
            if known is not None and known.state == "cancelled":
                return "cancelled"
            try:
                lags = await lag.read(plan.topic, group_of(self._settings, plan.id))
            except OperationalError as error:
                log.warning("how far the replay is cannot be seen, will repeat", error=str(error))
            else:
                check_topic(plan, lags)
                done = passed(plan.ranges, positions(plan.ranges, lags))
                self._on_progress(Progress(done, plan.records, stage.done(), stage.waits))
                if done == plan.records:
                    return "done"
            await self._tell(producer, stage)
            await or_stop(asyncio.sleep(LOOK_S), stop)
        return "stopped"

    def _own(self, stage: ReplayStage | ReingestStage, *, ended: bool = True) -> dict[str, Any]:
        value = {"at": wall_clock(), "ended": ended, **stage.done().as_json()}
        return {key_of(self._plan.id, self._instance): value}

    async def _tell(
        self, producer: Producer, stage: ReplayStage | ReingestStage, *, ended: bool = False
    ) -> None:
        """Tell what this process did, every few seconds and at its end; a failure is told and repeated."""
        now_s = monotonic_clock()
        if not ended and now_s - self._told_s < TELL_S:
            return
        self._told_s = now_s
        [(key, value)] = self._own(stage, ended=ended).items()
        try:
            async with asyncio.timeout(TELL_S):
                await producer.send_and_wait(
                    self._settings.control_topic, orjson.dumps(value), key=key.encode(), headers=()
                )
        except (KafkaError, TimeoutError) as error:
            log.warning("progress could not be told", error=type(error).__name__)

    async def _await_others(self) -> None:
        """Wait a little until others have told what they did."""
        deadline_s = monotonic_clock() + OTHERS_S
        while monotonic_clock() < deadline_s:
            others = instances_in(self._control.values, self._plan.id)
            others.pop(self._instance, None)
            recent = wall_clock() - 2 * TELL_S
            if all(each.get("ended") or not each.get("at", 0) > recent for each in others.values()):
                return
            await asyncio.sleep(0.1)
