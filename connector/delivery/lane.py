"""A lane: the records of one person, in order, at most one of them under way."""

from __future__ import annotations

from asyncio import TimerHandle
from collections import deque
from collections.abc import Iterator

from connector.delivery.dead_letter import Reason
from connector.delivery.offsets import OffsetTracker
from connector.delivery.planner import Task, Tasks
from connector.delivery.record import Record
from connector.delivery.trail import Steps


class Work:
    """One record on its way: its tasks, which of them is next, and what was tried.

    A record is planned when its turn comes, so it meets the configuration of that moment, and what
    waits costs no more memory than its bytes. `done` is the ledger: what of a record need not be done
    again when it is planned anew.
    """

    __slots__ = (
        "attempt", "begun", "done", "finished", "first_attempt_at", "first_attempt_s", "generation", "lanes",
        "left", "more", "next", "pending", "record", "replanned", "steps", "tasks", "tracker", "trouble",
        "version",
    )  # fmt: skip

    def __init__(self, record: Record, tracker: OffsetTracker) -> None:
        self.record = record
        self.tracker = tracker
        self.lanes: tuple[Lane, Lane] | None = None  # of both persons, for an alias
        self.left = 0  # tasks to pass over in the next plan, if that is by the same version
        self.version = ""  # of the destination file that planned it, or by which `left` was counted
        self.generation = 0  # of the configuration that planned it
        self.replanned = False  # by another version, after something was done
        self.tasks: Tasks | None = None  # of the event at hand; None until planned
        self.more: Iterator[Tasks] | None = None  # of the events behind it, in an envelope
        self.next = 0
        self.finished = 0  # tasks, over all events
        self.done: set[tuple[int, str]] | None = None  # event number and mapping of each finished task
        self.attempt = 0  # of the next task; 0 before any
        self.begun: tuple[str, str] | None = None  # mapping and action, while planned
        self.first_attempt_s = 0.0  # fair seconds (Gate.fair_s)
        self.first_attempt_at: float | None = None  # wall clock
        self.pending: Reason | None = None  # a dead letter that could not be written yet
        self.trouble = ""  # why the last attempt has to be repeated
        self.steps: Steps | None = None  # what is told of its steps, if anybody wants to know

    def take_plan(self, plan: Tasks | Iterator[Tasks], version: str, generation: int) -> None:
        """Take the tasks of the record as this configuration has them, and pass over those that are done."""
        if version != self.version:
            self.left = 0
            self.replanned = self.replanned or self.finished > 0
        elif self.finished and not self.replanned:  # the same tasks in the same order: a new key
            self.left, self.finished, self.done = self.finished, 0, None
        tried = None  # nothing either when it was given up by another plan: this one has all the time
        if self.attempt and self.tasks and self.pending is None:
            tried = _name(self.tasks[self.next]), self.attempt, self.first_attempt_at
        self.version = version
        self.attempt, self.first_attempt_at = 0, None
        self._take(plan, generation)
        while self.finished < self.left and self.current() is not None:
            self.task_done()
        self.left = 0
        if tried is not None:
            name, attempt, first_attempt_at = tried
            task = self.current()
            if task is not None and _name(task) == name:  # the same thing to do is as old as before
                self.attempt, self.first_attempt_at = attempt, first_attempt_at

    def fail(self, task: Task, generation: int) -> None:
        """Take one task instead of a plan that could not be made."""
        self.left = 0
        self.replanned = self.replanned or self.finished > 0
        self._take((task,), generation)

    def _take(self, plan: Tasks | Iterator[Tasks], generation: int) -> None:
        self.generation, self.next, self.pending = generation, 0, None
        if isinstance(plan, tuple):
            self.tasks, self.more = plan, None
        else:
            self.tasks, self.more = (), plan

    def current(self) -> Task | None:
        """Give the next task, None when all are done."""
        tasks = self.tasks
        assert tasks is not None
        while True:
            if self.next < len(tasks):
                task = tasks[self.next]
                if self.done is None or not self.replanned or _name(task) not in self.done:
                    return task
                self.next += 1
                continue
            following = None if self.more is None else next(self.more, None)
            if following is None:
                self.more = None
                return None
            tasks = self.tasks = following
            self.next = 0

    def task_done(self) -> None:
        """Go on to the task behind the current one."""
        assert self.tasks is not None
        if self.more is not None or len(self.tasks) > 1:
            if self.done is None:
                self.done = set()
            self.done.add(_name(self.tasks[self.next]))
        self.next += 1
        self.finished += 1
        self.attempt, self.first_attempt_at, self.pending = 0, None, None


def _name(task: Task) -> tuple[int, str]:
    return task.event, task.mapping


class Lane:
    """Records that keep their order.

    timer         set while the first one waits for its retry
    told_until_s  until when Encharge asked to wait, in monotonic seconds
    blocked       the first one is an alias, and the other person's lane serves it or will
    begun_s       when the last attempt began, in monotonic seconds
    """

    __slots__ = ("begun_s", "blocked", "key", "timer", "told_until_s", "works")

    def __init__(self, key: object) -> None:
        self.key = key
        self.works: deque[Work] = deque()
        self.timer: TimerHandle | None = None
        self.told_until_s = 0.0
        self.blocked = False
        self.begun_s = 0.0
