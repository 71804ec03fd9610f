"""Which dead letters a page or a redrive is about, read from a form and written as options of `dlq`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiMapping

from connector.delivery.letter import State
from connector.edges.console.plain_text import plain
from connector.settings import duration

NO_MAPPING: Final = "(no mapping)"  # as `dlq list` names it
STATES: Final = (*(str(state) for state in State), "all")
BY: Final = ("code", "mapping", "code and mapping", "day")
LONGEST: Final = 500  # characters of one value

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

By = Literal["code", "mapping", "code and mapping", "day"]


@dataclass(frozen=True, slots=True)
class Filters:
    """What is left empty restricts nothing; a mapping that is the empty text is of letters without one.

    since, until    milliseconds since the epoch, the first included, the second not
    since_text, …   as somebody wrote them
    user            a person's id: it never goes into an address or a log
    """

    codes: tuple[str, ...] = ()
    mappings: tuple[str, ...] = ()
    state: str = State.WAITING
    since: int | None = None
    until: int | None = None
    since_text: str = ""
    until_text: str = ""
    user: str = ""

    def options(self, *, until: int | None) -> list[str]:
        """Give the options of `dlq redrive`; a redrive ends at `until` when nothing else was said.

        So the second click sends nothing that the first did not count.
        """
        until = self.until if self.until is not None else until
        options = [f"--code={code}" for code in self.codes]
        options += [f"--mapping={mapping}" for mapping in self.mappings]
        options += [f"--since={moment_text(self.since)}"] if self.since is not None else []
        options += [f"--until={moment_text(until)}"] if until is not None else []
        options += [f"--user={self.user}"] if self.user else []
        return options

    def fields(self) -> list[tuple[str, str]]:
        """Give the fields of a form that says the same, without the user."""
        fields = [("code", code) for code in self.codes]
        fields += [("mapping", mapping or NO_MAPPING) for mapping in self.mappings]
        fields += [("state", self.state)] if self.state != State.WAITING else []
        fields += [("since", self.since_text)] if self.since_text else []
        fields += [("until", self.until_text)] if self.until_text else []
        return fields

    def query(self, **more: object) -> str:
        """Give the query of a page with these filters, without the user."""
        return urlencode([*self.fields(), *((name, str(value)) for name, value in more.items())])

    @property
    def in_words(self) -> str:
        """Say what it is about, without a person's data."""
        words = [f"code {code}" for code in self.codes]
        words += [f"mapping {mapping}" if mapping else "no mapping" for mapping in self.mappings]
        words += [f"since {moment_text(self.since)}"] if self.since is not None else []
        words += [f"until {moment_text(self.until)}"] if self.until is not None else []
        words += ["one person"] if self.user else []
        return plain(", ".join(words)) or "all"


def read_filters(form: MultiMapping[Any], now: float) -> Filters:
    """Read a form or a query; a user only where the caller allows it.

    Raises: HTTPBadRequest
    """
    state = _text(form, "state") or str(State.WAITING)
    if state not in STATES:
        raise web.HTTPBadRequest(text=f"the state is one of {', '.join(STATES)}")
    since, until = _text(form, "since"), _text(form, "until")
    return Filters(
        codes=_texts(form, "code"),
        mappings=tuple("" if each == NO_MAPPING else each for each in _texts(form, "mapping")),
        state=state,
        since=_moment("since", since, now),
        until=_moment("until", until, now),
        since_text=since,
        until_text=until,
        user=_text(form, "user"),
    )


def read_by(form: Mapping[str, Any]) -> By:
    """Read what is grouped by; by code when it says nothing that is known."""
    for by in BY:
        if form.get("by") == by:
            return by
    return "code"


def moment_ms(text: str, now: float) -> int:
    """Read a time as `dlq` does, in milliseconds since the epoch.

    2026-11-24, 2026-11-24T09:30Z, or 2h for two hours ago; UTC where no zone is named.
    Raises: ValueError
    """
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return round((now - float(duration()(text))) * 1000)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def moment_text(ms: int | None) -> str:
    """Write milliseconds since the epoch exactly, as `dlq` reads them; empty for what no calendar has."""
    if ms is None:
        return ""
    try:
        at = _EPOCH + timedelta(milliseconds=ms)
    except OverflowError:  # anybody may have written that time
        return ""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(name: str, text: str, now: float) -> int | None:
    if not text:
        return None
    try:
        ms = moment_ms(text, now)
    except (ValueError, OverflowError):
        ms = None
    if ms is None or not moment_text(ms):
        raise web.HTTPBadRequest(
            text=f"{name} is no time; write e.g. 2026-11-24, 2026-11-24T09:30Z, or 2h for 2 hours ago"
        )
    return ms


def _text(form: MultiMapping[Any], name: str) -> str:
    return next(iter(_texts(form, name)), "")


def _texts(form: MultiMapping[Any], name: str) -> tuple[str, ...]:
    values: Sequence[Any] = form.getall(name, [])
    found = tuple(value.strip() for value in values if isinstance(value, str) and value.strip())
    if any(len(value) > LONGEST or "\0" in value for value in found):
        raise web.HTTPBadRequest(text=f"{name} is too long, or holds what no value has")
    return found
