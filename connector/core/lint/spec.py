"""What Segment's spec says an event has at its root, by type.

Names that the spec does not know may be anything; nothing is said about them.

Source: Segment's documentation, "Spec: Common Fields", "Track", "Identify", "Page", "Screen", "Group",
"Alias"; the numbers are those of "Ecommerce Events" and of the reserved traits
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

TYPES: Final = ("track", "identify", "page", "screen", "group", "alias")
"""The types of events, in the order in which messages name them."""

KNOWN_TYPES: Final = frozenset((*TYPES, "delete"))

ValueKind: TypeAlias = Literal["text", "id", "object"]

EVERYWHERE: Final[Mapping[str, ValueKind]] = {
    "type": "text",
    "userId": "id",
    "anonymousId": "id",
    "messageId": "text",
    "timestamp": "text",
    "originalTimestamp": "text",
    "sentAt": "text",
    "receivedAt": "text",
    "context": "object",
    "integrations": "object",
}
"""Members of all events."""

TIMES: Final = frozenset(("timestamp", "originalTimestamp", "sentAt", "receivedAt"))

_BY_TYPE: Final[Mapping[str, tuple[ValueKind, frozenset[str]]]] = {
    "event": ("text", frozenset(("track",))),
    "properties": ("object", frozenset(("track", "page", "screen"))),
    "name": ("text", frozenset(("page", "screen"))),
    "category": ("text", frozenset(("page", "screen"))),
    "traits": ("object", frozenset(("identify", "group"))),
    "groupId": ("id", frozenset(("group",))),
    "previousId": ("id", frozenset(("alias",))),
}

_IN_CONTEXT: Final = frozenset(
    "app campaign device ip library locale location network os page timezone userAgent".split()
)
_IN_TRAITS: Final = frozenset(
    "address age avatar birthday company createdAt email firstName gender lastName phone username"
    " website".split()
)

CONTEXT_OBJECTS: Final = frozenset(
    "app campaign device library location network os page screen traits".split()
)

NUMBERS: Final[Mapping[str, frozenset[str]]] = {
    "properties": frozenset(
        "discount position price quantity revenue shipping subtotal tax total value".split()
    ),
    "traits": frozenset(("age", "employees")),
}
"""Names that stand for numbers, by the member of the event they are in."""


def kind_of(name: str) -> ValueKind | None:
    """Tell what a member at the root is; None for a name that the spec does not know."""
    return EVERYWHERE.get(name) or (_BY_TYPE[name][0] if name in _BY_TYPE else None)


def has(type_: str, name: str) -> bool | None:
    """Tell whether events of a type can have a member at their root; None for unknown names."""
    if name in EVERYWHERE:
        return True
    if name in _BY_TYPE:
        return type_ in _BY_TYPE[name][1]
    return False if name in _IN_CONTEXT or name in _IN_TRAITS or _spelled(name) else None


def nowhere(types: Iterable[str], name: str) -> bool:
    """Tell that no event of these types has a member of this name at its root."""
    known = [has(type_, name) for type_ in types]
    return bool(known) and all(each is False for each in known)


def hint(types: frozenset[str], name: str) -> str:
    """Tell where to look instead, as the end of a sentence; empty where nobody can know."""
    spelled = _spelled(name)
    if spelled:
        return f"; it is called {spelled}"
    if name in _IN_CONTEXT:
        return f"; it is at context.{name}"
    if name == "traits":
        return "; the person's traits are in context.traits"
    if name == "properties" and types <= {"identify", "group"}:
        return "; what they carry is in traits"
    if name == "event" and types <= {"page", "screen"}:
        return "; their name is in name"
    if name == "name" and types <= {"identify", "group"}:
        return "; it is at traits.name"
    if name in _IN_TRAITS:
        places = [_traits_of(types)] if _traits_of(types) else ["traits", "context.traits"]
        if types & {"track", "page", "screen"}:
            places.append("properties")
        return f"; look in {' or '.join(f'{place}.{name}' for place in places)}"
    if name == "groupId":
        return "; the group that other events happen in is at context.groupId"
    return ""


def in_words(types: Iterable[str]) -> str:
    """Name types: `track, page and screen events`."""
    named = [each for each in TYPES if each in set(types)]
    if len(named) == len(TYPES):
        return "events of every type"
    if len(named) == 1:
        return f"{named[0]} events"
    return f"{', '.join(named[:-1])} and {named[-1]} events"


def _traits_of(types: frozenset[str]) -> str:
    if types <= {"identify", "group"}:
        return "traits"
    return "" if types & {"identify", "group"} else "context.traits"


def _spelled(name: str) -> str:
    """Give the right spelling of user_id, userid, UserId, …; empty where the name is not one of those."""
    plain = name.replace("_", "").lower()
    return "" if name in _SPELLINGS.values() else _SPELLINGS.get(plain, "")


_SPELLINGS: Final[Mapping[str, str]] = {name.lower(): name for name in (*EVERYWHERE, *_BY_TYPE)}
