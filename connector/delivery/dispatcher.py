"""The loop that delivers: lanes by person, a pool of workers, every record settled once.

One dispatcher lives as long as one assignment of partitions. Nothing of an older assignment can reach
a younger one, because a new assignment begins with a new dispatcher.

    submit -> lane -> worker: plan, send, decide -> settled -> watermark
                 ^                           |
                 +------- timer (retry) <----+
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from connector.delivery.codes import INTERNAL
from connector.delivery.dead_letter import Reason, make_dead_letter
from connector.delivery.encharge_error import parse_error
from connector.delivery.lane import Lane, Work
from connector.delivery.offset_map import encode_map
from connector.delivery.offsets import OffsetTracker
from connector.delivery.outcome import Delivered, NoReply, Outcome, Rejected, Throttled, Transient, classify
from connector.delivery.planner import PlanRecord, Task
from connector.delivery.ports import DeadLetterSink, Dice, Sender
from connector.delivery.record import Partition, Record
from connector.delivery.retry import GiveUp, RetryIn, RetryPolicy, Settle, backoff_s, next_step
from connector.delivery.stats import DeliveryStats
from connector.errors import OperationalError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Commit:
    """What to commit for one partition."""

    watermark: int
    metadata: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What all dispatchers of a worker share."""

    sender: Sender
    dead_letters: DeadLetterSink
    dice: Dice
    wall_clock: Callable[[], float]
    policy: RetryPolicy
    max_in_flight: int
    destination: str
    config_version: str
    stats: DeliveryStats


