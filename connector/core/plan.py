"""What a destination makes of one event: planned requests and errors."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from connector.core.request import Request


class PlanErrorCode(StrEnum):
    """Why an event cannot become a request. Stable: dead-letter header, metric label, docs page."""

    TRIGGER = "invalid_trigger"  # the trigger cannot be evaluated
    FIELDS = "invalid_fields"  # a directive could not do its work
    SCHEMA = "invalid_payload"  # required fields missing, wrong types
    ACTION = "invalid_action"  # the action has nobody to act on
    EVENT = "invalid_event"  # the event has a null where the reference trips
    ENCODING = "invalid_encoding"  # the body cannot be written as JSON


class PlanError(NamedTuple):
    """Why there is no request.

    message   as in the reference
    status    the HTTP status the reference gives such an error, None where it has none
    kind      the reference's error class
    messages  the single complaints where the reference aggregates them
    """

    code: PlanErrorCode
    message: str
    status: int | None
    kind: str
    messages: tuple[str, ...] = ()


class Planned(NamedTuple):
    """One enabled mapping whose trigger matched: either a request or an error."""

    mapping_name: str
    action: str
    request: Request | None
    error: PlanError | None
