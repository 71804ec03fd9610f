"""The file of a replay plan (schemas/replay_plan.json): written once, for its owner's eyes only."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from connector.delivery.replay import ReplayPlan
from connector.delivery.selection import Filters, Range
from connector.errors import ConfigurationError, Problem

VERSION: Final = 1


def write_plan(plan: ReplayPlan, file: Path) -> None:
    """Write a new file with mode 600: the filters may name people.

    Raises: ConfigurationError when it exists already or cannot be written
    """
    content = orjson.dumps(as_json(plan), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigurationError(
            Problem(f"{error.strerror}; choose another --out", file=str(file))
        ) from error
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)


def read_plan(file: Path) -> ReplayPlan:
    """Read a plan.

    Raises: ConfigurationError when it is none
    """
    try:
        return _plan(orjson.loads(file.read_bytes()))
    except OSError as error:
        raise ConfigurationError(Problem(str(error.strerror), file=str(file))) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # Its text may quote the file, which may name people.
        message = f"is no replay plan of version {VERSION}; `encharge-connector replay plan` makes one"
        raise ConfigurationError(Problem(message, file=str(file))) from error


def as_json(plan: ReplayPlan) -> dict[str, Any]:
    """Give a plan as its file has it."""
    return {
        "version": VERSION,
        "id": plan.id,
        "created_at": _text(plan.created_at),
        "topic": plan.topic,
        "from_source": plan.from_source,
        "ranges": {str(number): list(range_) for number, range_ in sorted(plan.ranges.items())},
        "filters": {name: value for name, value in plan.filters._asdict().items() if value},
        "destination": plan.destination,
        "config_version": plan.config_version,
        "mappings": list(plan.mappings),
        "rate": plan.rate,
        "max_age_s": plan.max_age_s,
        "oldest_at": None if plan.oldest_at is None else _text(plan.oldest_at),
        "counts": dict(plan.counts),
    }


def _plan(found: Any) -> ReplayPlan:
    if found["version"] != VERSION:
        raise ValueError("version")
    filters, oldest = found["filters"], found["oldest_at"]
    return ReplayPlan(
        id=_id(found["id"]),
        created_at=_time(found["created_at"]),
        topic=str(found["topic"]),
        from_source=found["from_source"] is True,
        ranges={int(number): Range(int(start), int(end)) for number, (start, end) in found["ranges"].items()},
        filters=Filters(
            where=str(filters.get("where", "")),
            **{name: tuple(map(str, filters.get(name, ()))) for name in ("users", "events", "mappings")},
        ),
        destination=str(found["destination"]),
        config_version=str(found["config_version"]),
        mappings=tuple(map(str, found["mappings"])),
        rate=float(found["rate"]),
        max_age_s=float(found["max_age_s"]),
        oldest_at=None if oldest is None else _time(oldest),
        counts=dict(found["counts"]),
    )


def _id(value: Any) -> str:
    """Take an id that may be part of a consumer group's name and of a control key."""
    if not isinstance(value, str) or not value.isascii() or not value.isalnum():
        raise ValueError("id")
    return value


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
