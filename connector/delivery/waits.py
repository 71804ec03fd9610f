"""What a partition waits for: why the record at its watermark is not settled yet.

The watermark is all that an outsider sees of a partition, and one record holds it. So its lane is looked
for, and asked: is a request under way, does it wait for a retry, for its turn, for the limiter? What holds
everybody, the gate and the lease, comes before that.

Looking costs O(partitions + lanes), and is done when somebody asks, never for an event. Nothing here names
a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from connector.delivery.flow import Flow
from connector.delivery.gate import Shut
from connector.delivery.lane import Lane, Work
from connector.delivery.lanes import Lanes
from connector.delivery.offsets import OffsetTracker
from connector.delivery.record import Partition


class WaitKind(StrEnum):
    """What is waited for. Stable: shown by status and /status."""

    NOTHING = "nothing"  # no record is held
    REQUEST = "request"  # the first attempt is under way
    RETRY = "retry"  # it failed, and waits for its next attempt or is in it
    WINDOW = "window"  # as many requests are under way as the limiter allows
    PACE = "pace"  # as many requests were started as the limiter allows in this time
    HOLD = "hold"  # Encharge asked everybody to wait
    TURN = "turn"  # others are served before
    DEAD_LETTER = "dead_letter"  # is being written, or cannot be
    LEASE = "lease"  # membership of the group is uncertain
    # The gate, by its reasons:
    OUTAGE = "outage"
    CREDENTIALS = "credentials"
    FLOOD = "flood"
    PAUSED = "paused"
    DISABLED = "disabled"


class Wait(NamedTuple):
    """One answer, as of the moment it was asked for; all times in seconds.

    for_s         how long it has gone on
    next_in_s     until the next attempt or trial
    under_way_s   how long the attempt has taken that is under way, of a request that failed before
    detail        status, trouble on the wire, numbers of the limiter, or what the operator noted
    alias         the record is an alias and waits for the other person's lane, of which all this is true
    """

    kind: WaitKind
    for_s: float | None = None
    next_in_s: float | None = None
    under_way_s: float | None = None
    detail: str = ""
    alias: bool = False


NOTHING: Final = Wait(WaitKind.NOTHING)


class Progress(NamedTuple):
    """One partition: its watermark (None before anything was seen), the records held, and what holds them."""

    watermark: int | None
    held: int
    wait: Wait


class Moment(NamedTuple):
    """What is true for all partitions.

    now_s  monotonic, as the timers of lanes are
    now    wall clock, as first attempts are
    """

    now_s: float
    now: float
    flow: Flow
    lease_is_over: bool


# Those that only a person can end come first: a trial that gets through does not end them.
_GATE_ORDER: Final = (Shut.PAUSED, Shut.FLOOD, Shut.DISABLED, Shut.CREDENTIALS, Shut.OUTAGE)

_MOST_ALIASES: Final = 100  # that are followed from lane to lane; only to be sure of an end


def progress_of(
    trackers: Mapping[Partition, OffsetTracker], lanes: Lanes, moment: Moment
) -> dict[Partition, Progress]:
    """Say of every partition how far it is and what it waits for."""
    open_ = [tracker for tracker in trackers.values() if tracker.open_count]
    all_wait = _all_wait(moment)
    waits = _lane_waits(open_, lanes, moment) if all_wait is None else dict.fromkeys(open_, all_wait)
    return {
        partition: Progress(tracker.watermark, tracker.open_count, waits.get(tracker, NOTHING))
        for partition, tracker in trackers.items()
    }


def _all_wait(moment: Moment) -> Wait | None:
    """Give what nobody gets past."""
    gate = moment.flow.gate
    for reason in _GATE_ORDER:
        closed = gate.reasons.get(reason)
        if closed is not None:
            trial_s = gate.trial_in_s(moment.now_s)
            return Wait(
                WaitKind(reason),
                for_s=moment.now_s - closed.since_s,
                next_in_s=None if trial_s == float("inf") else trial_s,
                detail=closed.detail,
            )
    return Wait(WaitKind.LEASE) if moment.lease_is_over else None


def _lane_waits(trackers: Iterable[OffsetTracker], lanes: Lanes, moment: Moment) -> dict[OffsetTracker, Wait]:
    holders = _holders({tracker: tracker.watermark for tracker in trackers}, lanes)
    ready = set(lanes.ready)
    return {tracker: _wait(lane, lanes, ready, moment) for tracker, lane in holders.items()}


def _holders(watermarks: dict[OffsetTracker, int | None], lanes: Lanes) -> dict[OffsetTracker, Lane]:
    """Find the lane that has the record at each watermark; of an alias, the one that will serve it."""
    found: dict[OffsetTracker, Lane] = {}
    for lane in lanes:
        work = lane.works[0]
        tracker = work.tracker
        if watermarks.get(tracker) == work.record.offset and (tracker not in found or not lane.blocked):
            found[tracker] = lane
    # What is left stands behind a record of another partition: after a change of their number, or an alias.
    left = {tracker: offset for tracker, offset in watermarks.items() if tracker not in found}
    for lane in lanes if left else ():
        for work in lane.works:
            if left.get(work.tracker) == work.record.offset:
                found[work.tracker] = lane
                del left[work.tracker]
    return found


def _wait(lane: Lane, lanes: Lanes, ready: set[Lane], moment: Moment) -> Wait:
    serving = lane
    for _ in range(_MOST_ALIASES):
        both = serving.works[0].lanes
        if not serving.blocked or both is None:
            break
        serving = both[1] if both[0] is serving else both[0]
    wait = _lane_wait(serving, lanes, ready, moment)
    return wait if serving is lane else wait._replace(alias=True)


def _lane_wait(lane: Lane, lanes: Lanes, ready: set[Lane], moment: Moment) -> Wait:
    work = lane.works[0]
    if lane in ready:
        return _turn(moment)
    if lane in lanes.waiting:
        next_in_s = None if lane.timer is None else max(lane.timer.when() - moment.now_s, 0.0)
        if work.pending is not None:
            return Wait(WaitKind.DEAD_LETTER, next_in_s=next_in_s, detail=work.trouble)
        return Wait(WaitKind.RETRY, _tried_for_s(work, moment), next_in_s, detail=work.trouble)
    if work.pending is not None:
        return Wait(WaitKind.DEAD_LETTER)
    under_way_s = max(moment.now_s - lane.begun_s, 0.0)
    if work.first_attempt_at is None:
        return Wait(WaitKind.REQUEST, for_s=under_way_s)
    tried_for_s = _tried_for_s(work, moment)
    return Wait(WaitKind.RETRY, tried_for_s, under_way_s=under_way_s, detail=work.trouble)


def _tried_for_s(work: Work, moment: Moment) -> float | None:
    return None if work.first_attempt_at is None else max(moment.now - work.first_attempt_at, 0.0)


def _turn(moment: Moment) -> Wait:
    """Say why a lane that is ready is not served."""
    limiter = moment.flow.limiter
    if limiter.in_flight >= limiter.window:
        return Wait(WaitKind.WINDOW, detail=f"{limiter.in_flight} of {limiter.window}")
    per_s = limiter.per_s
    if per_s is not None:
        return Wait(WaitKind.PACE, detail=f"{per_s:.3g}/s")
    hold_s = limiter.wait_s(moment.now_s)
    return Wait(WaitKind.HOLD, next_in_s=hold_s) if hold_s > 0 else Wait(WaitKind.TURN)


# In words


def describe(wait: Wait) -> str:
    """Say it in a line, to go behind "waits for"."""
    text = _WORDS[wait.kind]
    if wait.for_s is not None:
        text += f" since {duration(wait.for_s)}"
    if wait.detail:
        text += f": {wait.detail}" if wait.kind in _COLON else f" ({wait.detail})"
    if wait.under_way_s is not None:
        text += f", an attempt under way since {duration(wait.under_way_s)}"
    if wait.next_in_s is not None:
        text += f", {_NEXT.get(wait.kind, 'next attempt')} in {duration(wait.next_in_s)}"
    return f"alias of two persons, the other's: {text}" if wait.alias else text


def duration(seconds: float) -> str:
    """Write a time as people read it: 0.4 s, 12 s, 4 min 3 s, 5 h 2 min, 3 d 4 h."""
    if seconds < 0.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit_s, name, below_s, below in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= unit_s:
            rest = whole % unit_s // below_s
            return f"{whole // unit_s} {name}" + (f" {rest} {below}" if rest else "")
    return f"{whole} s"


_WORDS: Final[Mapping[WaitKind, str]] = {
    WaitKind.NOTHING: "nothing",
    WaitKind.REQUEST: "request under way",
    WaitKind.RETRY: "person's request retrying",
    WaitKind.WINDOW: "limiter: window full",
    WaitKind.PACE: "limiter: pace",
    WaitKind.HOLD: "limiter: Encharge asked everybody to wait",
    WaitKind.TURN: "waiting behind other persons",
    WaitKind.DEAD_LETTER: "dead letter to be written",
    WaitKind.LEASE: "lease: membership of the group is uncertain",
    WaitKind.OUTAGE: "paused: outage",
    WaitKind.CREDENTIALS: "paused: credentials",
    WaitKind.FLOOD: "paused: flood of dead letters",
    WaitKind.PAUSED: "paused: by command",
    WaitKind.DISABLED: "paused: destination is disabled",
}
_COLON: Final = frozenset((WaitKind.RETRY, WaitKind.DEAD_LETTER))
_NEXT: Final[Mapping[WaitKind, str]] = {
    WaitKind.HOLD: "goes on",
    WaitKind.OUTAGE: "next trial",
    WaitKind.CREDENTIALS: "next trial",
}
