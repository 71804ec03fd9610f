"""Deleting a person: the request of the reference, and a better one by option.

The reference pastes the id into the address as it is, so `&` starts another parameter and `#` cuts the
rest off: it deletes somebody else, or nobody. With `encode` the id arrives whole, and with `erase` the
person is erased instead of archived.

Source: segmentio/action-destinations, destinations/encharge/index.ts (onDelete); the escapes are those of
the WHATWG URL parser for the query of a special URL
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from connector.core.event import Event
from connector.core.javascript import is_falsy, text_of
from connector.core.request import Endpoints, Request, headers
from connector.errors import PayloadError

_ESCAPED: Final = {ord(each): f"%{ord(each):02X}" for each in " \"<>`{}|\\^'\t\r\n"}
_WHITE: Final = "".join(map(chr, range(33)))  # what the URL parser trims: C0 controls and space


def deletion_request(
    event: Event, endpoints: Endpoints, *, encode: bool = False, erase: bool = False
) -> Request | None:
    """Give the request that deletes the person of an event; None when the event names nobody.

    Raises: PayloadError of kind TypeError for an id that the reference cannot send
    """
    named = _named(event)
    if named is None:
        return None
    kind, value = named
    text = quote(text_of(value).encode("utf-8", "surrogatepass"), safe="") if encode else text_of(value)
    url = f"{endpoints.api_url}/v1/people?people[0][{kind}]={text}"
    if not encode:
        url = _as_parsed(url)
    if erase:
        url += "&force=true"
    return Request("DELETE", url, headers(endpoints.api_key), None)


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
