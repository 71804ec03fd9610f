"""Destination subscriptions of Segment -> mappings of a destination file.

Two shapes are understood, and may be mixed: that of Segment's Public API (actionSlug, trigger, settings)
and that of its destinations framework (partnerAction, subscribe, mapping). Around them may be the answer of
"List Subscriptions from Destination", of "Get Subscription from Destination", a list of such answers (the
pages of a long list), or nothing.

Source: https://docs.segmentapis.com, Destinations (DestinationSubscription); segmentio/action-destinations,
packages/destination-subscriptions
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connector.core.actions import ACTIONS
from connector.core.destination import MOST_MAPPINGS
from connector.core.fields import compile_fields
from connector.core.file_value import why_unfit
from connector.core.triggers import compile_trigger
from connector.errors import ConfigurationError, FieldsError, Problem, TriggerError

_ACTION_KEYS: Final = ("actionSlug", "partnerAction")
_TRIGGER_KEYS: Final = ("trigger", "subscribe")
_FIELDS_KEYS: Final = ("mapping", "fields", "settings")
"""The first that is there counts: beside `mapping`, `settings` are the destination's, its key among them."""

_ONE_KEYS: Final = ("subscription", "destinationSubscription")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A mapping that a destination file cannot hold, and why."""

    mapping: dict[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """Mappings in Segment's order, those that had to be left out, and what else is worth knowing.

    complete  False where Segment has further pages of subscriptions that are not here
    """

    mappings: tuple[dict[str, Any], ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    complete: bool


def import_subscriptions(document: Any) -> Imported:
    """Make mappings of subscriptions; keys of Segment that mean nothing here are ignored.

    Raises: ConfigurationError where there are no subscriptions in it, or more than a destination may have
    """
    pages = list(_pages(document))
    subscriptions = [each for page in pages for each in page.subscriptions]
    problems = list(_problems(subscriptions))
    if problems:
        raise ConfigurationError(problems)
    notes: list[str] = []
    mappings = [_mapping(each) for each in subscriptions]
    _make_names_unique(mappings, notes)
    reasons = [_why_left_out(each) for each in mappings]
    return Imported(
        tuple(mapping for mapping, reason in zip(mappings, reasons, strict=True) if not reason),
        tuple(LeftOut(each, reason) for each, reason in zip(mappings, reasons, strict=True) if reason),
        tuple(notes),
        complete=not all(page.has_next for page in pages),
    )


@dataclass(frozen=True, slots=True)
class _Page:
    subscriptions: list[Any]
    has_next: bool = False


def _pages(document: Any) -> Iterator[_Page]:
    for each in document if isinstance(document, list) else [document]:
        content = each
        while isinstance(content, dict) and "data" in content:
            content = content["data"]
        match content:
            case {"errors": [*errors]}:
                raise ConfigurationError(f"is an error of Segment, not its subscriptions: {_told(errors)}")
            case {"subscriptions": [*subscriptions], "pagination": {"next": str()}}:
                yield _Page(subscriptions, has_next=True)
            case {"subscriptions": [*subscriptions]}:
                yield _Page(subscriptions)
            case dict():
                one = next((content[key] for key in _ONE_KEYS if key in content), content)
                yield _Page([one])
            case _:
                yield _Page([content])


def _told(errors: Iterable[Any]) -> str:
    messages = [str(each["message"]) for each in errors if isinstance(each, dict) and "message" in each]
    return " ".join(messages)[:200] or "no message"


def _problems(subscriptions: list[Any]) -> Iterator[Problem]:
    if not subscriptions:
        yield Problem("holds no subscription")
    if len(subscriptions) > MOST_MAPPINGS:
        yield Problem(f"holds {len(subscriptions)} subscriptions, at most {MOST_MAPPINGS} are allowed")
        return
    for index, each in enumerate(subscriptions):
        yield from _subscription_problems(each, f"subscriptions[{index}]")


def _subscription_problems(subscription: Any, path: str) -> Iterator[Problem]:
    if not isinstance(subscription, dict):
        yield Problem("is no subscription: must be an object", path=path)
        return
    if not isinstance(_first(subscription, _ACTION_KEYS), str):
        yield Problem("is no subscription: names no action (actionSlug or partnerAction)", path=path)
    if not isinstance(subscription.get("enabled", True), bool):
        yield Problem("must be true or false", path=f"{path}.enabled")
    if not isinstance(_first(subscription, _FIELDS_KEYS) or {}, dict):
        yield Problem("must be an object", path=f"{path}.{_present(subscription, _FIELDS_KEYS)}")
    if unfit := why_unfit(_mapping(subscription)):
        yield Problem(unfit, path=path)


def _present(subscription: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((key for key in keys if key in subscription), keys[0])


def _first(subscription: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return subscription.get(_present(subscription, keys))


def _mapping(subscription: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": subscription.get("name"),
        "action": _first(subscription, _ACTION_KEYS),
        "enabled": subscription.get("enabled", True),
        "trigger": _first(subscription, _TRIGGER_KEYS),
        # A subscription without a mapping resolves {} in the reference.
        "fields": _first(subscription, _FIELDS_KEYS) or {},
    }


def _make_names_unique(mappings: list[dict[str, Any]], notes: list[str]) -> None:
    for number, mapping in enumerate(mappings, start=1):
        if not isinstance(mapping["name"], str) or not mapping["name"]:
            action = ACTIONS.get(mapping["action"])
            mapping["name"] = action.title if action else mapping["action"] or "Mapping"
            notes.append(f"subscription {number} has no name and is called {mapping['name']!r}")
    given = {mapping["name"] for mapping in mappings}
    used: set[str] = set()
    for number, mapping in enumerate(mappings, start=1):
        name = mapping["name"]
        if name in used:
            suffix = 2
            while f"{name} ({suffix})" in given | used:
                suffix += 1
            mapping["name"] = f"{name} ({suffix})"
            notes.append(
                f"subscription {number}, named {name!r} like an earlier one, is now {mapping['name']!r}"
            )
        used.add(mapping["name"])


def _why_left_out(mapping: Mapping[str, Any]) -> str:
    """Tell why a destination file must not hold a mapping; empty where it may."""
    if mapping["action"] not in ACTIONS:
        return f"action {mapping['action']!r} is none of {', '.join(ACTIONS)}"
    try:
        compile_trigger(mapping["trigger"])
    except TriggerError as error:
        return f"its trigger cannot be compiled and never matches in Segment either: {error.message}"
    try:
        compile_fields(mapping["fields"])
    except FieldsError as error:
        return f"its fields cannot be compiled and fail for every event in Segment, too: {error.message}"
    return ""
