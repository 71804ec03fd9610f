"""Clean, check and coerce a payload against the fields an action declares.

Compiled once per action. The order of the reference is kept: empty values go first, then everything
that is wrong is collected into one error.

Source: segmentio/action-destinations, packages/core/src/remove-empty-values.ts and
schema-validation.ts (ajv with coerceTypes "array", allErrors, removeAdditional)
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from connector.core.javascript import UNDEFINED, text_of, type_name
from connector.errors import PayloadError

ERROR_KIND: Final = "AggregateAjvError"

_SPACE = r"[tT\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]"
_DATE_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})" + _SPACE + r"([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.[0-9]+)?(?:[zZ]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an action, the only place where it is declared.

    default  the tree a preset or a new mapping contains; UNDEFINED for none
    members  what an object may contain; without any its content is free
    dynamic  the choices are asked from Encharge
    """

    key: str
    label: str
    description: str
    type: Literal["string", "object"] = "string"
    required: bool = False
    format: Literal["date-time"] | None = None
    default: Any = UNDEFINED
    members: tuple[Field, ...] = ()
    dynamic: bool = False


class _Invalid(PayloadError):
    def __init__(self, messages: list[str]) -> None:
        super().__init__(" ".join(messages), kind=ERROR_KIND)
        self.messages = messages


Cleaner: TypeAlias = Callable[[Any], Any]


class PayloadSchema:
    """The compiled fields of one action."""

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields
        self._cleaners = {field.key: _cleaner(field, at_root=True) for field in fields}
        self._plain_texts = frozenset(
            field.key for field in fields if field.type == "string" and field.format is None
        )
        self._required = tuple(field.key for field in fields if field.required)

    def clean(self, payload: Any) -> dict[str, Any]:
        """Give a new payload with empty values and unknown members gone and texts coerced.

        Raises: PayloadError of kind AggregateAjvError with everything that is wrong
        """
        if type(payload) is not dict:
            raise _Invalid([f"The root value must be an object but it was {_article(payload)}."])
        plain, cleaners = self._plain_texts, self._cleaners
        cleaned = {}
        try:
            for key, value in payload.items():
                if type(value) is str and key in plain:
                    if value:
                        cleaned[key] = value
                elif key in cleaners:
                    value = cleaners[key](value)  # noqa: PLW2901
                    if value is not UNDEFINED:
                        cleaned[key] = value
            for key in self._required:
                if key not in cleaned:
                    raise _Invalid([])
        except _Invalid:
            raise _Invalid(self._complaints(payload)) from None
        return cleaned

    def clean_field(self, key: str, value: Any) -> Any:
        """Clean one value, for explanations; UNDEFINED when it is dropped.

        Raises: PayloadError with what is wrong with this field
        """
        if key not in self._cleaners:
            return UNDEFINED
        return self._cleaners[key](value)

    def _complaints(self, payload: dict[str, Any]) -> list[str]:
        """Missing fields first, then per field in the order of declaration."""
        missing: list[str] = []
        others: list[str] = []
        for field in self.fields:
            try:
                value = payload.get(field.key, UNDEFINED)
                if value is not UNDEFINED:
                    value = self._cleaners[field.key](value)
                if value is UNDEFINED and field.required:
                    missing.append(f"The root value is missing the required field '{field.key}'.")
            except _Invalid as invalid:
                others += invalid.messages
        return missing + others


def _cleaner(field: Field, *, at_root: bool) -> Cleaner:
    if field.type == "object":
        return _object_of_members(field) if field.members else _free_object(field)
    if field.format == "date-time":
        return _date_time(field, at_root=at_root)
    return _text(field, at_root=at_root)


def _text(field: Field, *, at_root: bool) -> Cleaner:
    def clean(value: Any) -> Any:
        if value is None or (at_root and value == "" and type(value) is str):
            return UNDEFINED
        return coerced_text(field.label, value)

    return clean


def coerced_text(label: str, value: Any) -> str:
    """Turn a value into text where ajv does: scalars, and lists of one scalar.

    Raises: PayloadError naming the label and the type found
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
        if value is None:
            return ""  # the removal of empty values ran before
    if isinstance(value, (str, bool, int, float)):
        return text_of(value)
    raise _Invalid([f"{label} must be a string but it was {_article(value)}."])


def _date_time(field: Field, *, at_root: bool) -> Cleaner:
    clean_text = _text(field, at_root=at_root)

    def clean(value: Any) -> Any:
        text = clean_text(value)
        if text is not UNDEFINED and not is_date_time(text):
            raise _Invalid([f"{field.label} must be a valid date and time string but it was not."])
        return text

    return clean


def is_date_time(text: str) -> bool:
    """Check the shape and the calendar; the zone is optional and its range is not checked."""
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return False
    year, month, day, hour, minute, second = map(int, match.groups())
    if not (1 <= month <= 12 and 1 <= day <= 31 and (day <= 28 or day <= _days(year, month))):
        return False
    return (hour <= 23 and minute <= 59 and second <= 59) or (hour, minute, second) == (23, 59, 60)


def _days(year: int, month: int) -> int:
    return monthrange(year or 2000, month)[1]  # year 0 is a leap year by the Gregorian rule, as 2000 is


def _free_object(field: Field) -> Cleaner:
    def clean(value: Any) -> Any:
        if type(value) is dict:
            return value
        if value is None or (type(value) is str and not value):
            return UNDEFINED
        raise _not_an_object(field, value)

    return clean


def _object_of_members(field: Field) -> Cleaner:
    # Below the first level an empty text stays.
    cleaners = {member.key: _cleaner(member, at_root=False) for member in field.members}

    def clean(value: Any) -> Any:
        if type(value) is not dict:
            if value is None or (type(value) is str and not value):
                return UNDEFINED
            raise _not_an_object(field, value)
        cleaned = {}
        try:
            for key, item in value.items():
                if key in cleaners:
                    item = item if type(item) is str else cleaners[key](item)  # noqa: PLW2901
                    if item is not UNDEFINED:
                        cleaned[key] = item
        except _Invalid:
            raise _Invalid(_all_complaints(cleaners, value)) from None
        return cleaned

    return clean


def _all_complaints(cleaners: Mapping[str, Cleaner], value: dict[str, Any]) -> list[str]:
    messages: list[str] = []
    for key, clean in cleaners.items():
        try:
            clean(value.get(key))
        except _Invalid as invalid:
            messages += invalid.messages
    return messages


def _not_an_object(field: Field, value: Any) -> _Invalid:
    return _Invalid([f"{field.label} must be an object but it was {_article(value)}."])


def _article(value: Any) -> str:
    name = type_name(value)
    if name in ("null", "undefined"):
        return name
    return f"an {name}" if name in ("array", "object") else f"a {name}"
