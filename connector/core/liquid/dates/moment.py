"""A point in time, and the calendar and clock it shows in its zone.

Times are milliseconds since 1970 in UTC, for 275,000 years before and after; Python's datetime ends at the
year 9999. The machine of the reference is on UTC, so a time without a zone is one in UTC.
"""

from __future__ import annotations

from math import isfinite
from typing import Final

DAY_MS: Final = 86_400_000
_MINUTE_MS: Final = 60_000
_LATEST_MS: Final = 8_640_000_000_000_000


def clipped(time_ms: float) -> int | None:
    """Give a time in whole milliseconds; None beyond what JavaScript's Date holds."""
    return int(time_ms) if isfinite(time_ms) and abs(time_ms) <= _LATEST_MS else None


def days_since_1970(year: int, month: int, day: int) -> int:
    """Count days to a date of the Gregorian calendar; month and day count from 1, days may run over."""
    # Years begin in March here, so that the leap day is the last of its year.
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5
    return (
        era * 146_097
        + year_of_era * 365
        + year_of_era // 4
        - year_of_era // 100
        + day_of_year
        + day
        - 719_469
    )


def _date_of(days: int) -> tuple[int, int, int]:
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    return year_of_era + era * 400 + (month <= 2), month, day


class Moment:
    """What a calendar and a clock show at a time, so many minutes behind UTC."""

    __slots__ = (
        "day", "day_of_year", "hour", "millisecond", "minute", "minutes_behind", "month", "second",
        "shown_ms", "weekday", "year", "zone_name",
    )  # fmt: skip

    def __init__(self, shown_ms: int, minutes_behind: float, zone_name: str) -> None:
        self.shown_ms = shown_ms
        self.minutes_behind = minutes_behind
        self.zone_name = zone_name
        """"" where only the offset is known."""
        days, in_day = divmod(shown_ms, DAY_MS)
        self.year, self.month, self.day = _date_of(days)
        self.day_of_year = days - days_since_1970(self.year, 1, 1) + 1
        self.weekday = (days + 4) % 7
        """0 is Sunday."""
        seconds, self.millisecond = divmod(in_day, 1000)
        minutes, self.second = divmod(seconds, 60)
        self.hour, self.minute = divmod(minutes, 60)


def moment_at(time_ms: float, minutes_behind: float = 0, zone_name: str = "UTC") -> Moment | None:
    """Give the moment of a time; None where Date has none."""
    time = clipped(time_ms)
    if time is None:
        return None
    shown = clipped(time - minutes_behind * _MINUTE_MS)
    return None if shown is None else Moment(shown, minutes_behind, zone_name)
