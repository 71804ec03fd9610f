"""Read a text as a date the way V8's `new Date(text)` does, on a machine in UTC.

Two grammars: the ISO format of ECMAScript, and for what that does not match the old one of browsers,
which takes "Feb 3, 2021 4:05 PM", "3/2/2021", RFC 2822 and much else. They share their state: the old
grammar goes on where ISO stopped.

Source: v8, src/date/dateparser-inl.h
"""

from __future__ import annotations

from collections import deque
from typing import Final

from connector.core.liquid.dates.date_tokens import END, Kind, Token, date_tokens
from connector.core.liquid.dates.moment import DAY_MS, days_since_1970

_LATEST_YEAR: Final = 1_000_000
_NUMBERS_OF_DAY: Final = 3
_POWERS: Final = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)


class _NotADateError(Exception):
    """The text is no date."""


def _need(condition: object) -> None:
    if not condition:
        raise _NotADateError


def read_date(text: str) -> int | None:
    """Give the time of a text in milliseconds since 1970; None where it is no date."""
    reader = _Reader(text)
    try:
        if not reader.read_iso():
            reader.read_old()
        return reader.time_ms()
    except _NotADateError:
        return None


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = deque(date_tokens(text))
        self._is_iso = False
        self._day: list[int] = []
        self._month: int | None = None  # where it is given by name
        self._time: list[int] = []  # hour, minute, second, millisecond
        self._half_day: int | None = None
        self._zone_sign: int | None = None
        self._zone_hour: int | None = None
        self._zone_minute: int | None = None

    def _peek(self) -> Token:
        return self._tokens[0] if self._tokens else END

    def _next(self) -> Token:
        return self._tokens.popleft() if self._tokens else END

    def _skip(self, symbol: str) -> bool:
        found = self._peek().is_symbol(symbol)
        if found:
            self._next()
        return found

    def read_iso(self) -> bool:
        """Read [±yy]yyyy[-MM[-DD]][THH:mm[:ss[.sss]][Z|±hh:mm]]; False leaves the rest to the old grammar."""
        if not self._read_iso_date():
            return False
        if self._peek().kind is Kind.TIME_MARK:
            self._next()
            self._read_iso_time()
            self._read_iso_zone()
            _need(self._peek() is END)
        elif self._peek() is not END:
            return False
        self._is_iso = True
        return True

    def _read_iso_date(self) -> bool:
        if self._peek().is_symbol("+", "-"):
            sign = self._next()
            if not self._peek().is_number_of(6):
                self._tokens.appendleft(sign)
                return False
            year = self._next().value
            if sign.text == "-" and year == 0:
                self._tokens.appendleft(sign)  # without the year, which is lost
                return False
            self._day.append(-year if sign.text == "-" else year)
        elif self._peek().is_number_of(4):
            self._day.append(self._next().value)
        else:
            return False
        for most in (12, 31):
            if not self._skip("-"):
                break
            if not (self._peek().is_number_of(2) and 1 <= self._peek().value <= most):
                return False
            self._day.append(self._next().value)
        return True

    def _read_iso_time(self) -> None:
        hour = self._two_digits(24)
        most = 0 if hour == 24 else 59
        _need(self._skip(":"))
        self._time = [hour, self._two_digits(most)]
        if self._skip(":"):
            self._time.append(self._two_digits(most))
            if self._skip("."):
                _need(self._peek().kind is Kind.NUMBER and (hour < 24 or self._peek().value == 0))
                self._time.append(_milliseconds(self._next()))

    def _two_digits(self, most: int) -> int:
        _need(self._peek().is_number_of(2) and self._peek().value <= most)
        return self._next().value

    def _read_iso_zone(self) -> None:
        if self._peek().is_z():
            self._next()
        elif self._peek().is_symbol("+", "-"):
            self._zone_sign = 1 if self._next().text == "+" else -1
            if self._peek().is_number_of(4):
                self._zone_hour, self._zone_minute = divmod(self._next().value, 100)
                _need(self._zone_hour <= 23 and self._zone_minute <= 59)
            else:
                self._zone_hour = self._two_digits(23)
                _need(self._skip(":"))
                self._zone_minute = self._two_digits(59)

    def read_old(self) -> None:
        """Read what browsers have always read."""
        has_number = bool(self._day)
        while (token := self._next()) is not END:
            match token.kind:
                case Kind.NUMBER:
                    has_number = True
                    self._read_number(token.value)
                case Kind.HALF_DAY if self._time:
                    self._half_day = token.value
                case Kind.MONTH:
                    self._month = token.value
                    self._skip("-")
                case Kind.ZONE if has_number:
                    self._zone_sign = -1 if token.value < 0 else 1
                    self._zone_hour, self._zone_minute = abs(token.value), 0
                case Kind.HALF_DAY | Kind.ZONE | Kind.TIME_MARK | Kind.UNKNOWN_WORD:
                    # Unknown words may stand before the first number only, and not directly.
                    _need(not has_number and self._peek().kind is not Kind.NUMBER)
                case Kind.SYMBOL if token.text in "+-" and (self._time or self._is_utc()):
                    self._read_offset(1 if token.text == "+" else -1)
                    has_number = True
                case Kind.SYMBOL if token.text in "+-)":
                    _need(not has_number)

    def _is_utc(self) -> bool:
        return self._zone_hour == 0 and self._zone_minute == 0

    def _read_number(self, number: int) -> None:
        if self._skip(":"):
            if self._skip(":"):
                _need(not self._time)
                self._time = [number, 0]
            else:
                self._add_time(number)
                self._skip(".")
        elif self._skip(".") and self._time_expects(number):
            self._add_time(number)
            _need(self._peek().kind is Kind.NUMBER)
            self._add_last_time(_milliseconds(self._next()))
        elif self._zone_hour is not None and self._zone_minute is None and number <= 59:
            self._zone_minute = number
        elif self._time_expects(number):
            self._add_last_time(number)
            following = self._peek()
            is_free = following is END or following.kind is Kind.BLANK or following.is_z()
            _need(is_free or following.is_symbol("+", "-"))
        else:
            _need(len(self._day) < _NUMBERS_OF_DAY)
            self._day.append(number)
            self._skip("-")

    def _time_expects(self, number: int) -> bool:
        match len(self._time):
            case 1 | 2:
                return number <= 59
            case 3:
                return number <= 999
            case _:
                return False

    def _add_time(self, number: int) -> None:
        _need(len(self._time) < 4)
        self._time.append(number)

    def _add_last_time(self, number: int) -> None:
        self._add_time(number)
        self._time += [0] * (4 - len(self._time))

    def _read_offset(self, sign: int) -> None:
        self._zone_sign = sign
        number, digits = 0, 0
        if self._peek().kind is Kind.NUMBER:
            token = self._next()
            number, digits = token.value, len(token.text)
        if self._peek().is_symbol(":"):
            self._zone_hour, self._zone_minute = number, None
        elif digits in (1, 2):
            self._zone_hour, self._zone_minute = number, 0
        else:
            _need(digits in (3, 4))
            self._zone_hour, self._zone_minute = divmod(number, 100)

    def time_ms(self) -> int:
        """Put together what has been read."""
        year, month, day = self._date()
        hour, minute, second, millisecond = self._clock()
        days = days_since_1970(year, month, 1) + day - 1
        offset = 0
        if self._zone_sign is not None:
            offset = self._zone_sign * ((self._zone_hour or 0) * 60 + (self._zone_minute or 0))
        return days * DAY_MS + ((hour * 60 + minute - offset) * 60 + second) * 1000 + millisecond

    def _date(self) -> tuple[int, int, int]:
        _need(self._day)
        first, second, third = (*self._day, 1, 1)[:_NUMBERS_OF_DAY]
        first_is_day = 1 <= first <= 31
        match self._month:
            case None if self._is_iso or (not first_is_day):
                year, month, day = first, second, third
            case None:
                month, day, year = first, second, third
            case month if first_is_day:
                day, year = first, second
            case month:
                year, day = first, second
        if not self._is_iso and 0 <= year <= 99:
            year += 2000 if year < 50 else 1900
        _need(1 <= month <= 12 and 1 <= day <= 31 and abs(year) < _LATEST_YEAR)
        return year, month, day

    def _clock(self) -> tuple[int, int, int, int]:
        hour, minute, second, millisecond = (*self._time, 0, 0, 0, 0)[:4]
        if self._half_day is not None:
            _need(hour <= 12)
            hour = hour % 12 + self._half_day
        is_midnight = (hour, minute, second, millisecond) == (24, 0, 0, 0)
        _need(is_midnight or (hour <= 23 and minute <= 59 and second <= 59 and millisecond <= 999))
        return hour, minute, second, millisecond


def _milliseconds(token: Token) -> int:
    digits = len(token.text)
    shift = min(digits, 9) - 3
    return token.value // _POWERS[shift] if shift > 0 else token.value * _POWERS[-shift]
