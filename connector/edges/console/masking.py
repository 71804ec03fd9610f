"""Personal data as those see it who may not: what kind of value stands there, never which."""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Any, Final

MASK: Final = "•••"
_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$ -]{0,40}")
_TYPES: Final = frozenset(("identify", "track", "page", "screen", "group", "alias", "delete"))
_KEY: Final = secrets.token_bytes(16)  # a mask cannot be compared with that of another process


def mask_id(id_: bytes | str) -> str:
    """Give a short name for an id: the same id has the same, so that rows of one person can be seen."""
    data = id_.encode("utf-8", "surrogatepass") if isinstance(id_, str) else id_
    return f"{MASK} {hmac.new(_KEY, data, 'sha256').hexdigest()[:6]}"


def mask_event(event: Any) -> Any:
    """Mask an event, but for what kind of event it is."""
    masked = mask_json(event)
    if isinstance(event, dict) and isinstance(event.get("type"), str) and event["type"] in _TYPES:
        masked["type"] = event["type"]
    return masked


def mask_json(value: Any) -> Any:
    """Keep the shape of a JSON value; every text and number becomes MASK, and a key that is no plain name."""
    match value:
        case dict():
            return {key if _NAME.fullmatch(key) else MASK: mask_json(item) for key, item in value.items()}
        case list():
            return [mask_json(item) for item in value]
        case None | bool():
            return value
        case _:
            return MASK
