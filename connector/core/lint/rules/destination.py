"""Rules on a destination as a whole, and on mappings beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from connector.core.destination import MOST_MAPPINGS
from connector.core.lint.rule import Found
from connector.core.lint.subjects import MappingSubject, Subject

MANY_MAPPINGS: Final = 40
"""Leaves ten for what comes next."""

_DISTINGUISHING: Final = {
    "trackEvent": ("event",),
    "createUpdateObject": ("objectType", "externalId", "id"),
    "addTag": ("tag",),
    "removeTag": ("tag",),
}
"""Fields that make two requests of one action two different things."""


def events_discarded(subject: Subject) -> Iterator[Found]:
    """A destination that is off and keeps nothing."""
    if subject.config.get("enabled") is False and subject.config.get("when_disabled") == "discard":
        message = (
            "every event is thrown away, for good: the destination is disabled and when_disabled is discard"
        )
        yield Found("enabled", f"{message}; hold keeps them on Kafka until it is enabled")


def too_many_mappings(subject: Subject) -> Iterator[Found]:
    """More than the destination takes."""
    count = _count(subject)
    if count > MOST_MAPPINGS:
        yield Found("mappings", f"are {count}, at most {MOST_MAPPINGS} are allowed, disabled ones included")


def many_mappings(subject: Subject) -> Iterator[Found]:
    """Close to what the destination takes."""
    count = _count(subject)
    if MANY_MAPPINGS <= count <= MOST_MAPPINGS:
        yield Found("mappings", f"are {count}, and {MOST_MAPPINGS} is the most, disabled ones included")


def sent_twice(subject: Subject) -> Iterator[Found]:
    """The same trigger and the same action as an earlier mapping."""
    enabled = [each for each in subject.mappings if each.enabled and each.action is not None and each.reading]
    for index, mapping in enumerate(enabled):
        for earlier in enabled[:index]:
            if _same_events(earlier, mapping) and _same_request(earlier, mapping):
                same = (
                    "the same request" if earlier.fields == mapping.fields else "a request of the same kind"
                )
                message = f"{_name(earlier)} has the same trigger and the same action"
                yield Found(
                    f"{mapping.path}.trigger", f"{message}: every event that matches gives {same} twice"
                )
                break


def _same_events(one: MappingSubject, other: MappingSubject) -> bool:
    assert one.reading is not None
    assert other.reading is not None
    return one.reading.trigger.root == other.reading.trigger.root


def _same_request(one: MappingSubject, other: MappingSubject) -> bool:
    if one.action is not other.action or one.action is None:
        return False
    return all(_field(one, key) == _field(other, key) for key in _DISTINGUISHING.get(one.action.key, ()))


def _field(mapping: MappingSubject, key: str) -> Any:
    return None if mapping.fields is None else mapping.fields.get(key)


def _name(mapping: MappingSubject) -> str:
    return f"{mapping.path} ({mapping.config.get('name')!r})"


def _count(subject: Subject) -> int:
    mappings = subject.config.get("mappings")
    return len(mappings) if isinstance(mappings, list) else 0
