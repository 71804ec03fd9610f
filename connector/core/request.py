"""The HTTP call an action came to, as it goes over the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from connector.core.actions.action import Action
from connector.errors import ConfigurationError, Problem

INGEST_URL = "https://ingest.encharge.io/v1"
API_URL = "https://api.encharge.io"
KEY_HEADER = "X-Encharge-Token"

_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Request(NamedTuple):
    """One call: method, absolute URL, headers as they are sent, body bytes or None."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


class Endpoints(NamedTuple):
    """Where Encharge is and how we identify ourselves there.

    A write key, where an account has one, is used for the ingest host only.
    """

    api_key: str
    ingest_url: str = INGEST_URL
    api_url: str = API_URL
    write_key: str | None = None

    def url_of(self, action: Action) -> str:
        """Give the address an action's requests go to."""
        return self.ingest_url if action.endpoint == "ingest" else f"{self.api_url}/v1/tags"

    def headers_of(self, action: Action) -> dict[str, str]:
        """Give the headers of an action's requests; the same object may serve all of them."""
        if action.endpoint == "ingest" and self.write_key is not None:
            return headers(self.write_key)
        return headers(self.api_key)


def key_of(request: Request | None) -> str:
    """Give the key that a request shows; empty for none."""
    return "" if request is None else request.headers.get(KEY_HEADER, "")


def headers(key: str) -> dict[str, str]:
    """Give the headers every request carries.

    Source: destinations/encharge/index.ts (extendRequest), packages/core/src/create-request-client.ts
    """
    return {
        KEY_HEADER: key,
        "Content-Type": "application/json",
        "X-Segment-Actions": "1",
        "User-Agent": "Segment (Actions)",
    }


def checked_key(key: str, *, setting: str) -> str:
    """Give the key back if it can be a header value.

    Raises: ConfigurationError naming the setting, never the key
    """
    if not _HEADER_VALUE.fullmatch(key):
        message = "holds a character that no HTTP header can carry (a line break?)"
        raise ConfigurationError(Problem(message, path=setting))
    return key


def header_bytes(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Encode headers for the wire; characters of Latin-1 are single bytes."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
