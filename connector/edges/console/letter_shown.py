"""What the page of one dead letter shows: the letter, and what would become of it today."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from connector.core import Destination
from connector.core.event import Event
from connector.core.explain import explain
from connector.core.explain_json import KEY_SHOWN, as_dict, cut
from connector.core.json_text import read_json
from connector.delivery.dead_letter import CONNECT_PREFIX, OWN_PREFIX
from connector.delivery.letter import Letter, State
from connector.delivery.redrive import Outlook, Prospect
from connector.edges.console.letter_advice import ADVICE
from connector.edges.console.letter_filters import moment_text
from connector.edges.console.masking import MASK, mask_event, mask_id, mask_json
from connector.edges.console.plain_text import plain
from connector.edges.dead_letters.plan import outlook_today
from connector.edges.dead_letters.reader import Found
from connector.edges.destination_file import read_destination_file
from connector.edges.log_redaction import LogRedaction
from connector.errors import UnreadableRecord
from connector.settings import Settings

MOST_EVENTS: Final = 5  # of one letter that are shown and explained
LONGEST_VALUE: Final = 50_000  # characters

OUTLOOKS: Final[Mapping[str, str]] = {
    Prospect.SENT: "It would now succeed",
    Prospect.FORWARDED: "It would now be taken by the ingest stage",
    Prospect.FAILS: "It still fails",
    Prospect.UNREADABLE: "It still fails",
    Prospect.NO_MATCH: "Its mapping does not match any more",
    Prospect.NO_MAPPING: "There is no mapping of that name any more",
    Prospect.OTHER_ACTION: "Its mapping has another action now",
}
LEFT: Final[Mapping[str, str]] = {
    Prospect.FAILS: "would fail again",
    Prospect.UNREADABLE: "would fail again: no event",
    Prospect.NO_MATCH: "would no longer match their mapping",
    Prospect.NO_MAPPING: "have no mapping of that name any more",
    Prospect.OTHER_ACTION: "have a mapping with another action now",
}
_REFUSED: Final = ("rejected", "retry_window")  # codes of requests that were made
_STATES: Final[Mapping[str, str]] = {
    State.WAITING: "nobody has sent it again yet",
    State.REDRIVEN: "it was sent again once; had it failed again, there would be a new letter",
    State.SUPPRESSED: "its person was deleted since: it is never sent again",
}
_URLS: Final = LogRedaction()

T = TypeVar("T")


class Today:
    """The destination file as it is now, compiled to be asked and never to send."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asking = asyncio.Lock()
        self._kept: tuple[tuple[int, int], Destination, str] | None = None

    async def ask(self, question: Callable[[Destination, str], T]) -> T:
        """Answer a question about it and its version, beside the event loop.

        Raises: ConfigurationError
        """
        async with self._asking:  # what is compiled serves one thread
            return await asyncio.to_thread(self._ask, question)

    def _ask(self, question: Callable[[Destination, str], T]) -> T:
        settings = self._settings
        try:
            stat = settings.destination_file.stat()
            state = stat.st_mtime_ns, stat.st_size
        except OSError:
            state = 0, 0  # reading it tells what is wrong
        if self._kept is None or self._kept[0] != state:
            file = read_destination_file(settings.destination_file)
            destination = file.compile(
                api_key=KEY_SHOWN, ingest_url=settings.encharge_ingest_url, api_url=settings.encharge_api_url
            )
            self._kept = state, destination, file.version
        return question(*self._kept[1:])


def when(ms: int) -> str:
    """Write milliseconds since the epoch for people, in UTC; a question mark for what no calendar has."""
    return moment_text(ms)[:19].replace("T", " ") or "?"


def pretty(value: Any, *, reveals: bool, mask: Callable[[Any], Any] = mask_json) -> str:
    """Write a JSON value on several lines, masked if need be."""
    shown = cut(value)
    text = json.dumps(shown if reveals else mask(shown), indent=2, ensure_ascii=False)
    text = text.encode("utf-8", "replace").decode()  # half an emoji
    text = "\n".join(map(plain, text.split("\n")))
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"


def shown_url(url: str, *, reveals: bool) -> str:
    """Give an address of Encharge; ids in it are for those who may see them."""
    return plain(url if reveals else _URLS.text(url))


def shown_key(key: bytes | None, *, reveals: bool) -> str:
    """Give a record's key, which is a person's id."""
    if not key:
        return ""
    return plain(key.decode("utf-8", "replace")) if reveals else mask_id(key)


