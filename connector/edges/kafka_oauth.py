"""Tokens for SASL OAUTHBEARER: where they come from, and how long one is used."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import re
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import structlog
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError

from connector.edges.clocks import wall_clock
from connector.errors import ConfigurationError, Problem
from connector.settings import Settings

TOKEN_TIMEOUT_S: Final = 10.0
USED_SHARE: Final = 0.8  # of a token's life, as Kafka's own clients do

PROVIDER: Final = "CONNECTOR_KAFKA_OAUTH_TOKEN_PROVIDER"
TOKEN_URL: Final = "CONNECTOR_KAFKA_OAUTH_TOKEN_URL"  # noqa: S105  the name of a setting

_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, section 2.1

log = structlog.get_logger(__name__)


class TokenTrouble(KafkaConnectionError):  # type: ignore[misc]
    """There is no token to log in with: to aiokafka a broker that cannot be reached, which it tries again.

    is_final  asking again does not help
    """

    def __init__(self, problem: str, *, is_final: bool = False) -> None:
        super().__init__(problem)
        self.problem, self.is_final = problem, is_final


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and when it ends in seconds since 1970; None: nobody knows, so it is used once."""

    text: str = field(repr=False)
    expires_at: float | None = None


TokenSource = Callable[[], Awaitable[Token]]


class KafkaTokens(AbstractTokenProvider):  # type: ignore[misc]
    """Gives every new connection a token that is good; asks for the next one well before it ends.

    All that wait for a token share one question. While a token is good, trouble with the next one is only
    logged.
    """

    def __init__(
        self,
        source: TokenSource,
        setting: str,
        extensions: Mapping[str, str],
        clock: Callable[[], float] = wall_clock,
    ) -> None:
        self._source, self._setting, self._extensions, self._clock = source, setting, extensions, clock
        self._token: Token | None = None
        self._renew_at = 0.0
        self._asking: asyncio.Task[Token] | None = None

    async def token(self) -> str:
        """Give the text of a token.

        Raises: TokenTrouble
        """
        if self._token is not None and self._clock() < self._renew_at:
            return self._token.text
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(_look_at_error)
        try:
            # One that stops waiting, as a connection does at its timeout, takes nothing from the others.
            return (await asyncio.shield(self._asking)).text
        except TokenTrouble as error:
            if self._token is None or self._token.expires_at is None:
                raise
            if self._clock() >= self._token.expires_at:
                raise
            log.warning("no new token for Kafka, the one before is still good", error=error.problem)
            return self._token.text

    def extensions(self) -> Mapping[str, str]:
        """Give what is sent beside the token."""
        return self._extensions

    async def _ask(self) -> Token:
        asked_at = self._clock()
        limit = asyncio.timeout(TOKEN_TIMEOUT_S)
        try:
            async with limit:
                token = await self._source()
        except TokenTrouble:
            raise
        except Exception as error:  # a user's function may raise anything, and its text may quote the token
            if limit.expired():
                raise TokenTrouble(f"{self._setting} gives none within {TOKEN_TIMEOUT_S:g} s") from error
            raise TokenTrouble(f"{self._setting} fails with {type(error).__name__}") from error
        if not _BEARER.fullmatch(token.text):
            raise TokenTrouble(f"{self._setting} gives a text that is no bearer token", is_final=True)
        if token.expires_at is not None and token.expires_at <= asked_at:
            raise TokenTrouble(
                f"{self._setting} gives one that has ended already; is the clock of this machine right?"
            )
        life_s = 0.0 if token.expires_at is None else token.expires_at - asked_at
        self._token, self._renew_at = token, asked_at + USED_SHARE * life_s
        return token


@lru_cache(maxsize=8)
def kafka_tokens(settings: Settings) -> KafkaTokens:
    """Give the tokens of a login by OAUTHBEARER; all clients of a process share them.

    Raises: ConfigurationError when the provider cannot be imported
    """
    extensions = dict(settings.kafka_oauth_extensions or ())
    if settings.kafka_oauth_token_provider is not None:
        source = from_function(imported(settings.kafka_oauth_token_provider))
        return KafkaTokens(source, PROVIDER, extensions)
    from connector.edges.oauth_grant import ClientCredentials  # noqa: PLC0415  httpx takes its time

    return KafkaTokens(ClientCredentials(settings).ask, TOKEN_URL, extensions)


def imported(name: str) -> Callable[[], Any]:
    """Give the function that `module:function` names.

    Raises: ConfigurationError
    """
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function, None)
    except ModuleNotFoundError as error:
        problem = f"there is no module {error.name}; install it, or name its folder in PYTHONPATH"
        raise ConfigurationError(Problem(problem, path=PROVIDER)) from error
    except Exception as error:  # a module may do anything when it is imported
        problem = f"{module} cannot be imported ({type(error).__name__})"
        raise ConfigurationError(Problem(problem, path=PROVIDER)) from error
    if not callable(found):
        problem = f"{module} has no function {function}"
        raise ConfigurationError(Problem(problem, path=PROVIDER))
    return found  # type: ignore[no-any-return]


def from_function(function: Callable[[], Any]) -> TokenSource:
    """Make a source of a function without arguments, async or not, that gives text or (text, expires_at)."""

    async def ask() -> Token:
        is_async = inspect.iscoroutinefunction(function)
        given = function() if is_async else await _in_thread(function)
        if inspect.isawaitable(given):
            given = await given
        match given:
            case str():
                return Token(given)
            case (str(text), int() | float() as expires_at):
                return Token(text, expires_at)
            case _:
                problem = f"{PROVIDER} gives a {type(given).__name__}, not a token or (token, expires_at)"
                raise TokenTrouble(problem, is_final=True)

    return ask


async def _in_thread(function: Callable[[], Any]) -> Any:
    """Call a function that may block, in a thread that holds up no end of the process."""
    result: Future[Any] = Future()
    result.set_running_or_notify_cancel()  # from here on nobody cancels it under the thread

    def work() -> None:
        try:
            result.set_result(function())
        except BaseException as error:  # whatever it is, it is raised where the result is awaited
            result.set_exception(error)

    threading.Thread(target=work, name="kafka-token", daemon=True).start()
    return await asyncio.wrap_future(result)


def _look_at_error(asking: asyncio.Task[Token]) -> None:
    """Keep asyncio from complaining about an error when nobody waits any more."""
    if not asking.cancelled():
        asking.exception()
