"""Everything the simulator knows, without the network: configuration, faults, books and account.

What the control API offers are the public methods here, so tests in the same process can call them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from typing import Any, TypedDict, cast

from connector.simulator.books import Books, LoggedRequest, Stats
from connector.simulator.config import SimulatorConfig
from connector.simulator.faults import WINDOWS, Faults
from connector.simulator.json_bytes import parse_json
from connector.simulator.state import Account

MAX_PAGE = 10_000  # what one answer may hold: about 10 MB, 50 ms of this process


class AllStats(Stats):
    """The statistics of the books, and of everything beside them."""

    now: float
    tokens: int  # how many are configured; 0: any key is taken
    people: int
    objects: int
    windows_s: dict[str, float]  # how long outage, stall and 401 for everybody will still last


class PersonView(TypedDict, total=False):
    """A person for inspection."""

    id: str
    userId: str
    email: str
    segmentAnonymousId: str
    fields: dict[str, Any]
    tags: list[str]
    events: dict[str, int]  # how often, by name; what was in them is in the log


class ObjectView(TypedDict):
    """An object for inspection."""

    objectType: str
    fields: dict[str, Any]
    people: list[str]


class Simulation:
    """A fake Encharge account and the trouble one may have with it."""

    def __init__(self, config: SimulatorConfig | None = None) -> None:
        self._start_config = config or SimulatorConfig()
        self._books = Books(keep_log=True, max_log=0, now=time.time())
        self._start_over()

    def _start_over(self) -> None:
        self._config = config = self._start_config
        self._account = Account(config.object_types, keep=config.keep_state)
        self._faults = Faults(config, time.monotonic())
        self._dice = random.Random(config.seed)  # noqa: S311  for faults, not for secrets
        self._books.configure(keep_log=config.keep_log, max_log=config.max_log)

    @property
    def config(self) -> SimulatorConfig:
        """Give the configuration as it is now."""
        return self._config

    def configure(self, **changes: object) -> SimulatorConfig:
        """Change some settings; windows and counters begin anew when their own setting is among them."""
        self._config = config = self._config.changed(changes)
        self._faults.configure(config, changed=changes.keys(), now_s=time.monotonic())
        self._books.configure(keep_log=config.keep_log, max_log=config.max_log)
        self._account.object_types, self._account.keep = config.object_types, config.keep_state
        if "seed" in changes:
            self._dice = random.Random(config.seed)  # noqa: S311  for faults, not for secrets
        return config

    def reset(self, *, keep_config: bool = False) -> None:
        """Empty books and account; the configuration is that of the start again unless it is kept."""
        self._books.reset(time.time())
        if keep_config:
            self._account = Account(self._config.object_types, keep=self._config.keep_state)
        else:
            self._start_over()

    def stats(self) -> AllStats:
        """Give all counts."""
        now_s = time.monotonic()
        return {
            **self._books.stats(),
            "now": time.time(),
            "tokens": len(self._config.tokens),
            "people": len(self._account.people()),
            "objects": len(self._account.objects()),
            "windows_s": {window: self._faults.left_s(window, now_s) for window in WINDOWS},
        }

    def request_lines(
        self, after: int = 0, limit: int = MAX_PAGE, person: str | None = None
    ) -> Iterable[bytes]:
        """Give accepted requests with a higher `seq`, oldest first, as lines of JSON."""
        return self._books.lines(after=after, limit=limit, person=person)

    def requests(self, after: int = 0, person: str | None = None) -> list[LoggedRequest]:
        """Give all accepted requests with a higher `seq`, oldest first."""
        lines = self._books.lines(after=after, limit=self._books.accepted, person=person)
        return [cast("LoggedRequest", parse_json(line)) for line in lines]

    def people(self) -> list[PersonView]:
        """Give everybody, in order of their first request."""
        return [cast("PersonView", person.as_json()) for person in self._account.people()]

    def person(self, one_id: str) -> PersonView | None:
        """Give whom any kind of id belongs to."""
        person = self._account.person(one_id)
        return None if person is None else cast("PersonView", person.as_json())

    def objects(self) -> list[ObjectView]:
        """Give all objects, in order of their first request."""
        return [cast("ObjectView", stored.as_json()) for stored in self._account.objects()]
