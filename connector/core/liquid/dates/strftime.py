"""Print a moment by a pattern of %-directives, with liquidjs's flags and widths.

`%[flags][width][E|O]letter`: flags are `-` (no padding), `_` and `0` (what to pad with), `^` (upper case),
`#` (the other case) and `:` (in %z). An unknown letter leaves the whole directive as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from connector.core.liquid.budget import Budget
from connector.core.liquid.dates.moment import Moment, days_since_1970
from connector.core.liquid.values import plain_number_text

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WEEKDAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

_DIRECTIVE = re.compile(r"%([-_0^#:]+)?([0-9]+)?([EO])?([^\n\r\u2028\u2029])")
_WIDEST: Final = 1_000_000_000

Print: TypeAlias = Callable[[Moment, str, int], str]
"""(moment, flags, width as written or 0) -> text."""


def strftime(moment: Moment, pattern: str, budget: Budget) -> str:
    """Fill a moment into a pattern."""
    budget.use(len(pattern))

    def fill(match: re.Match[str]) -> str:
        flags, digits, _modifier, letter = match.groups(default="")
        print_part = _DIRECTIVES.get(letter)
        if print_part is None:
            return match[0]
        width = min(int(digits[-10:]) if len(digits) < 10 else _WIDEST, _WIDEST) if digits else 0
        budget.use(20 + width)
        text = _cased(print_part(moment, flags, width), flags)
        return _padded(text, letter, flags, width)

    return _DIRECTIVE.sub(fill, pattern)


def _cased(text: str, flags: str) -> str:
    if "^" in flags:
        return text.upper()
    if "#" in flags:
        has_lower_case = any("a" <= character <= "z" for character in text)
        return text.upper() if has_lower_case else text.lower()
    return text


def _padded(text: str, letter: str, flags: str, width: int) -> str:
    if "-" in flags:
        return text
    padding = " " if letter in "aAbBceklpP" else "0"
    if "_" in flags:
        padding = " "
    elif "0" in flags:
        padding = "0"
    return text.rjust(width or _WIDTHS.get(letter, 0), padding)


def _week_of_year(moment: Moment, first_weekday: int) -> str:
    first_of_year = (days_since_1970(_full_year(moment.year), 1, 1) + 4) % 7
    days = moment.day_of_year + first_weekday - moment.weekday - (7 - first_of_year + first_weekday)
    return str(days // 7 + 1)


def _full_year(year: int) -> int:
    return year + 1900 if 0 <= year <= 99 else year  # JavaScript takes 0 to 99 for years of that century


def _ordinal(moment: Moment) -> str:
    if moment.day in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(moment.day % 10, "th")


def _century(moment: Moment) -> str:
    head = str(moment.year)[:2]
    return "NaN" if head == "-" else str(int(head))


def _fraction(moment: Moment, _flags: str, width: int) -> str:
    digits = width or 9
    return f"{moment.millisecond:03}"[:digits].ljust(digits, "0")


def _offset(moment: Moment, flags: str, _width: int) -> str:
    hours, minutes = divmod(abs(moment.minutes_behind), 60)
    sign = "-" if moment.minutes_behind > 0 else "+"
    parts = [plain_number_text(part).rjust(2, "0") for part in (float(hours), float(minutes))]
    return sign + (":" if ":" in flags else "").join(parts)


def _zone(moment: Moment, flags: str, width: int) -> str:
    return moment.zone_name or _offset(moment, flags, width)


def _hour_of_12(moment: Moment) -> int:
    return moment.hour % 12 or 12


def _locale_date(moment: Moment) -> str:
    year = moment.year if moment.year > 0 else 1 - moment.year  # years before Christ count backwards
    return f"{moment.month}/{moment.day}/{year}"


def _locale_time(moment: Moment) -> str:
    half = "AM" if moment.hour < 12 else "PM"
    return f"{_hour_of_12(moment)}:{moment.minute:02}:{moment.second:02} {half}"


def _simple(print_part: Callable[[Moment], object]) -> Print:
    return lambda moment, _flags, _width: str(print_part(moment))


_DIRECTIVES: Final[Mapping[str, Print]] = {
    "a": _simple(lambda moment: _WEEKDAYS[moment.weekday][:3]),
    "A": _simple(lambda moment: _WEEKDAYS[moment.weekday]),
    "b": _simple(lambda moment: MONTHS[moment.month - 1][:3]),
    "B": _simple(lambda moment: MONTHS[moment.month - 1]),
    "c": _simple(lambda moment: f"{_locale_date(moment)}, {_locale_time(moment)}"),
    "C": _simple(_century),
    "d": _simple(lambda moment: moment.day),
    "e": _simple(lambda moment: moment.day),
    "h": _simple(lambda moment: MONTHS[moment.month - 1][:3]),
    "H": _simple(lambda moment: moment.hour),
    "I": _simple(_hour_of_12),
    "j": _simple(lambda moment: moment.day_of_year),
    "k": _simple(lambda moment: moment.hour),
    "l": _simple(_hour_of_12),
    "L": _simple(lambda moment: moment.millisecond),
    "m": _simple(lambda moment: moment.month),
    "M": _simple(lambda moment: moment.minute),
    "N": _fraction,
    "p": _simple(lambda moment: "AM" if moment.hour < 12 else "PM"),
    "P": _simple(lambda moment: "am" if moment.hour < 12 else "pm"),
    "q": _simple(_ordinal),
    "s": _simple(lambda moment: (moment.shown_ms + 500) // 1000),
    "S": _simple(lambda moment: moment.second),
    "u": _simple(lambda moment: moment.weekday or 7),
    "U": _simple(lambda moment: _week_of_year(moment, 0)),
    "w": _simple(lambda moment: moment.weekday),
    "W": _simple(lambda moment: _week_of_year(moment, 1)),
    "x": _simple(_locale_date),
    "X": _simple(_locale_time),
    "y": _simple(lambda moment: str(moment.year)[2:4]),
    "Y": _simple(lambda moment: moment.year),
    "z": _offset,
    "Z": _zone,
    "t": _simple(lambda _moment: "\t"),
    "n": _simple(lambda _moment: "\n"),
    "%": _simple(lambda _moment: "%"),
}

_WIDTHS: Final[Mapping[str, int]] = {**dict.fromkeys("deHIklmMSUW", 2), "j": 3, "L": 3}
