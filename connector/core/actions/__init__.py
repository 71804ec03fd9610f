"""The seven actions of Encharge. One table declares each; everything else is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.core.actions.action import Action
from connector.core.actions.alias_user import ALIAS_USER
from connector.core.actions.objects import CREATE_UPDATE_OBJECT
from connector.core.actions.person_events import IDENTIFY_USER, TRACK_EVENT, TRACK_PAGE_VIEW
from connector.core.actions.tags import ADD_TAG, REMOVE_TAG

__all__ = ["ACTIONS", "Action"]

ACTIONS: Final[Mapping[str, Action]] = {
    action.key: action
    for action in (
        TRACK_EVENT,
        IDENTIFY_USER,
        TRACK_PAGE_VIEW,
        ALIAS_USER,
        CREATE_UPDATE_OBJECT,
        ADD_TAG,
        REMOVE_TAG,
    )
}