def letter_values(found: Found, settings: Settings, *, reveals: bool) -> dict[str, Any]:
    """Give what is shown of the letter itself."""
    letter, state = found
    events = _events(letter, settings)
    return {
        "place": str(letter.place),
        "at": moment_text(letter.timestamp),
        "state": str(state),
        "state_words": _STATES[state],
        "code": plain(letter.code),
        "advice": ADVICE.get(letter.code, ""),
        "mapping": plain(letter.mapping),
        "facts": [(name, plain(fact)) for name, fact in _facts(letter).items() if fact],
        "key": shown_key(letter.key, reveals=reveals),
        "headers": [(plain(name), _header(name, value, reveals=reveals)) for name, value in letter.headers],
        "events": [pretty(event, reveals=reveals, mask=mask_event) for event in (events or ())[:MOST_EVENTS]],
        "more_events": max(len(events or ()) - MOST_EVENTS, 0),
        "value": None if events is not None else _raw(letter.value, reveals=reveals),
    }


def today_values(
    found: Found, destination: Destination, version: str, settings: Settings, *, reveals: bool
) -> dict[str, Any]:
    """Give what would become of a letter that is redriven now."""
    letter = found.letter
    if letter.destination not in ("", destination.id):
        return {"is_ours": False, "destination": plain(letter.destination), "ours": destination.id}
    outlook = outlook_today(letter, destination, settings)
    return {
        "is_ours": True,
        "version": version,
        "is_good": outlook.prospect.is_good,
        "words": OUTLOOKS[outlook.prospect],
        "why": plain(outlook.why),
        "is_known_when_sent": outlook.prospect is Prospect.SENT and letter.code in _REFUSED,
        "requests": _requests(outlook, reveals=reveals),
        "mappings": [
            _mapping(as_dict(each), reveals=reveals)
            for event in (_events(letter, settings) or ())[:MOST_EVENTS]
            for each in explain(destination, event)
            if not letter.action or each.name == letter.mapping
        ],
    }


def _events(letter: Letter, settings: Settings) -> list[Event] | None:
    try:
        return letter.events(largest=settings.max_record_bytes)
    except UnreadableRecord:
        return None


def _facts(letter: Letter) -> dict[str, str]:
    origin = letter.origin
    return {
        "message": letter.message,
        "error": letter.kind,
        "mapping": letter.mapping,
        "action": letter.action,
        "event": "" if letter.event is None else f"number {letter.event} of its record, counted from 0",
        "attempts": str(letter.attempts or ""),
        "first attempt": letter.first_attempt_at,
        "answer": f"HTTP {letter.http_status}" if letter.http_status is not None else "",
        "response": letter.response,
        "destination": letter.destination or "all: the ingest stage gave it up",
        "configuration": letter.config_version,
        "redriven before": f"{letter.redrives} times" if letter.redrives else "",
        "origin": f"{letter.topic}, partition {origin.partition}, offset {origin.offset}" if origin else "",
        "source": letter.source,
    }


def _header(name: str, value: bytes | None, *, reveals: bool) -> str:
    if value is None:
        return "null"
    is_ours = name.startswith((OWN_PREFIX, CONNECT_PREFIX))
    text = value.decode("utf-8", "replace")
    return plain(text[:LONGEST_VALUE]) if is_ours or reveals else MASK


def _raw(value: bytes | None, *, reveals: bool) -> str:
    if value is None:
        return "no value (a tombstone)"
    if not reveals:
        return f"{MASK} ({len(value):,} bytes that are no event)"
    lines = value[: 4 * LONGEST_VALUE].decode("utf-8", "replace")[:LONGEST_VALUE].splitlines()
    return "\n".join(map(plain, lines)) or "empty"


def _requests(outlook: Outlook, *, reveals: bool) -> list[dict[str, str]]:
    return [
        {
            "method": each.request.method,
            "url": shown_url(each.request.url, reveals=reveals),
            "body": pretty(read_json(each.request.body), reveals=reveals) if each.request.body else "",
        }
        for each in outlook.planned[:MOST_EVENTS]
        if each.request is not None
    ]


def _mapping(found: Mapping[str, Any], *, reveals: bool) -> dict[str, Any]:
    return {
        "name": plain(found["mapping"] or found["action"]),
        "matched": found["matched"],
        "deciding": plain(found["deciding"]),
        "error": None if found["error"] is None else plain(str(found["error"].get("message", ""))),
        "conditions": [
            {"text": plain(each["text"]), "holds": each["holds"], "value": _value(each, "actual", reveals)}
            for each in found["conditions"]
        ],
        "fields": [
            {
                "path": plain(each["field"]),
                "from": plain(" ".join((each["directive"], *each["sources"]))),
                "outcome": each["outcome"],
                "note": plain(each["note"]),
                "value": _value(each, "result", reveals),
            }
            for each in found["fields"]
        ],
    }


def _value(found: Mapping[str, Any], name: str, reveals: bool) -> str:
    if name not in found:
        return ""
    text = pretty(found[name], reveals=reveals)
    return text if len(text) <= 500 else text[:500] + "…"
