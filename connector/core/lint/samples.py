"""Events of every type as Segment's spec has them, to try a piece of a configuration on."""

from __future__ import annotations

from typing import Any, Final

_CONTEXT: Final = {
    "ip": "203.0.113.7",
    "userAgent": "Mozilla/5.0",
    "locale": "en-US",
    "groupId": "g1",
    "traits": {"email": "ada@example.com", "plan": "pro"},
    "campaign": {"name": "spring", "source": "news", "medium": "email", "term": "x", "content": "y"},
    "page": {
        "url": "https://example.com/a?b",
        "title": "A",
        "referrer": "https://example.com/",
        "path": "/a",
        "search": "?b",
    },
    "location": {"city": "Oslo", "region": "Oslo", "country": "NO"},
}
_COMMON: Final = {
    "userId": "u1",
    "anonymousId": "a1",
    "messageId": "m1",
    "timestamp": "2026-11-24T09:30:00.000Z",
    "originalTimestamp": "2026-11-24T09:30:00.000Z",
    "sentAt": "2026-11-24T09:30:00.000Z",
    "receivedAt": "2026-11-24T09:30:00.000Z",
    "integrations": {},
    "context": _CONTEXT,
}
_PROPERTIES: Final = {"email": "ada@example.com", "total": 27.5, "plan": "pro", "items": [{"sku": "s1"}]}
_TRAITS: Final = {"email": "ada@example.com", "name": "Ada", "plan": "pro", "age": 36, "vip": True}

SAMPLES: Final[tuple[dict[str, Any], ...]] = (
    {"type": "track", "event": "Order Completed", "properties": _PROPERTIES, **_COMMON},
    {"type": "identify", "traits": _TRAITS, **_COMMON},
    {"type": "page", "name": "Home", "category": "Docs", "properties": _PROPERTIES, **_COMMON},
    {"type": "screen", "name": "Home", "category": "Docs", "properties": _PROPERTIES, **_COMMON},
    {"type": "group", "groupId": "g1", "traits": {"name": "Ada Ltd", "employees": 3}, **_COMMON},
    {"type": "alias", "previousId": "u0", **_COMMON},
)
