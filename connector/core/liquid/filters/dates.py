"""Filters for dates: they read what JavaScript reads as a date, and leave anything else as it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import isnan
from typing import Any, Final

from connector.core.javascript import UNDEFINED
from connector.core.liquid.dates.date_text import read_date
from connector.core.liquid.dates.moment import Moment, clipped, moment_at
from connector.core.liquid.dates.strftime import strftime
from connector.core.liquid.dates.zones import minutes_behind_utc
from connector.core.liquid.errors import ScriptError
from connector.core.liquid.filters.kind import Filter
from connector.core.liquid.render import Render
from connector.core.liquid.units import utf8
from connector.core.liquid.values import (
    is_nil,
    is_number,
    number_of,
    output_text,
    own_property,
    plain,
    primitive,
)

_DEFAULT_FORMAT: Final = "%A, %B %-e, %Y at %-l:%M %P %z"
_READING: Final = 50
"""Units of a character read as a date, up to 4 µs."""

_EVENT_TIMES: Final = ("receivedAt", "timestamp")
"""Members of the event that tell what "now" is, the first that is a date."""


def _date(
    render: Render, value: Any, pattern: Any = UNDEFINED, zone: Any = UNDEFINED, *_arguments: Any
) -> Any:
    """Print a date by a strftime pattern, in a time zone given by name or by minutes behind UTC."""
    moment = _moment(render, value, zone)
    if moment is None:
        return value
    pattern = plain(pattern)
    text = _DEFAULT_FORMAT if is_nil(pattern) else output_text(pattern, render)
    return strftime(moment, text, render)


def _date_by(pattern: str) -> Filter:
    return lambda render, value, *_arguments: _date(render, value, pattern)


def _date_in_words(
    month: str, render: Render, value: Any, kind: Any = UNDEFINED, style: Any = UNDEFINED, *_arguments: Any
) -> Any:
    """Print a date as "07 Nov 2008", as "7th Nov 2008" (ordinal) or as "Nov 7th, 2008" (ordinal, US)."""
    moment = _moment(render, value, UNDEFINED)
    if moment is None:
        return value
    if kind != "ordinal":
        return strftime(moment, f"%d {month} %Y", render)
    if style == "US":
        return strftime(moment, f"{month} {moment.day}%q, %Y", render)
    return strftime(moment, f"{moment.day}%q {month} %Y", render)


def _moment(render: Render, value: Any, zone: Any) -> Moment | None:
    value = plain(value)
    if is_nil(value):
        return None
    time = _time_of(value, render)
    if time is None:
        return None
    if is_nil(zone):
        return moment_at(time)
    if not isinstance(zone, str):
        minutes = number_of(zone, render)
        return None if isnan(minutes) else moment_at(time, minutes, "")
    behind = minutes_behind_utc(zone, time)
    if behind is None:
        # V8 shows the bytes of the name.
        raise ScriptError(f"Invalid time zone specified: {utf8(zone).decode('latin-1')}")
    return moment_at(time, behind, zone)


def _time_of(value: Any, render: Render) -> int | None:
    if value in ("now", "today") and isinstance(value, str):
        return _now(render)
    if is_number(value):
        return clipped(number_of(value, render) * 1000)
    if isinstance(value, str):
        render.use(_READING * len(value))
        if value.isascii() and value.isdigit():
            return clipped(number_of(value, render) * 1000)
        return _clipped_date(value)
    value = primitive(value, render)
    if isinstance(value, str):
        render.use(_READING * len(value))
        return _clipped_date(value)
    return clipped(number_of(value, render))


def _clipped_date(text: str) -> int | None:
    time = read_date(text)
    return None if time is None else clipped(time)


def _now(render: Render) -> int:
    """Give the time at which the event was received; the connector itself reads no clock here."""
    for name in _EVENT_TIMES:
        text = own_property(render.event, name)
        time = _clipped_date(text) if isinstance(text, str) else None
        if time is not None:
            return time
    raise ScriptError(f'the time "now" needs {" or ".join(_EVENT_TIMES)} in the event')


DATE_FILTERS: Final[Mapping[str, Filter]] = {
    "date": _date,
    "date_to_long_string": partial(_date_in_words, "%B"),
    "date_to_rfc822": _date_by("%a, %d %b %Y %H:%M:%S %z"),
    "date_to_string": partial(_date_in_words, "%b"),
    "date_to_xmlschema": _date_by("%Y-%m-%dT%H:%M:%S%:z"),
}
