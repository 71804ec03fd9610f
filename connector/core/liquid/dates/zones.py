"""How many minutes a named time zone is behind UTC at a time.

The zones are those of the package tzdata, not the machine's, so that every machine gives the same answer.
They are part of the program, like Unicode's tables; each is read once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from connector.core.liquid.dates.moment import DAY_MS

_FIRST: Final = -62_135_510_400_000  # 0001-01-02
_LAST: Final = 253_402_214_400_000  # 9999-12-31
_CALENDAR_CYCLE: Final = 146_097 * DAY_MS  # 400 years
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1)
def _data() -> Path:
    spec = find_spec("tzdata")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    names = _data().joinpath("zones").read_text().split()
    return {name.lower(): name for name in names if name != "Factory"}


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    with _data().joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def minutes_behind_utc(name: str, time_ms: int) -> float | None:
    """Give the offset that a zone has at a time, positive in America; None for an unknown zone."""
    known = _names().get(name.lower()) if name.isascii() else None
    if known is None:
        return None
    within = max(time_ms, _FIRST)
    if within > _LAST:
        within = _LAST - (_LAST - within) % _CALENDAR_CYCLE
    offset = (_EPOCH + timedelta(milliseconds=within)).astimezone(_zone(known)).utcoffset()
    assert offset is not None
    return -offset.total_seconds() / 60
