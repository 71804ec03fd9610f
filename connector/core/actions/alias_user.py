"""aliasUser: give a person a new user id."""

from __future__ import annotations

from typing import Final

from connector.core.actions.action import Action, Body
from connector.core.actions.fields import MESSAGE_ID, TIMESTAMP, USER_ID, path, required
from connector.core.payload_schema import Field


def _alias(payload: Body) -> Body:
    """Lay out an alias.

    Body: {"type": "alias", "userId", "previousUserId", and "timestamp", "messageId" as far as known}
    Source: destinations/encharge/aliasUser/index.ts
    """
    return {**payload, "type": "alias"}


ALIAS_USER: Final = Action(
    key="aliasUser",
    title="Alias User",
    description="Change the user id of a person.",
    trigger='type = "alias"',
    fields=(
        required(USER_ID, label="User ID", description="The new id of the person."),
        Field(
            key="previousUserId",
            label="Previous User ID",
            description="The id the person had so far.",
            required=True,
            default=path("$.previousId"),
        ),
        TIMESTAMP,
        MESSAGE_ID,
    ),
    body=_alias,
)
