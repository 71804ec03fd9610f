"""One attempt at one task of a record: a request is sent or a dead letter written, and said what follows."""

from __future__ import annotations

from typing import Protocol

import structlog

from connector.core.deletion import DELETE_PERSON
from connector.core.request import key_of
from connector.delivery.codes import INTERNAL
from connector.delivery.context import Context
from connector.delivery.dead_letter import Reason, make_dead_letter
from connector.delivery.deletion import remember_deletion
from connector.delivery.encharge_error import parse_error
from connector.delivery.gate import Shut
from connector.delivery.lane import Lane, Work
from connector.delivery.outcome import Delivered, NoReply, Outcome, Throttled, Unauthorized
from connector.delivery.planner import Task
from connector.delivery.produced import produced_at
from connector.delivery.record import Record
from connector.delivery.retry import GiveUp, RetryIn, Settle, backoff_s, next_step
from connector.delivery.stats import LastError
from connector.errors import OperationalError

log = structlog.get_logger(__name__)


class Host(Protocol):
    """Who asks for an attempt. Given with each, never kept: a dispatcher must end with its last reference."""

    def may_go_on(self) -> bool:
        """Tell whether what was begun may still be sent: the lease holds and nobody drains."""
        ...

    def go_on(self) -> None:
        """Let everybody try again, as the gate has opened."""
        ...


class Attempts:
    """Makes attempts, of one record after the other or of many at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._flow = context.flow

    async def send(self, lane: Lane, work: Work, task: Task, host: Host) -> float | None:
        """Send one request once; give the seconds until the next attempt, None when the task is done.

        A request that is given up becomes a dead letter, whose seconds these are then. What sender or dead
        letters raise beyond their errors goes to the caller, after the flow has its place back.
        """
        context, flow = self._context, self._flow
        stats, clock = context.stats, context.clock
        assert task.request is not None
        begun_s = lane.begun_s = clock()
        trial = flow.start(begun_s)
        told = False
        try:
            if trial and Shut.CREDENTIALS in flow.gate.reasons and not await self._key_works_for(work, host):
                return 0.0
            work.attempt += 1
            if work.attempt == 1:
                work.first_attempt_s = flow.gate.fair_s(begun_s)
            else:
                stats.retries += 1
                if work.attempt == 2:
                    stats.retried[task.mapping, task.action] += 1
            if work.steps is not None:
                work.steps.begins(task, work.attempt)
            answer = await context.sender.send(task.request)
            now, now_s = context.wall_clock(), clock()
            outcome = context.configuration.rules.classify(answer, now=now)
            told = True
            opened = flow.ended(lane.key, outcome, latency_s=now_s - begun_s, now_s=now_s, trial=trial)
        finally:
            if not told:
                flow.give_back(clock(), trial=trial)
        stats.attempts[outcome.code] += 1
        if work.steps is not None:
            work.steps.ended(task, work.attempt, outcome)
        if opened:
            host.go_on()
        if type(outcome) is Delivered:
            if task.action == DELETE_PERSON and not await self._remembered(work, task):
                return backoff_s(context.policy, work.attempt, 1.0)
            stats.delivered[task.mapping, task.action] += 1
            stats.delay.observe(now - produced_at(work.record))
            return None
        return await self._failed(lane, work, task, outcome, now)

    async def _remembered(self, work: Work, task: Task) -> bool:
        context = self._context
        if context.deletions is None:
            return True
        destination, at = context.configuration.destination, context.wall_clock()
        return await remember_deletion(context.deletions, destination, work.record, task.event, at)

    async def _key_works_for(self, work: Work, host: Host) -> bool:
        """Try the key, and tell whether the request may still be sent after the time which that took."""
        context = self._context
        try:
            if not await context.account.key_works():
                return False
        except Exception:  # nothing that is wrong here is the fault of the record at hand
            log.exception("the key could not be tried")
            return False
        return (
            host.may_go_on()
            and self._flow.gate.allows_trials
            and work.generation == context.configuration.generation
        )

    async def _failed(self, lane: Lane, work: Work, task: Task, outcome: Outcome, now: float) -> float | None:
        context = self._context
        now_s = context.clock()
        error = LastError(outcome.code, getattr(outcome, "status", None), now)
        context.stats.last_errors[task.mapping] = error
        fair_s = self._flow.gate.fair_s(now_s)
        if work.first_attempt_at is None:
            work.first_attempt_at = now - (fair_s - work.first_attempt_s)
        if isinstance(outcome, Throttled | Unauthorized):
            work.first_attempt_s = fair_s
        step = next_step(
            context.policy,
            outcome,
            attempt=work.attempt,
            age_s=fair_s - work.first_attempt_s,
            roll=context.dice.roll(),
        )
        match step:
            case Settle():
                return None
            case RetryIn(delay_s):
                lane.told_until_s = now_s + (getattr(outcome, "retry_after_s", None) or 0.0)
                work.trouble = getattr(outcome, "reason", "") or str(getattr(outcome, "status", ""))
                return delay_s
            case GiveUp(code):
                return await self.bury(lane, work, task, _reason_of(code, outcome, work, task))

    async def bury(self, lane: Lane, work: Work, task: Task, reason: Reason) -> float | None:
        """Write a dead letter; give the seconds until it is tried again, None when it is written.

        While that is impossible the lane waits, and nothing is lost.
        """
        context = self._context
        work.pending = reason
        configuration = context.configuration
        letter = make_dead_letter(
            work.record,
            reason,
            destination=configuration.destination,
            config_version=configuration.version,
            event=task.event if task.action else None,
        )
        try:
            await context.dead_letters.put(letter)
        except OperationalError as error:
            work.attempt += 1
            work.trouble = str(error)
            context.stats.dead_letter_failures += 1
            log.warning("dead letter not written, will repeat", error=str(error), code=reason.code)
            return backoff_s(context.policy, work.attempt, 1.0)
        stats = context.stats
        stats.dead_letters[reason.code, task.mapping] += 1
        if work.steps is not None:
            work.steps.dead_lettered(reason)
        if task.action:
            stats.last_errors[task.mapping] = LastError(reason.code, reason.http_status, context.wall_clock())
        else:
            stats.unreadable += 1
        self._flow.buried(lane.key, reason.code, self._context.clock())
        return None


def position(record: Record) -> dict[str, object]:
    """Give where a record is, for a line of the log."""
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}


def internal_error(error: Exception, task: Task | None = None) -> Reason:
    """Give the reason of a dead letter for a mistake of ours."""
    # The text of an unexpected error may quote the event; its class does not.
    mapping, action = (task.mapping, task.action) if task else ("", "")
    return Reason(INTERNAL, "unexpected error, see the log", type(error).__name__, mapping, action)


def _reason_of(code: str, outcome: Outcome, work: Work, task: Task) -> Reason:
    status = getattr(outcome, "status", None)
    body = getattr(outcome, "body", b"")
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
        response=str(parse_error(body, key_of(task.request))) if body else "",
    )
