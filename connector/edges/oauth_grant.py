"""Tokens by the OAuth grant of client credentials (RFC 6749, section 4.4), on httpx."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote_plus

import httpx

from connector.edges.clocks import wall_clock
from connector.edges.kafka_oauth import TOKEN_TIMEOUT_S, TOKEN_URL, Token, TokenTrouble
from connector.edges.live_secret import LiveSecret
from connector.settings import Settings

# RFC 6749, section 5.2; another text of an answer might quote anything.
_ERRORS: Final = frozenset(
    ("invalid_request", "invalid_client", "invalid_grant", "invalid_scope",
     "unauthorized_client", "unsupported_grant_type")
)  # fmt: skip
_REFUSED: Final = (401, 403)
_TRY_AGAIN: Final = frozenset((408, 425, 429))


class ClientCredentials:
    """Asks the token endpoint as a client with a secret, which goes to no other address."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = wall_clock) -> None:
        assert settings.kafka_oauth_token_url is not None
        self._url, self._clock = settings.kafka_oauth_token_url, clock
        # Section 2.3.1: both are encoded as in a form before they become a header.
        self._client_id = quote_plus(settings.kafka_oauth_client_id or "")
        self._client_secret = LiveSecret(
            settings.kafka_oauth_client_secret or "", "CONNECTOR_KAFKA_OAUTH_CLIENT_SECRET"
        )
        self._form = {"grant_type": "client_credentials"}
        if settings.kafka_oauth_scope is not None:
            self._form["scope"] = settings.kafka_oauth_scope

    async def ask(self) -> Token:
        """Ask for a token once.

        Raises: TokenTrouble
        """
        asked_at = self._clock()
        try:
            async with httpx.AsyncClient(timeout=TOKEN_TIMEOUT_S) as client:
                answer = await client.post(
                    self._url,
                    data=self._form,
                    auth=(self._client_id, quote_plus(self._client_secret())),
                    headers={"accept": "application/json"},
                )
        except httpx.ConnectError as error:  # its text is about host and certificate
            raise TokenTrouble(f"{TOKEN_URL} cannot be reached ({error})") from error
        except httpx.HTTPError as error:
            raise TokenTrouble(f"{TOKEN_URL} does not answer ({type(error).__name__})") from error
        if answer.status_code != httpx.codes.OK:
            raise _refusal(answer)
        return _token(_members(answer), asked_at)


def _token(members: dict[str, Any], asked_at: float) -> Token:
    text = members.get("access_token")
    if not isinstance(text, str):
        raise TokenTrouble(f"{TOKEN_URL} answers without an access_token; is it right?", is_final=True)
    try:
        return Token(text, asked_at + float(members["expires_in"]))
    except (KeyError, TypeError, ValueError):  # it is only recommended
        return Token(text)


def _refusal(answer: httpx.Response) -> TokenTrouble:
    status, code = answer.status_code, _members(answer).get("error")
    is_known = isinstance(code, str) and code in _ERRORS
    is_final = 300 <= status < 500 and status not in _TRY_AGAIN
    problem = f"{TOKEN_URL} gives none (HTTP {status}{f', {code}' if is_known else ''})"
    if code == "invalid_scope":
        problem += "; is CONNECTOR_KAFKA_OAUTH_SCOPE right?"
    elif is_known or status in _REFUSED:
        problem += "; are CONNECTOR_KAFKA_OAUTH_CLIENT_ID and CONNECTOR_KAFKA_OAUTH_CLIENT_SECRET right?"
    elif is_final:
        problem += "; is it right?"
    return TokenTrouble(problem, is_final=is_final)


def _members(answer: httpx.Response) -> dict[str, Any]:
    try:
        members = answer.json()
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}
