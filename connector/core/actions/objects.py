"""createUpdateObject: companies and other objects, with the person that belongs to them."""

from __future__ import annotations

from typing import Final

from connector.core.actions.action import Action, Body
from connector.core.actions.fields import USER_ID, path
from connector.core.payload_schema import Field


def _create_or_update(payload: Body) -> Body:
    """Lay out an object.

    Body: {"type": "group", "objectType", "properties": {the object's fields, "externalId", "id"},
        "user": {"email", "userId"}}
        The payload's externalId and id replace fields of these names, also when they are absent.
    Source: destinations/encharge/createUpdateObject/index.ts
    """
    properties = dict(payload.get("objectData") or ())
    for key in ("externalId", "id"):
        properties.pop(key, None)
        if key in payload:
            properties[key] = payload[key]
    return {
        "type": "group",
        "objectType": payload["objectType"],
        "properties": properties,
        "user": {key: payload[key] for key in ("email", "userId") if key in payload},
    }


CREATE_UPDATE_OBJECT: Final = Action(
    key="createUpdateObject",
    title="Create or Update Object",
    description="Create or update an object such as a company, and link a person to it.",
    trigger='type = "group"',
    fields=(
        Field(
            key="objectType",
            label="Object Type",
            description="Which kind of object; the choices come from your Encharge account.",
            required=True,
            dynamic=True,
            default="company",
        ),
        Field(
            key="externalId",
            label="External Object ID",
            description="Id of the object in your system.",
            default=path("$.groupId"),
        ),
        Field(
            key="id",
            label="Object ID",
            description="Encharge's own id of the object; normally left out.",
        ),
        Field(
            key="objectData",
            label="Object Fields",
            description="Fields of the object; unknown ones are ignored by Encharge.",
            type="object",
            default=path("$.traits"),
        ),
        USER_ID,
        Field(
            key="email",
            label="Email",
            description="Email address of the person to link; by default from the root of the event.",
            default=path("$.email"),
        ),
    ),
    body=_create_or_update,
)
