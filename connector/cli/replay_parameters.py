"""What the options of `replay` may be: times, durations, offsets of partitions."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from connector.settings import duration

_OFFSETS = re.compile(r"([0-9]{1,9}):([0-9]{1,18})(?:-([0-9]{1,18}))?")


class Moment(click.ParamType):
    """A time as epoch seconds: ISO 8601, UTC where it names no zone, or so long ago."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Give epoch seconds."""
        if isinstance(value, float):
            return value
        try:
            return time.time() - float(duration()(value))
        except ValueError:
            pass
        try:
            found = datetime.fromisoformat(value)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time; write e.g. 2026-11-24T04:15:00Z, 24h or 7d", param, ctx)


class Duration(click.ParamType):
    """A duration in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Give seconds."""
        try:
            return value if isinstance(value, float) else float(duration()(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Offsets(click.ParamType):
    """Where to begin in some partitions, and where to end: P:START[-END],…, or a file that says so."""

    name = "offsets"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[int, tuple[int, int | None]]:
        """Give partition -> start and end."""
        if isinstance(value, dict):
            return value
        file = Path(value)
        try:
            text = file.read_text() if file.is_file() else value
        except (OSError, UnicodeDecodeError):
            self.fail(f"{value} cannot be read", param, ctx)
        found = {}
        for part in re.split(r"[,\s]+", text.strip()):
            match = _OFFSETS.fullmatch(part)
            if match is None:
                self.fail(f"{part!r} is no offset of a partition; write e.g. 0:1200,1:980-1100", param, ctx)
            found[int(match[1])] = int(match[2]), None if match[3] is None else int(match[3])
        return found
