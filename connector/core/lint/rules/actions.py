"""Rules on single actions: what Encharge's requests make of a payload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connector.core.fields_check import is_directive
from connector.core.lint.fields_tree import without_literal
from connector.core.lint.kinds import MISSING, kinds_of
from connector.core.lint.rules.for_each import Told
from connector.core.lint.rules.payload import is_plain, missing
from connector.core.lint.subjects import MappingSubject

_TAGS: Final = ("addTag", "removeTag")
_IDS: Final = ("email", "userId", "segmentAnonymousId")
_OBJECT_IDS: Final = ("externalId", "id")


def tag_default(mapping: MappingSubject) -> Iterator[Told]:
    """The usual place of the tag, `$.traits.tag`, is one of identify and group events."""
    if _is(mapping, *_TAGS):
        yield from missing(mapping, "tag")


def nobody_tagged(mapping: MappingSubject) -> Iterator[Told]:
    """Without an email or an id there is nobody to tag."""
    if _is(mapping, *_TAGS) and not any(_has_value(mapping, key) for key in _IDS):
        message = "none of email, userId and segmentAnonymousId has a value: every event fails"
        yield "fields", f"{message}, as there is nobody to tag"


def nobody_named(mapping: MappingSubject) -> Iterator[Told]:
    """A request that says nothing of whom it is about."""
    fields_of_person = {"trackEvent": "userFields", "trackPageView": "userFields", "identifyUser": "user"}
    own = fields_of_person.get(mapping.action.key) if mapping.action else None
    if own and is_plain(mapping) and not any(_has_value(mapping, key) for key in (*_IDS, own)):
        yield "fields", f"no email, userId, segmentAnonymousId or {own}: the requests name nobody"


def object_email(mapping: MappingSubject) -> Iterator[Told]:
    """The preset looks for the person's email where it hardly ever is."""
    if not _is(mapping, "createUpdateObject") or _field(mapping, "email") != {"@path": "$.email"}:
        return
    if _field(mapping, "userId") != {"@path": "$.userId"}:  # beside it, this is the preset
        by = "userId only" if _has_value(mapping, "userId") else "nothing at all"
        message = f"group events have no email at their root, so the person is linked by {by}"
        yield "fields.email", f"{message}; look in context.traits.email or traits.email"


def object_id_lost(mapping: MappingSubject) -> Iterator[Told]:
    """externalId and id replace fields of these names, also when they are not mapped."""
    if not _is(mapping, "createUpdateObject"):
        return
    data = _field(mapping, "objectData")
    if isinstance(data, Mapping) and not is_directive(data):
        for key in _OBJECT_IDS:
            if key in data:
                how = "replaced by the field" if _has_value(mapping, key) else "lost: it belongs in the field"
                yield f"fields.objectData.{key}", f"is {how} `{key}` of the mapping"
    elif data is not None and not _has_value(mapping, "externalId"):
        message = "a trait called externalId or id is lost: such names belong to the fields externalId and id"
        nothing = "" if _has_value(mapping, "id") else "; neither is mapped, so the object has no id at all"
        yield "fields.objectData", message + nothing


def null_overrides(mapping: MappingSubject) -> Iterator[Told]:
    """Fields of the person win over the ids, also when they are null."""
    for own in ("user", "userFields"):
        data = _field(mapping, own) if _is(mapping, "identifyUser", "trackEvent", "trackPageView") else None
        if own in _declared(mapping) and isinstance(data, Mapping) and not is_directive(data):
            for key in _IDS:
                if key in data and _is_empty(data[key]) and _has_value(mapping, key):
                    what = "null" if data[key] is None else "an empty text"
                    yield f"fields.{own}.{key}", f"{what} replaces the {key} of the mapping in `user`"


def alias_without_previous(mapping: MappingSubject) -> Iterator[Told]:
    """An alias needs the id the person had."""
    if _is(mapping, "aliasUser"):
        yield from missing(mapping, "previousUserId")


def alias_of_itself(mapping: MappingSubject) -> Iterator[Told]:
    """Both ids from the same place."""
    previous = _field(mapping, "previousUserId")
    if _is(mapping, "aliasUser") and previous is not None and previous == _field(mapping, "userId"):
        yield "fields.previousUserId", "is the same as userId: every alias replaces an id by itself"


def _is_empty(tree: Any) -> bool:
    return tree is None or tree == ""


def _is(mapping: MappingSubject, *actions: str) -> bool:
    return mapping.action is not None and mapping.action.key in actions and is_plain(mapping)


def _field(mapping: MappingSubject, key: str) -> Any:
    return None if mapping.fields is None else without_literal(mapping.fields.get(key))


def _declared(mapping: MappingSubject) -> frozenset[str]:
    return frozenset(field.key for field in mapping.action.fields) if mapping.action else frozenset()


def _has_value(mapping: MappingSubject, key: str) -> bool:
    return not kinds_of(_field(mapping, key), mapping.types) <= MISSING
