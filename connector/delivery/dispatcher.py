"""The loop that delivers: lanes by person, a pool of workers, every record settled once.

One dispatcher lives as long as one assignment of partitions. Nothing of an older assignment can reach
a younger one, because a new assignment begins with a new dispatcher.

    submit -> lane -> worker: plan, send, decide -> settled -> watermark
                 ^                           |
                 +------- timer (retry) <----+

Whether a worker may start the next request is asked of the flow (gate, limiter) and of the lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import structlog

from connector.delivery.attempts import Attempts, internal_error, position
from connector.delivery.context import Context
from connector.delivery.lane import Lane, Work
from connector.delivery.lanes import Lanes
from connector.delivery.offset_map import NOTHING, OffsetMap, encode_map
from connector.delivery.offsets import OffsetTracker
from connector.delivery.planner import Task, second_key
from connector.delivery.record import Partition, Record
from connector.delivery.waits import Moment, Progress, progress_of

LEASE_CHECK_S: Final = 0.25  # how often a lease that ran out is looked at
LARGE_BYTES: Final = 64 * 1024  # of a record that takes a millisecond or more to plan

log = structlog.get_logger(__name__)


class Commit(NamedTuple):
    """What to commit for one partition."""

    watermark: int
    metadata: str


class Taken(NamedTuple):
    """One partition of an assignment: its tracker, and what an earlier owner left above its commit."""

    tracker: OffsetTracker
    left: OffsetMap = NOTHING


class Dispatcher:
    """Delivers the records of one assignment."""

    def __init__(
        self,
        context: Context,
        partitions: Mapping[Partition, Taken],
        lease_until_s: Callable[[], float] = lambda: float("inf"),
    ) -> None:
        self._context = context
        self._flow = context.flow
        self._partitions = dict(partitions)
        self._lease_until_s = lease_until_s
        self._attempts = Attempts(context)
        self._lanes = Lanes(context.most_per_lane)
        self._idle: list[asyncio.Future[None]] = []
        self._workers: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None  # looks again when nothing may start now
        self._alarm_s = 0.0
        self._draining = False
        self._room: asyncio.Future[None] | None = None
        self._room_below = 0, 0
        self.held_records = 0
        self.held_bytes = 0
        self._handed_over = 0

    # Intake

    def submit(self, partition: Partition, records: Iterable[Record]) -> None:
        """Take records of one partition, in order; those settled before are passed over."""
        tracker, left = self._partitions[partition]
        begun = left.begun
        lanes, stats, trail = self._lanes, self._context.stats, self._context.trail
        largest = self._context.configuration.largest_record
        for record in records:
            stats.received += 1
            if not tracker.open(record.offset):
                stats.repeated += 1
                continue
            work = Work(record, tracker)
            if begun:
                work.left, work.version = begun.get(record.offset, 0), left.version
            if trail is not None:
                work.steps = trail.taken(record)
            key = record.key
            # A record without a key is in nobody's order.
            first = (record.partition, record.offset) if key is None else key
            lanes.add(work, first, second_key(record, largest_record=largest))
            self.held_records += 1
            self.held_bytes += len(record.value or b"")
        lanes.admit()
        self.wake()

    def rewind(self, partition: Partition, offset: int) -> None:
        """Begin a partition at an offset below the committed one."""
        tracker = self._partitions[partition].tracker
        tracker.rewind(offset)
        self._partitions[partition] = Taken(tracker)

    async def room(self, below_records: int, below_bytes: int) -> None:
        """Wait until less than this is held."""
        while self.held_records >= below_records or self.held_bytes >= below_bytes:
            self._room = asyncio.get_running_loop().create_future()
            self._room_below = below_records, below_bytes
            await self._room

    @property
    def full_lanes(self) -> Mapping[tuple[str, int], int]:
        """Partitions with a person of whom too much is held, and how many records that is."""
        return self._lanes.full

    @property
    def busy(self) -> int:
        """How many requests, keys and dead letters are being worked on."""
        return len(self._workers) - len(self._idle)

    def commits(self) -> dict[Partition, Commit]:
        """Give what may be committed now, for every partition of which anything was seen."""
        begun = self._begun()
        version = self._context.configuration.version
        found = {}
        for partition, (tracker, _) in self._partitions.items():
            watermark = tracker.watermark
            if watermark is not None:
                map_ = encode_map(watermark, tracker.completed(), begun.get(tracker), version)
                found[partition] = Commit(watermark, map_)
        return found

    def progress(self) -> dict[Partition, Progress]:
        """Say of every partition how far it is and what it waits for; for people, not for every event."""
        context, now_s = self._context, self._context.clock()
        trackers = {partition: taken.tracker for partition, taken in self._partitions.items()}
        is_over = now_s >= self._lease_until_s()
        return progress_of(trackers, self._lanes, Moment(now_s, context.wall_clock(), self._flow, is_over))

    def _begun(self) -> Mapping[OffsetTracker, dict[int, int]]:
        """Give the records of which some tasks are done and others wait, by the configuration in force."""
        found: dict[OffsetTracker, dict[int, int]] = {}
        version = self._context.configuration.version
        for tracker, left in self._partitions.values():
            if left.begun and left.version == version:  # what has not come to its turn yet
                found[tracker] = {
                    offset: done for offset, done in left.begun.items() if not tracker.is_settled(offset)
                }
        for lane in self._lanes:
            work = lane.works[0]
            if work.finished and work.version == version and not work.replanned:
                found.setdefault(work.tracker, {})[work.record.offset] = work.finished
        return found

    async def drain(self, deadline_s: float) -> None:
        """Start nothing more, finish what is under way, cancel what is not finished by the deadline.

        Records of which some requests were delivered are finished, too, unless one has to wait.
        """
        self._draining = True
        if self._alarm is not None:
            self._alarm.cancel()
        for lane in self._lanes.waiting:
            if lane.timer is not None:
                lane.timer.cancel()
        self._wake_workers()
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=deadline_s)
            for task in late:
                task.cancel()
            if late:
                log.warning("drain deadline passed", unfinished=len(late), deadline_s=deadline_s)
                await asyncio.wait(late)
        self._hand_over()
        if self._context.trail is not None:
            self._leave_trails()

    def _leave_trails(self) -> None:
        for lane in self._lanes:
            for work in lane.works:
                if work.steps is not None:
                    work.steps.left()
                    work.steps = None

    def _hand_over(self) -> None:
        """Count what is not finished here; a second time adds what has come since."""
        stats = self._context.stats
        stats.handed_over += self.held_records - self._handed_over
        self._handed_over = self.held_records
        for lane in self._lanes:
            work = lane.works[0]
            if work.begun is not None:
                stats.withdrawn[work.begun] += 1
                work.begun = None

    def go_on(self) -> None:
        """Let everybody try again at once: the gate has opened, or the configuration is another."""
        self._lanes.wake_all(self._context.clock())
        self.wake()

    def may_go_on(self) -> bool:
        """Tell whether what was begun may still be sent."""
        return not self._draining and self._context.clock() < self._lease_until_s()

    # Workers

    def wake(self) -> None:
        """Put as many workers to work as there are lanes ready and requests that may start."""
        lanes = self._lanes
        if self._draining or not (lanes.ready or (lanes.waiting and not self._flow.gate.is_open)):
            return
        now_s = self._context.clock()
        if not self._may_start(now_s):
            return
        if not lanes.ready:
            lanes.wake_longest(now_s)  # for a trial; it would wait for minutes otherwise
        wanted = min(len(lanes.ready), self._flow.room)
        while wanted and self._idle:
            waiter = self._idle.pop()  # the one that was busy last
            if not waiter.done():
                waiter.set_result(None)
                wanted -= 1
        loop = asyncio.get_running_loop()
        while wanted and len(self._workers) < self._context.most_in_flight:
            task = loop.create_task(self._work())
            self._workers.add(task)
            task.add_done_callback(self._workers.discard)
            wanted -= 1

    def _wake_workers(self) -> None:
        for waiter in self._idle:
            if not waiter.done():
                waiter.set_result(None)
        self._idle.clear()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        ready = self._lanes.ready
        while not self._draining:
            may_go_on = bool(ready)
            if may_go_on:
                lane = ready.take()
                try:
                    may_go_on = await self._serve(lane)
                except Exception:  # the outermost guard: no defect of ours may leave a lane unserved
                    log.exception("lane failed, will go on", **position(lane.works[0].record))
                    self._park(lane, self._context.policy.base_s)
            if not may_go_on and not self._draining:
                waiter = loop.create_future()
                self._idle.append(waiter)
                if not self._flow.gate.is_open:
                    self.wake()  # so that no trial is missed: this may have been the last one
                await waiter

    def _may_start(self, now_s: float) -> bool:
        """Tell whether a request may start now; if not, somebody looks again in time."""
        wait_s = self._flow.wait_s(now_s)
        if now_s >= self._lease_until_s():
            # Others may own these partitions by now.
            self._context.stats.lease_waits += 1
            wait_s = max(wait_s, LEASE_CHECK_S)
        if wait_s <= 0:
            return True
        if wait_s != float("inf"):
            self._look_again(now_s + wait_s, wait_s)
        return False

    def _look_again(self, at_s: float, in_s: float) -> None:
        if self._alarm is not None:
            if self._alarm_s <= at_s:
                return
            self._alarm.cancel()
        self._alarm_s = at_s
        self._alarm = asyncio.get_running_loop().call_later(in_s, self._alarmed)

    def _alarmed(self) -> None:
        self._alarm = None
        self.wake()

    def _park(self, lane: Lane, delay_s: float) -> None:
        if self._draining:
            return
        self._lanes.wait(lane)
        lane.timer = asyncio.get_running_loop().call_later(delay_s, self._retry, lane)

    def _retry(self, lane: Lane) -> None:
        lane.timer = None
        self._lanes.wake(lane)
        self.wake()

    async def _serve(self, lane: Lane) -> bool:
        """Work through a lane until others are ready or it has to wait; False when none may start."""
        lanes, clock, most = self._lanes, self._context.clock, self._context.most_in_flight
        while True:
            work = lanes.turn(lane)
            if work is None:
                return True
            if work.tasks is None:
                if len(work.record.value or b"") > LARGE_BYTES:
                    await asyncio.sleep(0)  # a backlog of large records that match nothing never waits else
                if self._draining:
                    return False
                self._plan(work)
            while (task := self._task(work)) is not None:
                if not self._may_start(clock()):
                    lanes.ready.put_back(lane)
                    return False
                if work.begun is None and task.action:
                    work.begun = begun = task.mapping, task.action
                    self._context.stats.planned[begun] += 1
                reason = work.pending or task.reason
                try:
                    if reason is None:
                        delay_s = await self._attempts.send(lane, work, task, self)
                    else:
                        delay_s = await self._attempts.bury(lane, work, task, reason)
                except Exception as error:  # as above
                    if work.pending is not None:  # a dead letter is what could not be written
                        raise
                    log.exception("request could not be sent", **position(work.record))
                    delay_s = await self._attempts.bury(lane, work, task, internal_error(error, task))
                if delay_s is not None:
                    if work.steps is not None:
                        work.steps.waits(task, work.attempt, delay_s)
                    self._park(lane, delay_s)
                    return True
                work.task_done()
                work.begun = None
                if lanes.ready and (self._idle or len(self._workers) < most):
                    self.wake()  # the window may have grown
            self._settle(work)
            if not lanes.settled(lane):
                return True
            if lanes.ready:
                lanes.ready.append(lane)  # in turn: a person with many records must not keep the worker
                return True

    def _settle(self, work: Work) -> None:
        work.tracker.settle(work.record.offset)
        stats = self._context.stats
        stats.settled += 1
        if not work.finished:  # there was nothing to do
            if self._context.configuration.discards:
                stats.discarded += 1
            else:
                stats.filtered += 1
        if work.steps is not None:
            work.steps.settled(work.finished)
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

    def _plan(self, work: Work) -> None:
        configuration, record, steps = self._context.configuration, work.record, work.steps
        if steps is not None:
            steps.plans()
        try:
            plan = configuration.plan_record(record)
            work.take_plan(plan, configuration.version, configuration.generation)
        except Exception as error:  # a poison record becomes a dead letter, never a dead lane
            log.exception("record could not be planned", **position(record))
            plan = (Task("", "", None, internal_error(error)),)
            work.fail(plan[0], configuration.generation)
        if steps is not None:
            steps.planned(plan if isinstance(plan, tuple) else None)
        if work.begun is not None:
            task = self._current(work)
            if task is None or (task.mapping, task.action) != work.begun:
                self._context.stats.withdrawn[work.begun] += 1
                work.begun = None

    def _task(self, work: Work) -> Task | None:
        """Give the next task of a record by the configuration in force, None when all are done."""
        task = self._current(work)
        if task is not None and work.generation != self._context.configuration.generation:
            self._plan(work)
            task = self._current(work)
        return task

    def _current(self, work: Work) -> Task | None:
        """Give the next task of a record; the next event of an envelope may have to be planned for it."""
        try:
            return work.current()
        except Exception as error:  # as above; the dead letter holds all of the record
            log.exception("record could not be planned", **position(work.record))
            work.fail(Task("", "", None, internal_error(error)), work.generation)
            return work.current()
