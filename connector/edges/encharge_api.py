"""Encharge's REST API for everything that is not the hot path, on httpx."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import httpx

from connector.core.request import headers
from connector.errors import OperationalError


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whether a key works, and what Encharge said: `HTTP 401 Unauthorized`."""

    valid: bool
    answer: str


class EnchargeApi:
    """Asks Encharge; to be used as an async context manager."""

    def __init__(self, *, api_key: str, api_url: str, timeout_s: float = 10.0) -> None:
        self._url = api_url
        self._client = httpx.AsyncClient(headers=headers(api_key), timeout=timeout_s)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._client.aclose()

    async def test_credentials(self) -> Credentials:
        """Try the key: any 2xx is success.

        Raises: OperationalError when Encharge cannot be reached
        Source: destinations/encharge/index.ts (testAuthentication)
        """
        try:
            response = await self._client.get(f"{self._url}/v1/accounts/info")
        except httpx.HTTPError as error:
            raise OperationalError(
                f"Encharge at {self._url} cannot be reached ({type(error).__name__})"
            ) from error
        answer = f"HTTP {response.status_code} {response.reason_phrase}"
        return Credentials(response.is_success, answer)