class Dispatcher:
    """Delivers the records of one assignment."""

    def __init__(
        self, context: Context, plan_record: PlanRecord, trackers: Mapping[Partition, OffsetTracker]
    ) -> None:
        self._context = context
        self._plan_record = plan_record
        self._trackers = dict(trackers)
        self._lanes: dict[object, Lane] = {}
        self._ready: deque[Lane] = deque()
        self._idle: list[asyncio.Future[None]] = []
        self._workers: set[asyncio.Task[None]] = set()
        self._draining = False
        self._room: asyncio.Future[None] | None = None
        self._room_below = 0, 0
        self.held_records = 0
        self.held_bytes = 0

    # Intake

    def submit(self, partition: Partition, records: Iterable[Record]) -> None:
        """Take records of one partition, in order; those settled before are passed over."""
        tracker, lanes, stats = self._trackers[partition], self._lanes, self._context.stats
        for record in records:
            stats.received += 1
            if not tracker.open(record.offset):
                stats.repeated += 1
                continue
            # A record without a key is in nobody's order.
            key = record.key if record.key is not None else (record.partition, record.offset)
            lane = lanes.get(key)
            if lane is None:
                lane = lanes[key] = Lane(key)
                self._make_ready(lane)
            lane.works.append(Work(record, tracker))
            self.held_records += 1
            self.held_bytes += len(record.value or b"")

    async def room(self, below_records: int, below_bytes: int) -> None:
        """Wait until less than this is held."""
        while self.held_records >= below_records or self.held_bytes >= below_bytes:
            self._room = asyncio.get_running_loop().create_future()
            self._room_below = below_records, below_bytes
            await self._room

    def commits(self) -> dict[Partition, Commit]:
        """Give what may be committed now, for every partition of which anything was seen."""
        found = {}
        for partition, tracker in self._trackers.items():
            watermark = tracker.watermark
            if watermark is not None:
                found[partition] = Commit(watermark, encode_map(watermark, tracker.completed()))
        return found

    async def drain(self, deadline_s: float) -> None:
        """Start nothing more, finish what is under way, cancel what is not finished by the deadline.

        Records of which some requests were delivered are finished, too, unless one has to wait.
        """
        self._draining = True
        for lane in self._lanes.values():
            if lane.timer is not None:
                lane.timer.cancel()
        self._wake_all()
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=deadline_s)
            for task in late:
                task.cancel()
            if late:
                log.warning("drain deadline passed", unfinished=len(late), deadline_s=deadline_s)
                await asyncio.wait(late)

    # Workers

    def _make_ready(self, lane: Lane) -> None:
        lane.timer = None
        self._ready.append(lane)
        if self._idle:
            waiter = self._idle.pop()  # the one that was busy last
            if not waiter.done():
                waiter.set_result(None)
        elif len(self._workers) < self._context.max_in_flight and not self._draining:
            task = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(task)
            task.add_done_callback(self._workers.discard)

    def _wake_all(self) -> None:
        for waiter in self._idle:
            if not waiter.done():
                waiter.set_result(None)
        self._idle.clear()

    async def _work(self) -> None:
        while not self._draining:
            if self._ready:
                lane = self._ready.popleft()
                try:
                    await self._serve(lane)
                except Exception:  # the outermost guard: no defect of ours may leave a lane unserved
                    log.exception("lane failed, will go on", **_position(lane.works[0].record))
                    self._park(lane, self._context.policy.base_s)
            else:
                waiter = asyncio.get_running_loop().create_future()
                self._idle.append(waiter)
                await waiter

    def _park(self, lane: Lane, delay_s: float) -> None:
        if not self._draining:
            lane.timer = asyncio.get_running_loop().call_later(delay_s, self._make_ready, lane)

    async def _serve(self, lane: Lane) -> None:
        """Work through a lane until it is empty or has to wait."""
        works = lane.works
        while works:
            work = works[0]
            if self._draining and not work.started:
                return
            delay_s = await self._advance(work)
            if delay_s is not None:
                self._park(lane, delay_s)
                return
            works.popleft()
            self._settle(work)
        del self._lanes[lane.key]

    def _settle(self, work: Work) -> None:
        work.tracker.settle(work.record.offset)
        self._context.stats.settled += 1
        self.held_records -= 1
        self.held_bytes -= len(work.record.value or b"")
        if self._room is not None:
            self._tell_room(self._room)

    def _tell_room(self, waiter: asyncio.Future[None]) -> None:
        below_records, below_bytes = self._room_below
        if self.held_records < below_records and self.held_bytes < below_bytes:
            self._room = None
            if not waiter.done():
                waiter.set_result(None)

    # One record

    async def _advance(self, work: Work) -> float | None:
        """Do the tasks of a record; give the seconds to wait before going on, None once it is settled."""
        if work.tasks is None:
            work.tasks = self._plan(work.record)
        while work.tasks:
            delay_s = await self._do(work, work.tasks[0])
            if delay_s is not None:
                return delay_s
            work.task_done()
        return None

    def _plan(self, record: Record) -> deque[Task]:
        try:
            tasks = self._plan_record(record)
        except Exception as error:  # a poison record becomes a dead letter, never a dead lane
            log.exception("record could not be planned", **_position(record))
            return deque((Task("", "", None, _internal(error)),))
        if not tasks:
            self._context.stats.filtered += 1
        return deque(tasks)

    async def _do(self, work: Work, task: Task) -> float | None:
        reason = work.pending or task.reason
        if reason is None:
            try:
                return await self._attempt(work, task)
            except Exception as error:  # as above
                log.exception("request could not be sent", **_position(work.record))
                reason = _internal(error, task)
        return await self._bury(work, reason)

    async def _attempt(self, work: Work, task: Task) -> float | None:
        """Send one request once; give the seconds until the next attempt, None when there is none."""
        context, stats = self._context, self._context.stats
        assert task.request is not None
        work.attempt += 1
        if work.attempt == 1:
            work.first_attempt_s = asyncio.get_running_loop().time()
        else:
            stats.retries += 1
        stats.in_flight += 1
        try:
            answer = await context.sender.send(task.request)
        finally:
            stats.in_flight -= 1
        now = context.wall_clock()
        outcome = classify(answer, now=now)
        stats.attempts[outcome.code] += 1
        if type(outcome) is Delivered:
            stats.delivered[task.action] += 1
            stats.delay.observe(now - work.record.timestamp / 1000)
            return None
        age_s = asyncio.get_running_loop().time() - work.first_attempt_s
        if work.first_attempt_at is None:
            work.first_attempt_at = now - age_s
        step = next_step(context.policy, outcome, attempt=work.attempt, age_s=age_s, roll=context.dice.roll())
        match step:
            case Settle():
                return None
            case RetryIn(delay_s):
                return delay_s
            case GiveUp(code):
                return await self._bury(work, _reason_of(code, outcome, work, task))

    async def _bury(self, work: Work, reason: Reason) -> float | None:
        """Write a dead letter; while that is impossible the lane waits, and nothing is lost."""
        context = self._context
        work.pending = reason
        letter = make_dead_letter(
            work.record,
            reason,
            destination=context.destination,
            config_version=context.config_version,
        )
        try:
            await context.dead_letters.put(letter)
        except OperationalError as error:
            work.attempt += 1
            context.stats.dead_letter_failures += 1
            log.warning("dead letter not written, will repeat", error=str(error), code=reason.code)
            return backoff_s(context.policy, work.attempt, 1.0)
        context.stats.dead_letters[reason.code] += 1
        return None


def _position(record: Record) -> dict[str, object]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}


def _internal(error: Exception, task: Task | None = None) -> Reason:
    # The text of an unexpected error may quote the event; its class does not.
    mapping, action = (task.mapping, task.action) if task else ("", "")
    return Reason(INTERNAL, "unexpected error, see the log", type(error).__name__, mapping, action)


def _reason_of(code: str, outcome: Outcome, work: Work, task: Task) -> Reason:
    status = None
    body = b""
    if isinstance(outcome, (Rejected, Throttled, Transient)):
        status, body = outcome.status, outcome.body
    what = f"HTTP {status}" if status is not None else getattr(outcome, "reason", outcome.code)
    return Reason(
        code,
        f"{what} after {work.attempt} attempt{'s' if work.attempt > 1 else ''}",
        "HTTPError" if status is not None else NoReply.__name__,
        task.mapping,
        task.action,
        attempts=work.attempt,
        first_attempt_at=work.first_attempt_at,
        http_status=status,
        response=str(parse_error(body)) if body else "",
    )
