"""What the simulator is asked to do: every setting with its default, unit and check.

Settings are checked however they come in: from Python, from flags, or as JSON over the control API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from connector.errors import ConfigurationError, Problem
from connector.simulator import config_values as read
from connector.simulator.config_values import FailingMatch
from connector.simulator.latency import FORMS


def setting(default: object, reader: Callable[[object], object], text: str, *, shown: bool = True) -> Any:
    """Declare a setting: its default, how a value is read, and what it does."""
    return field(
        default_factory=lambda: default, repr=shown, metadata={"reader": reader, "text": text, "shown": shown}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """All settings; ConfigurationError names every one that is wrong.

    Rates are shares of the requests that would otherwise be accepted. One throw of the dice decides
    between them, so together they are at most 1.
    """

    tokens: tuple[str, ...] = setting(
        (), read.texts, "keys X-Encharge-Token may hold; none: any key that is not empty", shown=False
    )
    object_types: Mapping[str, str] = setting(
        {"company": "Company"}, read.names, "object types of the account: name to display name"
    )
    latency: str = setting("none", read.latency, f"time every answer takes: {FORMS}")
    rate_400: float = setting(0.0, read.rate, "share answered 400")
    rate_401: float = setting(0.0, read.rate, "share answered 401")
    rate_429: float = setting(0.0, read.rate, "share answered 429")
    rate_500: float = setting(0.0, read.rate, "share answered 500")
    rate_503: float = setting(0.0, read.rate, "share answered 503")
    rate_hang: float = setting(0.0, read.rate, "share held for hang_s without an answer, then reset")
    rate_reset: float = setting(0.0, read.rate, "share whose connection is reset before anything is recorded")
    rate_lost_reply: float = setting(0.0, read.rate, "share accepted, then reset instead of answered")
    retry_after: str = setting("", read.header, "Retry-After of every 429: seconds, an HTTP date or nothing")
    hang_s: float = setting(60.0, read.number, "seconds a hanging request is held")
    outage_s: float = setting(0.0, read.number, "seconds from now in which everything is answered 503")
    stall_s: float = setting(0.0, read.number, "seconds from now in which nothing is answered at all")
    unauthorized_s: float = setting(0.0, read.number, "seconds from now in which everything is answered 401")
    max_requests_per_second: float = setting(0.0, read.number, "more are answered 429; 0: no limit")
    max_concurrent: int = setting(0, read.count, "more at the same time are answered 429; 0: no limit")
    fail_people: Mapping[str, int] = setting(
        {}, read.statuses, "person (any of the ids) to the status every request for that person gets"
    )
    fail_matching: tuple[FailingMatch, ...] = setting(
        (), read.failing_matches, "rules: status, and any of path, method, contains, times, retry_after"
    )
    seed: int | None = setting(None, read.count_or_none, "makes latency and rates repeatable; null: chance")
    keep_log: bool = setting(True, read.flag, "keep the accepted requests with their bodies")
    max_log: int = setting(
        0, read.count, "requests remembered in the log and to notice repetitions, newest win; 0: all"
    )
    keep_state: bool = setting(True, read.flag, "keep people and objects")

    def __post_init__(self) -> None:
        """Check and tidy every value, and tell all problems together."""
        problems = []
        for declared in fields(self):
            try:
                value = declared.metadata["reader"](getattr(self, declared.name))
            except ValueError as exc:
                problems.append(Problem(str(exc), path=declared.name))
            else:
                object.__setattr__(self, declared.name, value)
        if problems:
            raise ConfigurationError(problems)
        # Shares such as ten times 0.1 add up to a little more than 1.
        if sum(self.rates().values()) > 1 + 1e-9:
            raise ConfigurationError(Problem("must be at most 1 together", path=", ".join(self.rates())))

    def rates(self) -> dict[str, float]:
        """Give the rates that are not 0, by setting."""
        every = {name: float(getattr(self, name)) for name in setting_names() if name.startswith("rate_")}
        return {name: share for name, share in every.items() if share}

    def changed(self, changes: Mapping[str, object]) -> Self:
        """Give this configuration with some settings replaced; an unknown one is an error."""
        unknown = [name for name in changes if name not in setting_names()]
        if unknown:
            raise ConfigurationError(Problem("is not a simulator setting", path=name) for name in unknown)
        return replace(self, **changes)  # type: ignore[arg-type]  # read in __post_init__

    def as_json(self) -> dict[str, object]:
        """Give what may be shown: everything but the tokens."""
        return {name: value for name, value in asdict(self).items() if name in _shown_names()}


def setting_names() -> tuple[str, ...]:
    """Give the names of all settings, in order."""
    return tuple(declared.name for declared in fields(SimulatorConfig))


def setting_texts() -> dict[str, str]:
    """Give for each setting what it does, for flags and documentation."""
    return {declared.name: str(declared.metadata["text"]) for declared in fields(SimulatorConfig)}


def _shown_names() -> frozenset[str]:
    return frozenset(declared.name for declared in fields(SimulatorConfig) if declared.metadata["shown"])
