"""trackEvent, trackPageView, identifyUser: what a person did or is."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from connector.core.actions.action import Action, Body
from connector.core.actions.fields import (
    COMMON,
    EMAIL,
    PROPERTIES,
    USER_FIELDS,
    first_existing,
    path,
)
from connector.core.payload_schema import Field

_CONTEXT: Final = ("ip", "userAgent", "campaign", "page", "location", "groupId")
_NOT_AT_TOP: Final = frozenset((*_CONTEXT, "user"))
_PERSON: Final = ("email", "userId", "segmentAnonymousId")


def _person_event(payload: Body, fields_of_person: str) -> Body:
    """Lay out a person event.

    Body: every payload field but those of the context, plus
        "context": {ip, userAgent, campaign, page, location, groupId as far as known}
        "user": {email, userId, segmentAnonymousId as far as known, then the person's fields, which win}
    Source: destinations/encharge/trackEvent/index.ts, trackPageView/index.ts, identifyUser/index.ts
    """
    user = {key: payload[key] for key in _PERSON if key in payload}
    if fields := payload.get(fields_of_person):
        user.update(fields)
    body = {key: value for key, value in payload.items() if key not in _NOT_AT_TOP}
    body["context"] = {key: payload[key] for key in _CONTEXT if key in payload}
    body["user"] = user
    return body


def _with_user_fields(payload: Body) -> Body:
    return _person_event(payload, "userFields")  # userFields stays at the top level, too


def _with_user(payload: Body) -> Body:
    return _person_event(payload, "user")


TRACK_EVENT: Final = Action(
    key="trackEvent",
    title="Track Event",
    description="Record an event of a known or anonymous person.",
    trigger='type = "track"',
    fields=(
        Field(
            key="event",
            label="Event Name",
            description="Name of the event.",
            required=True,
            default=path("$.event"),
        ),
        PROPERTIES,
        USER_FIELDS,
        *COMMON,
    ),
    body=_with_user_fields,
)

TRACK_PAGE_VIEW: Final = Action(
    key="trackPageView",
    title="Track Page View",
    description="Record a page view of a known or anonymous person.",
    trigger='type = "page"',
    fields=(
        replace(PROPERTIES, label="Page View Properties", description="Properties of the page view."),
        USER_FIELDS,
        *COMMON,
    ),
    body=_with_user_fields,
)

IDENTIFY_USER: Final = Action(
    key="identifyUser",
    title="Identify User",
    description="Create a person, or set fields of one.",
    trigger='type = "identify"',
    fields=(
        Field(
            key="user",
            label="User Fields",
            description="Fields of the person; unknown ones are created.",
            type="object",
            default=path("$.traits"),
        ),
        replace(EMAIL, default=first_existing("$.traits.email", "$.context.traits.email")),
        *(field for field in COMMON if field is not EMAIL),
    ),
    body=_with_user,
)
