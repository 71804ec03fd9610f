"""Deleting a person: the request of the reference, and a better one by option.

The reference pastes the id into the address as it is, so `&` starts another parameter and `#` cuts the
rest off: it deletes somebody else, or nobody. With `encode` the id arrives whole, and with `erase` the
person is erased instead of archived. What a destination file says about it, and what an event of type
`delete` is planned as, is here, too.

Source: segmentio/action-destinations, destinations/encharge/index.ts (onDelete); the escapes are those of
the WHATWG URL parser for the query of a special URL
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from connector.core.event import Event
from connector.core.javascript import is_falsy, text_of
from connector.core.plan import PlanError, PlanErrorCode, Planned
from connector.core.request import Endpoints, Request, headers
from connector.errors import PayloadError, Problem

DELETE_TYPE: Final = "delete"
"""Type of the events that ask for the deletion of a person."""

DELETE_PERSON: Final = "deletePerson"
"""What a deletion is called where a mapping's request has its action; it belongs to no mapping."""

_ESCAPED: Final = {ord(each): f"%{ord(each):02X}" for each in " \"<>`{}|\\^'\t\r\n"}
_WHITE: Final = "".join(map(chr, range(33)))  # what the URL parser trims: C0 controls and space


class DeletionOptions(NamedTuple):
    """What the object `deletion` of a destination file says.

    events  whether events of type `delete` delete; if not, they are events like all others
    encode  whether the id arrives whole; if not, it is sent as the reference does
    erase   whether the person is erased instead of archived
    """

    events: bool = True
    encode: bool = True
    erase: bool = False


DELETION_DEFAULTS: Final = DeletionOptions()


def deletion_problems(config: Any) -> Iterator[Problem]:
    """Check the object `deletion` of a destination file."""
    if not isinstance(config, Mapping):
        yield Problem("must be an object", path="deletion")
        return
    for key, value in config.items():
        if key not in DeletionOptions._fields:
            known = ", ".join(DeletionOptions._fields)
            yield Problem(f"unknown; known are {known}", path=f"deletion.{key}")
        elif not isinstance(value, bool):
            yield Problem("must be true or false", path=f"deletion.{key}")


def plan_deletion(event: Event, endpoints: Endpoints, options: DeletionOptions) -> tuple[Planned, ...]:
    """Plan the deletion of the person an event names: one request or error, nothing for nobody."""
    try:
        request = deletion_request(event, endpoints, encode=options.encode, erase=options.erase)
    except PayloadError as error:
        reason = PlanError(PlanErrorCode.ACTION, error.message, error.status, error.kind)
        return (Planned("", DELETE_PERSON, None, reason),)
    return () if request is None else (Planned("", DELETE_PERSON, request, None),)


def deletion_request(
    event: Event, endpoints: Endpoints, *, encode: bool = False, erase: bool = False
) -> Request | None:
    """Give the request that deletes the person of an event; None when the event names nobody.

    Raises: PayloadError of kind TypeError for an id that the reference cannot send
    """
    named = _named(event)
    if named is None:
        return None
    url = _people_url(endpoints, named, encode=encode)
    if not encode:
        url = _as_parsed(url)
    if erase:
        url += "&force=true"
    return Request("DELETE", url, headers(endpoints.api_key), None)


def person_request(event: Event, endpoints: Endpoints, *, with_archived: bool = False) -> Request | None:
    """Give the request that reads back the person of an event; None when the event names nobody.

    Answer: {"users": [one object for each person found]}
    Source: Encharge's OpenAPI document, GET /v1/people
    """
    named = _named(event)
    if named is None:
        return None
    url = _people_url(endpoints, named, encode=True)
    if with_archived:
        url += "&includeArchived=true"
    return Request("GET", url, headers(endpoints.api_key), None)


def _people_url(endpoints: Endpoints, named: tuple[str, Any], *, encode: bool) -> str:
    kind, value = named
    text = quote(text_of(value).encode("utf-8", "surrogatepass"), safe="") if encode else text_of(value)
    return f"{endpoints.api_url}/v1/people?people[0][{kind}]={text}"


def _named(event: Event) -> tuple[str, Any] | None:
    for key, kind in (("userId", "userId"), ("anonymousId", "segmentAnonymousId")):
        value = event.get(key)
        if not is_falsy(value):
            return kind, value
    return None


def _as_parsed(url: str) -> str:
    """Give an address as the reference's HTTP client sends it."""
    url = url.strip(_WHITE).partition("#")[0].translate(_ESCAPED)
    if any(character > "\xff" for character in url):
        raise PayloadError("Request path contains unescaped characters", kind="TypeError", status=None)
    return url
