"""A lane: the records of one person, in order, at most one of them under way."""

from __future__ import annotations

from asyncio import TimerHandle
from collections import deque

from connector.delivery.dead_letter import Reason
from connector.delivery.offsets import OffsetTracker
from connector.delivery.planner import Task
from connector.delivery.record import Record


class Work:
    """One record on its way: which of its tasks come next, and what was tried.

    A record is planned when its turn comes, so it meets the configuration of that moment, and what
    waits costs no more memory than its bytes.
    """

    __slots__ = ("attempt", "first_attempt_at", "first_attempt_s", "pending", "record", "tasks", "tracker")

    def __init__(self, record: Record, tracker: OffsetTracker) -> None:
        self.record = record
        self.tracker = tracker
        self.tasks: deque[Task] | None = None  # None until planned
        self.attempt = 0  # of the first task; 0 before any
        self.first_attempt_s = 0.0  # monotonic
        self.first_attempt_at: float | None = None  # wall clock
        self.pending: Reason | None = None  # a dead letter that could not be written yet

    @property
    def started(self) -> bool:
        """Whether anything of this record was sent or written."""
        return self.tasks is not None

    def task_done(self) -> None:
        """Go on to the next task."""
        assert self.tasks is not None
        self.tasks.popleft()
        self.attempt, self.first_attempt_at, self.pending = 0, None, None


class Lane:
    """Records that keep their order; `timer` is set while the first one waits for its retry."""

    __slots__ = ("key", "timer", "works")

    def __init__(self, key: object) -> None:
        self.key = key
        self.works: deque[Work] = deque()
        self.timer: TimerHandle | None = None
