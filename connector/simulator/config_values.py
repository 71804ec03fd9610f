"""Reading one value of the configuration: each function gives what is kept or raises ValueError.

The text of the error completes a sentence that begins with the name of the setting: "rate_500 must be …".
Every function takes its own result again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from connector.simulator.latency import parse_latency


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingMatch:
    """Requests refused by what they are: all conditions given must hold."""

    status: int
    path: str = ""  # without the query; "": any
    method: str = ""  # "": any
    contains: str = ""  # text in the body, or in the query of a request without one
    times: int = 0  # so often, then never again; 0: for ever
    retry_after: str = ""


def flag(value: object) -> bool:
    """Read true or false."""
    if isinstance(value, bool):
        return value
    raise ValueError("must be true or false")


def text(value: object) -> str:
    """Read a text."""
    if isinstance(value, str):
        return value
    raise ValueError("must be a text")


def number(value: object) -> float:
    """Read a number from 0 up."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError("must be a number that is not negative")
    return float(value)


def count(value: object) -> int:
    """Read a whole number from 0 up."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("must be a whole number that is not negative")
    return value


def count_or_none(value: object) -> int | None:
    """Read a whole number from 0 up, or nothing."""
    return None if value is None else count(value)


def rate(value: object) -> float:
    """Read a share from 0 to 1."""
    if number(value) > 1:
        raise ValueError("must be a share from 0 to 1")
    return number(value)


def status(value: object) -> int:
    """Read a status that refuses."""
    if isinstance(value, bool) or not isinstance(value, int) or not 400 <= value <= 599:
        raise ValueError("must be a status from 400 to 599")
    return value


def latency(value: object) -> str:
    """Read a distribution; the text is kept."""
    parse_latency(text(value))
    return text(value)


def header(value: object) -> str:
    """Read a number or text that can be a header, also one that is broken on purpose."""
    written = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else text(value)
    if written and not (written.isascii() and written.isprintable()):
        raise ValueError("must be seconds, an HTTP date or empty")
    return written


def texts(value: object) -> tuple[str, ...]:
    """Read a list of texts."""
    return tuple(text(entry) for entry in _entries(value))


def names(value: object) -> dict[str, str]:
    """Read an object of texts."""
    return {text(name): text(label) for name, label in _members(value).items()}


def statuses(value: object) -> dict[str, int]:
    """Read an object of refusing statuses."""
    return {text(name): status(entry) for name, entry in _members(value).items()}


def failing_matches(value: object) -> tuple[FailingMatch, ...]:
    """Read a list of rules."""
    return tuple(_failing_match(entry) for entry in _entries(value))


def _failing_match(value: object) -> FailingMatch:
    members = asdict(value) if isinstance(value, FailingMatch) else _members(value)
    if "status" not in members:
        raise ValueError("needs a status in every rule")
    read: dict[str, Any] = {}
    for name, entry in members.items():
        if name not in _MATCH_MEMBERS:
            raise ValueError(f"has a rule with the unknown {name}; known are {', '.join(_MATCH_MEMBERS)}")
        try:
            read[name] = _MATCH_MEMBERS[name](entry)
        except ValueError as exc:
            raise ValueError(f"has a rule whose {name} {exc}") from exc
    return FailingMatch(**read)


_MATCH_MEMBERS: Mapping[str, Callable[[object], object]] = {
    "status": status,
    "path": text,
    "method": text,
    "contains": text,
    "times": count,
    "retry_after": header,
}


def _members(value: object) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    raise ValueError("must be an object")


def _entries(value: object) -> Sequence[object]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return value
    raise ValueError("must be a list")
