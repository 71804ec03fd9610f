"""Encharge's REST API for everything that is not the hot path, on httpx."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import httpx

from connector.core.request import checked_key, header_bytes, headers
from connector.errors import ConfigurationError, OperationalError, Problem

KEY_SETTING = "CONNECTOR_ENCHARGE_API_KEY"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whether a key works, and what Encharge said: `HTTP 401 Unauthorized`."""

    valid: bool
    answer: str


class EnchargeApi:
    """Asks Encharge; to be used as an async context manager."""

    def __init__(self, *, api_key: str, api_url: str, timeout_s: float = 10.0) -> None:
        self._url, self._key = api_url, api_key
        self._client = httpx.AsyncClient(timeout=timeout_s)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._client.aclose()

    async def test_credentials(self) -> Credentials:
        """Try the key: any 2xx is success.

        Raises: ConfigurationError when the key cannot be sent, OperationalError when Encharge cannot be
            reached
        Source: destinations/encharge/index.ts (testAuthentication)
        """
        key = checked_key(self._key, setting=KEY_SETTING)
        try:
            response = await self._client.get(
                f"{self._url}/v1/accounts/info", headers=header_bytes(headers(key))
            )
        except httpx.LocalProtocolError as error:  # nothing was sent; its text may quote the key
            raise ConfigurationError(
                Problem("holds a character that no HTTP header can carry (a space?)", path=KEY_SETTING)
            ) from error
        except httpx.HTTPError as error:
            raise OperationalError(
                f"Encharge at {self._url} cannot be reached ({type(error).__name__})"
            ) from error
        answer = f"HTTP {response.status_code} {response.reason_phrase}"
        return Credentials(response.is_success, answer)
