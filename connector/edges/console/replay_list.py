"""What the pages of replays show, from the control topic and from Kafka's commits; no IO."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from connector.edges.clocks import monotonic_clock
from connector.edges.console.letter_shown import when
from connector.edges.console.pages import NONE
from connector.edges.console.plain_text import plain
from connector.edges.replay.state import Done, Known, Standing, done_by_all, instances_in, replays_in
from connector.errors import OperationalError

MOST: Final = 20  # replays that are shown, the newest
FRESH_S: Final = 1.5  # that what Kafka said is good for the next page
STARTING_S: Final = 30.0  # that a process has from saying that it begins to being in the group

Ask = Callable[[list[Known]], Awaitable[list[tuple[Known, Standing]]]]
"""Asks Kafka how far replays are, as connector.edges.replay.state.progress_of does."""


class Standings:
    """How far replays are; Kafka is asked once for all who look."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._asking = asyncio.Lock()
        self._kept: dict[str, Standing] = {}
        self._asked_s = float("-inf")
        self._trouble = ""

    async def of(self, replays: Sequence[Known]) -> tuple[Mapping[str, Standing], str]:
        """Give id -> standing, without what Kafka did not tell, and why it did not.

        What the control topic tells the end of is not asked for: commits are forgotten, the end is not.
        """
        ended = {each.id: Standing("done", 100, 0) for each in replays if each.state == "done"}
        open_ = [each for each in replays if each.id not in ended]
        async with self._asking:
            is_known = all(each.id in self._kept for each in open_)
            if open_ and (not is_known or monotonic_clock() - self._asked_s > FRESH_S):
                try:
                    self._kept = {known.id: standing for known, standing in await self._ask(open_)}
                    self._trouble = ""
                except OperationalError as error:
                    self._kept, self._trouble = {}, str(error)
                self._asked_s = monotonic_clock()
            return {**self._kept, **ended}, self._trouble if open_ else ""


def shown_replays(control: Mapping[str, Any]) -> tuple[list[Known], int]:
    """Give the replays to show, and how many more there are."""
    found = list(replays_in(control))
    return found[:MOST], max(len(found) - MOST, 0)


def replay_values(
    control: Mapping[str, Any], known: Known, standing: Standing | None, now: float
) -> dict[str, Any]:
    """Give what is shown of one replay; who began it is what its command said."""
    told_by = instances_in(control, known.id)
    done = done_by_all(control, known.id)
    state = _state(known, standing, told_by.values(), now)
    return {
        "id": plain(known.id),
        "state": plain(state),
        "is_open": state in ("running", "starting", "interrupted"),
        "is_live": state in ("running", "starting") or bool(standing and standing.members),
        "percent": None if standing is None else standing.percent,
        "members": None if standing is None else standing.members,
        "requests": known.requests,
        "rate": known.rate,
        "by": plain(known.by),
        "topic": plain(known.topic),
        "destination": plain(known.destination),
        "began": _moment(known.started_at),
        "told": _moment(known.at),
        "sent": done.sent.total(),
        "forwarded": done.forwarded,
        "dead_letters": done.dead_letters.total(),
        "by_mapping": _counts(done.sent),
        "by_code": _counts(done.dead_letters),
        "filtered": done.filtered,
        "retries": done.retries,
        "processes": [_process(name, told) for name, told in sorted(told_by.items())],
    }


def _state(known: Known, standing: Standing | None, told: Iterable[Mapping[str, Any]], now: float) -> str:
    """Give the state; a process that has just begun is not in the group yet, so nothing is interrupted."""
    if standing is None:  # without Kafka's word it is not known whether anybody works on it
        return str(known.state)
    has_ended = any(_number(each.get("at")) >= known.at for each in told if each.get("ended") is True)
    if standing.state == "interrupted" and now - known.at < STARTING_S and not has_ended:
        return "starting"
    return standing.state


def _process(name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    done = Done()
    done.add(told)
    return {
        "name": plain(name),
        "at": _moment(told.get("at")),
        "has_ended": told.get("ended") is True,
        "sent": done.sent.total(),
        "forwarded": done.forwarded,
        "dead_letters": done.dead_letters.total(),
        "filtered": done.filtered,
        "retries": done.retries,
    }


def _counts(found: Mapping[str, int]) -> list[tuple[str, int]]:
    largest_first = sorted(found.items(), key=lambda each: -each[1])
    return [(plain(name) or NONE, number) for name, number in largest_first]


def _number(value: object) -> float:
    return value if isinstance(value, (int, float)) else float("-inf")


def _moment(at: object) -> str:
    """Write epoch seconds; anybody may have written them."""
    return when(round(at * 1000)) if isinstance(at, (int, float)) and abs(at) < 1e12 else "?"
