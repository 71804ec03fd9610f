"""Fields that several actions share.

Source: segmentio/action-destinations, packages/destination-actions/src/destinations/encharge/
common-definitions.ts (keys, labels, types and defaults; the descriptions are ours)
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from connector.core.payload_schema import Field


def path(text: str) -> dict[str, str]:
    """Write the tree that looks up a path."""
    return {"@path": text}


def first_existing(text: str, otherwise: str) -> dict[str, Any]:
    """Write the tree that takes the first of two paths that is there."""
    return {"@if": {"exists": path(text), "then": path(text), "else": path(otherwise)}}


def _from_context(key: str, label: str, description: str, *members: Field) -> Field:
    return Field(
        key=key,
        label=label,
        description=description,
        type="object",
        default={member.key: path(f"$.context.{key}.{member.key}") for member in members},
        members=members,
    )


def _member(key: str, label: str, description: str) -> Field:
    return Field(key=key, label=label, description=description)


TYPE: Final = Field(
    key="type",
    label="Type",
    description="Kind of the event: track, identify, page, …",
    required=True,
    default=path("$.type"),
)
EMAIL: Final = Field(
    key="email",
    label="Email",
    description="Email address of the person.",
    default=first_existing("$.context.traits.email", "$.properties.email"),
)
ANONYMOUS_ID: Final = Field(
    key="segmentAnonymousId",
    label="Anonymous ID",
    description="Segment's anonymous id of the person.",
    default=path("$.anonymousId"),
)
USER_ID: Final = Field(
    key="userId",
    label="User ID",
    description="Id of the person in your system, kept as User ID in Encharge.",
    default=path("$.userId"),
)
GROUP_ID: Final = Field(
    key="groupId",
    label="Group ID",
    description="Id of the group the event happened in.",
    default=path("$.context.groupId"),
)
TIMESTAMP: Final = Field(
    key="timestamp",
    label="Timestamp",
    description="When the event happened, as date and time text.",
    format="date-time",
    default=path("$.timestamp"),
)
MESSAGE_ID: Final = Field(
    key="messageId",
    label="MessageId",
    description="Segment's id of this very event.",
    default=path("$.messageId"),
)
IP: Final = Field(
    key="ip",
    label="IP Address",
    description="IP address of the person's device.",
    default=path("$.context.ip"),
)
USER_AGENT: Final = Field(
    key="userAgent",
    label="User Agent",
    description="User agent text; tells device, browser and operating system.",
    default=path("$.context.userAgent"),
)
CAMPAIGN: Final = _from_context(
    "campaign",
    "Campaign",
    "The UTM parameters the person came with.",
    _member("name", "Name", "Campaign name (utm_campaign)."),
    _member("source", "Source", "Campaign source (utm_source)."),
    _member("medium", "Medium", "Campaign medium (utm_medium)."),
    _member("term", "Term", "Search term (utm_term)."),
    _member("content", "Content", "Which link or ad was clicked (utm_content)."),
)
PAGE: Final = _from_context(
    "page",
    "Page",
    "The page on which the event happened.",
    _member("url", "URL", "Full address of the page."),
    _member("title", "Title", "Title of the page."),
    _member("referrer", "Referrer", "Address of the page before it."),
    _member("path", "Path", "Path part of the address."),
    _member("search", "Search", "Query part of the address."),
)
LOCATION: Final = _from_context(
    "location",
    "Location",
    "Where the person was.",
    _member("city", "City", "City."),
    _member("region", "Region", "State, province or region."),
    _member("country", "Country", "Country."),
)

COMMON: Final = (
    TYPE,
    EMAIL,
    ANONYMOUS_ID,
    USER_ID,
    GROUP_ID,
    TIMESTAMP,
    MESSAGE_ID,
    IP,
    USER_AGENT,
    CAMPAIGN,
    PAGE,
    LOCATION,
)

PERSON: Final = (EMAIL, USER_ID, ANONYMOUS_ID)

PROPERTIES: Final = Field(
    key="properties",
    label="Event Properties",
    description="Properties of the event, sent as they are.",
    type="object",
    default=path("$.properties"),
)
USER_FIELDS: Final = Field(
    key="userFields",
    label="User Fields",
    description="Fields of the person to set along with the event; unknown ones are created.",
    type="object",
    default=path("$.context.traits"),
)


def required(field: Field, *, label: str, description: str) -> Field:
    """Declare a shared field as required, under another label."""
    return replace(field, required=True, label=label, description=description)
