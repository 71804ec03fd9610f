"""The five presets: what a destination does when its file lists no mappings."""

from __future__ import annotations

from typing import Any

from connector.core.actions import ACTIONS

PRESETS: tuple[str, ...] = (
    "trackEvent",
    "identifyUser",
    "trackPageView",
    "aliasUser",
    "createUpdateObject",
)


def preset_mappings() -> list[dict[str, Any]]:
    """Give the five mappings as they stand in a destination file, in the reference's order."""
    return [
        {
            "name": action.title,
            "action": action.key,
            "enabled": True,
            "trigger": action.trigger,
            "fields": dict(action.default_fields),
        }
        for action in map(ACTIONS.__getitem__, PRESETS)
    ]
