"""addTag and removeTag: tag a person, untag a person."""

from __future__ import annotations

from typing import Final

from connector.core.actions.action import Action, Body
from connector.core.actions.fields import PERSON, path
from connector.core.payload_schema import Field
from connector.errors import PayloadError

_KIND: Final = "PayloadValidationError"


def _tag(payload: Body) -> Body:
    """Give the payload as the body once it names a person and a tag.

    Body: {"tag": text as it came, commas included, and email, userId, segmentAnonymousId as far as known}
    Raises: PayloadError when nobody is named or the tag is empty
    Source: destinations/encharge/addTag/index.ts, removeTag/index.ts
    """
    if not (payload.get("email") or payload.get("userId") or payload.get("segmentAnonymousId")):
        raise PayloadError("No user ID, email, or anonymous ID provided.", kind=_KIND)
    if not payload.get("tag"):
        raise PayloadError("Missing tag.", kind=_KIND)
    return payload


_FIELDS: Final = (
    Field(
        key="tag",
        label="Tag",
        description="One tag, or several separated by commas.",
        required=True,
        default=path("$.traits.tag"),
    ),
    *PERSON,
)

ADD_TAG: Final = Action(
    key="addTag",
    title="Tag User",
    description="Add tags to a person.",
    endpoint="tags",
    fields=_FIELDS,
    body=_tag,
)

REMOVE_TAG: Final = Action(
    key="removeTag",
    title="Untag User",
    description="Remove tags from a person.",
    endpoint="tags",
    method="DELETE",
    fields=_FIELDS,
    body=_tag,
)
