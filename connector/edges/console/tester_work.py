"""What the tester calculates, one thing at a time in a thread: the worker has other things to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeVar

from aiohttp import web

from connector.core import TriggerError, compile_trigger
from connector.core.event import Event
from connector.edges.console.in_force import InForce, compile_shown
from connector.edges.console.tester_edit import Edited, EditError, MappingTexts
from connector.edges.console.tester_events import EventError, sample_for, samples, typed_events
from connector.edges.console.tester_explain import Explained, explained
from connector.edges.console.tester_form import (
    Trouble,
    Typed,
    TypedError,
    event_trouble,
    mapping_trouble,
    trouble,
)
from connector.edges.console.tester_send import Plan, plan_sending
from connector.errors import ConfigurationError, Problem
from connector.settings import Settings

MOST_WAITING: Final = 8  # who want something calculated at the same time

T = TypeVar("T")


class _Read(NamedTuple):
    """Both text fields, read."""

    events: list[Event]
    config: Mapping[str, Any]
    edited: Edited | None


class Bench:
    """Calculates; remembers how the mappings of the file in force are written."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._texts: MappingTexts | None = None

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do something in a thread when it is its turn.

        Raises: HTTPServiceUnavailable when many wait already
        """
        if self._waiting >= MOST_WAITING:
            raise web.HTTPServiceUnavailable(text="many use the tester just now; try again in a moment")
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._waiting -= 1

    def explained(self, now: InForce, typed: Typed, largest: int) -> Explained:
        """Explain what was typed.

        Raises: TypedError
        """
        events, config, edited = self._read(now, typed, largest)
        name = None if edited is None else config["mappings"][edited.number].get("name")
        try:
            return explained(config, events, self._settings, name)
        except EventError as error:
            raise event_trouble(error) from error
        except ConfigurationError as error:
            raise mapping_trouble(error, edited) from error

    def planned(self, now: InForce, typed: Typed, largest: int) -> Plan:
        """Plan what was typed with the real key.

        Raises: TypedError
        """
        events, config, edited = self._read(now, typed, largest)
        try:
            return plan_sending(now, config, events)
        except ConfigurationError as error:
            raise mapping_trouble(error, edited) from error

    def changed_file(self, now: InForce, typed: Typed, largest: int) -> bytes:
        """Give the destination file with only the edited mapping changed.

        Raises: TypedError, also when a worker would refuse the file
        """
        if not typed.target:
            raise trouble("mapping", "choose a mapping to edit first")
        edited = None
        try:
            _refuse_large(typed.mapping, largest)
            texts = self._texts_of(now)
            edited = texts.edited(typed.target, typed.mapping)
            compile_shown(edited.config, self._settings)
            return texts.changed_file(typed.target, typed.mapping)
        except EditError as error:
            raise mapping_trouble(error) from error
        except ConfigurationError as error:
            raise mapping_trouble(error, edited) from error

    def with_mapping(self, now: InForce, typed: Typed, target: str) -> Typed:
        """Put the text of a mapping into the form, or take it out when there is no target.

        Raises: TypedError
        """
        if not target:
            return replace(typed, target="", mapping="")
        try:
            return replace(typed, target=target, mapping=self._texts_of(now).of(target))
        except EditError as error:
            raise mapping_trouble(error) from error

    def with_fitting_event(self, now: InForce, typed: Typed, target: str) -> Typed:
        """Put the text of a mapping into the form, and a sample that it takes.

        Raises: TypedError
        """
        typed = self.with_mapping(now, typed, target)
        found = next((each for each in now.mappings if each["name"] == target), None)
        if found is None:
            return typed
        try:
            trigger = compile_trigger(found.get("trigger", ""))
            fitting = next((each for each in samples() if trigger(each.event)), None)
        except TriggerError:
            return typed
        fitting = fitting or sample_for(next(iter(sorted(map(str, trigger.types or ()))), ""))
        return replace(typed, event=fitting.text, sample=fitting.name)

    def _read(self, now: InForce, typed: Typed, largest: int) -> _Read:
        """Read both text fields; what is wrong with either is told together."""
        troubles: list[Trouble] = []
        events: list[Event] = []
        edited: Edited | None = None
        try:
            events = typed_events(typed.event, largest=largest)
        except EventError as error:
            troubles += event_trouble(error).troubles
        if now.problems and now.deliverable is None:
            troubles += [Trouble("file", problem) for problem in now.problems]
        elif typed.target:
            try:
                _refuse_large(typed.mapping, largest)
                edited = self._texts_of(now).edited(typed.target, typed.mapping)
            except ConfigurationError as error:
                troubles += mapping_trouble(error).troubles
        if troubles:
            raise TypedError(troubles)
        return _Read(events, now.config if edited is None else edited.config, edited)

    def _texts_of(self, now: InForce) -> MappingTexts:
        texts = self._texts
        if texts is None or not now.version or texts.now.version != now.version:
            texts = self._texts = MappingTexts(now)
        return texts


def _refuse_large(text: str, largest: int) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > largest:
        raise EditError(Problem(f"{size:,} bytes are too many, at most {largest:,} are taken"))
