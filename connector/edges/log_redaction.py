"""The last line of defence of every log line: what is secret or personal is taken out before it is written.

Whoever logs keeps such things out in the first place; this is for what slips through, most of all in texts of
libraries and of unexpected exceptions. Its cost is that of a few regular expressions a line.

    values of known secrets     wherever they stand, also escaped or in a URL
    fields named like secrets   password, token, api_key, …, and like what says who it is: email, user_id, …
    headers with credentials    Authorization, X-Encharge-Token, Cookie, …; Bearer and Basic; token=…
    addresses                   e-mail, also as URLs have it
    URLs                        what stands behind a question mark or before an @; ids below /v1/people
    texts of exceptions         but for ours, the operating system's and Kafka's may quote an event: the words
                                stay, not the values (connector.delivery.redaction)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import fields
from traceback import TracebackException
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote, unquote

from connector.delivery.redaction import EMAIL, REDACTED, redact
from connector.errors import ConnectorError
from connector.settings import Settings

SHORTEST_SECRET: Final = 6  # characters; the value of a shorter one would be found in ordinary words
DEEPEST: Final = 6  # levels of a value that are looked at one by one

_SECRET_NAME = re.compile(
    r"(?:^|[_.])(?:password|passwd|secret|token|api_?key|write_?key|authorization|cookie)s?(?:$|[_.])"
)
_PERSONAL_NAMES: Final = frozenset(
    ("email", "userid", "user_id", "anonymousid", "anonymous_id", "groupid", "group_id", "phone", "traits")
)
# Of a header the whole value, which may hold blanks; in a list of headers a quotation mark ends it.
_HEADER = re.compile(
    r"(?i)(\b(?:proxy-)?authorization|\bx-[a-z-]{0,40}(?:token|key)|\b(?:set-)?cookie)"
    r"(['\"]?\s*[:=]\s*(?:b?['\"])?|['\"],\s*b?['\"])[^'\"\r\n]+"
)
_SCHEME = re.compile(r"(?i)\b(bearer|basic)\s+(?=[\w.~+/=-]*[\d=])[\w.~+/=-]{6,}")
# A value behind a colon has a digit, or "API_KEY: is required" would lose a word.
_ASSIGNED = re.compile(
    r"(?i)(password|passwd|secret|token|api[_-]?key|write[_-]?key)"
    r"(=|['\"]\s*[:=]\s*b?['\"]|:\s*(?=[^\s'\"]*\d))(?!\[redacted)[^\s'\",;&)}\]]{4,}"
)
_USERINFO = re.compile(r"\b([a-z][a-z0-9+.-]{0,20}://)[^\s/@\"'<>]{1,500}@")
_QUERY = re.compile(r"(https?://[^\s?\"'<>]+\?)[^\s\"'<>]+")
_PEOPLE_QUERY = re.compile(r"((?:people|objects)\[\d+\]\[\w+\]=)[^\s\"'<>&]+")
_PATH_ID = re.compile(r"(/v1/(?:people|objects|segments|tags)/)[^\s?\"'<>]+")
_TASK = re.compile(r"\b(exception=\w+)\([^\r\n]*\)")  # repr() of a task that failed, as asyncio logs it
_PATTERNS: Final = (
    (_TASK, rf"\1({REDACTED})"),
    (_HEADER, rf"\1\2{REDACTED}"),
    (_SCHEME, rf"\1 {REDACTED}"),
    (_ASSIGNED, rf"\1\2{REDACTED}"),
    (_USERINFO, rf"{REDACTED} at \1"),  # an @ would look like an address
    (_QUERY, rf"\1{REDACTED}"),
    (_PEOPLE_QUERY, rf"\1{REDACTED}"),
    (_PATH_ID, rf"\1{REDACTED}"),
    (EMAIL, REDACTED),
)

# Their texts are made by code that knows no event. Kafka's by the name of the module, so that commands which
# need no Kafka do not wait for the import of its client.
_HARMLESS: Final = (ConnectorError, OSError, ImportError, NameError)
_HARMLESS_MODULES: Final = frozenset(("aiokafka.errors",))

_HEADER_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
_PROXY_VARIABLES: Final = frozenset(("http_proxy", "https_proxy", "all_proxy"))

Fields = MutableMapping[str, Any]  # of a line
ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]  # as sys.exc_info()


class LogRedaction:
    """Takes out what is secret or personal; a processor of structlog."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._values: re.Pattern[str] | None = None
        self.know(secrets)

    def know(self, secrets: Iterable[str]) -> None:
        """Take out these values, too, from now on; those that are known stay known."""
        for secret in secrets:
            if len(secret) >= SHORTEST_SECRET:
                self._secrets.update(_spellings(secret))
        if self._secrets:
            longest_first = sorted(self._secrets, key=lambda each: (-len(each), each))
            self._values = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, _logger: object, _name: str, event_dict: Fields) -> Fields:
        """Give the line with its fields redacted."""
        return {key: self._field(key, value, 0) for key, value in event_dict.items()}

    def text(self, text: str) -> str:
        """Give a text with what is secret or personal taken out."""
        if self._values is not None:
            text = self._values.sub(REDACTED, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def _field(self, name: object, value: Any, depth: int) -> Any:
        if isinstance(value, bool | int | float) or value is None:
            return value
        return REDACTED if value and _says_secret(name) else self._value(value, depth)

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            clean = self.text(value)
            return value if clean == value else clean
        if isinstance(value, bool | int | float) or value is None:
            return value
        if depth < DEEPEST:
            if isinstance(value, Mapping):
                return {
                    self.text(key) if isinstance(key, str) else key: self._field(key, each, depth + 1)
                    for key, each in value.items()
                }
            if isinstance(value, list | set | frozenset) or type(value) is tuple:
                return type(value)(self._value(each, depth + 1) for each in value)
        # Whatever it is, a renderer writes it as its repr().
        shown = repr(value)
        clean = self.text(repr(ShownException(value)) if isinstance(value, BaseException) else shown)
        return value if clean == shown else clean


def secrets_of(settings: Settings) -> Iterator[str]:
    """Give the values of all settings that are secret."""
    for each in fields(settings):
        value = getattr(settings, each.name)
        if each.metadata["secret"] and value is not None:
            yield value


def secrets_of_environment(environment: Mapping[str, str]) -> Iterator[str]:
    """Give the secrets that are not ours: headers for the collector of traces, passwords of proxies.

    Source: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ (name=value, several, URL-encoded)
    """
    for name in _HEADER_VARIABLES:
        for pair in environment.get(name, "").split(","):
            value = pair.partition("=")[2].strip()
            yield from filter(None, dict.fromkeys((value, unquote(value))))
    for name, value in environment.items():
        if name.lower() in _PROXY_VARIABLES and (userinfo := value.rpartition("@")[0]):
            password = userinfo.rpartition("//")[2].partition(":")[2]
            yield from filter(None, dict.fromkeys((password, unquote(password))))


def exception_text(exc_info: ExceptionInfo) -> str:
    """Give a traceback without values of variables, and the exception's text without what it may quote."""
    told = TracebackException(*exc_info, capture_locals=False, compact=True)
    for each in _chain(told):
        if each.exc_type is None or not _is_harmless(each.exc_type):
            each._str = redact(str(each))  # type: ignore[attr-defined]  # noqa: SLF001
            each.__notes__ = [redact(str(note)) for note in each.__notes__ or ()]
    return "".join(told.format()).rstrip("\n")


class ShownException:
    """An exception as it may be shown: with the text that a harmless one has, of others the words."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __str__(self) -> str:
        return str(self._error) if _is_harmless(type(self._error)) else redact(str(self._error))

    def __repr__(self) -> str:
        error = self._error
        return repr(error) if _is_harmless(type(error)) else f"{type(error).__name__}({self})"


def _is_harmless(kind: type[BaseException]) -> bool:
    return issubclass(kind, _HARMLESS) or any(each.__module__ in _HARMLESS_MODULES for each in kind.__mro__)


def _chain(told: TracebackException) -> Iterator[TracebackException]:
    yield told
    for each in (told.__cause__, told.__context__, *(getattr(told, "exceptions", None) or ())):
        if each is not None:
            yield from _chain(each)


def _says_secret(name: object) -> bool:
    if not isinstance(name, str):
        return False
    plain = name.lower().replace("-", "_")
    return plain in _PERSONAL_NAMES or _SECRET_NAME.search(plain) is not None


def _spellings(secret: str) -> Iterator[str]:
    """Give the ways in which a text may have it: as it is, in JSON, in a repr(), in a URL."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    yield quote(secret, safe="")
