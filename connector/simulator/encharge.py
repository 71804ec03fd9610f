"""What Encharge would do with a request: understand it, or refuse it.

Sources: Encharge's published OpenAPI document (https://app-encharge-resources.s3.amazonaws.com/merged.yaml)
for paths, success statuses and answers; https://docs.encharge.io/getting-started/connecting-your-app-to-encharge/ingest-api
for ingest. Encharge publishes no status for refusals. Ours are 401 for the key, 400 for a body that
makes no sense, and 415 for a content type other than application/json, which the ingest page requires:
RFC 9110 has 415 for exactly that, and it tells a sender's two mistakes apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import parse_qsl

from connector.simulator.json_bytes import parse_json

MAX_BODY_BYTES = 1024**2

# Strongest first: the first one a request has is the person in the books. This is the order in which
# the connector chooses the lane, so one lane is one person.
PERSON_KINDS = ("userId", "segmentAnonymousId", "email")
# Encharge's own id of a person. Ingest does not look at it: there, `user.id` is a field like any other.
ENCHARGE_ID = "id"

Ids = dict[str, str]  # kind -> id, strongest first; empty: nobody


class Call(NamedTuple):
    """A request as it came in."""

    method: str
    path: str  # without the query
    query: str  # as it came, undecoded
    token: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Encharge does not take, and why."""

    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Ingest:
    """Create or update a person, an object or an event."""

    ids: Ids
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ChangeTags:
    """Add tags to a person or take them away."""

    ids: Ids
    tags: tuple[str, ...]
    add: bool


@dataclass(frozen=True, slots=True)
class RemovePeople:
    """Archive people, or erase them with `erase`."""

    people: tuple[Ids, ...]
    erase: bool

    @property
    def ids(self) -> Ids:
        """Give the first one, whom the books name."""
        return self.people[0]


@dataclass(frozen=True, slots=True)
class FindPeople:
    """Read people back."""

    people: tuple[Ids, ...]
    with_archived: bool

    @property
    def ids(self) -> Ids:
        """Give the first one, whom the books name."""
        return self.people[0]


@dataclass(frozen=True, slots=True)
class ReadAccount:
    """Read who the key belongs to."""

    ids: Ids


@dataclass(frozen=True, slots=True)
class ReadSchemas:
    """Read the object types."""

    ids: Ids


Demand = Ingest | ChangeTags | RemovePeople | FindPeople | ReadAccount | ReadSchemas


def person_of(demand: Demand) -> str:
    """Give the strongest id of whom a demand is for, "" for nobody."""
    return next(iter(demand.ids.values()), "")


def examine(call: Call, tokens: Collection[str]) -> Demand | Refusal:
    """Understand a request; `tokens` are the keys of the account, none of them: any key will do."""
    methods = _ROUTES.get(call.path)
    if methods is None:
        return Refusal(404, "not_found", "There is nothing at this path.")
    understand = methods.get(call.method)
    if understand is None:
        return Refusal(405, "method_not_allowed", f"This path takes {', '.join(methods)}.")
    if not call.token:
        return Refusal(401, "token_missing", "The header X-Encharge-Token is missing.")
    if tokens and call.token not in tokens:
        return Refusal(401, "token_wrong", "The key in X-Encharge-Token is not valid.")
    return understand(call)


def too_large() -> Refusal:
    """Refuse a body over the limit, which nobody has read to its end."""
    return Refusal(413, "body_too_large", f"The body is larger than {MAX_BODY_BYTES} bytes.")


def ids_in(*sources: object, kinds: Sequence[str] = PERSON_KINDS) -> Ids:
    """Collect who is meant from objects that may name a person; earlier objects win."""
    found: Ids = {}
    for kind in kinds:
        for source in sources:
            value = id_text(source.get(kind)) if isinstance(source, dict) else ""
            if value:
                found[kind] = value
                break
    return found


def id_text(value: object) -> str:
    """Give an id as text, "" if it is none; Encharge's own examples also have numbers as ids."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def tags_in(value: object) -> tuple[str, ...]:
    """Split a text of comma-separated tags."""
    parts = value.split(",") if isinstance(value, str) else ()
    return tuple(part.strip() for part in parts if part.strip())


def _ingest(call: Call) -> Ingest | Refusal:
    body = _object_in(call)
    if isinstance(body, Refusal):
        return body
    ids = ids_in(body, body.get("user"))
    if ids or body.get("type") == "group":
        return Ingest(ids, body)
    return _nobody()


def _change_tags(call: Call) -> ChangeTags | Refusal:
    body = _object_in(call)
    if isinstance(body, Refusal):
        return body
    ids = ids_in(body, body.get("user"), kinds=(*PERSON_KINDS, ENCHARGE_ID))
    if not ids:
        return _nobody()
    tags = tags_in(body.get("tag"))
    if not tags:
        return Refusal(400, "tag_missing", "The body needs a tag.")
    return ChangeTags(ids, tags, add=call.method == "POST")


def _remove_people(call: Call) -> RemovePeople | Refusal:
    people, options = _people_in(call.query)
    return RemovePeople(people, erase=options.get("force") == "true") if people else _nobody()


def _find_people(call: Call) -> FindPeople | Refusal:
    people, options = _people_in(call.query)
    return FindPeople(people, with_archived=options.get("includeArchived") == "true") if people else _nobody()


def _nobody() -> Refusal:
    return Refusal(400, "person_missing", "At least one of userId, email and segmentAnonymousId is needed.")


def _object_in(call: Call) -> Mapping[str, object] | Refusal:
    if call.content_type.partition(";")[0].strip().lower() != "application/json":
        return Refusal(415, "content_type", "The content type must be application/json.")
    try:
        body = parse_json(call.body)
    except ValueError:
        return Refusal(400, "not_json", "The body is not JSON.")
    if not isinstance(body, dict):
        return Refusal(400, "not_an_object", "The body must be a JSON object.")
    return body


_PEOPLE_PARAMETER = re.compile(r"people\[(\d+)\]\[(\w+)\]")


def _people_in(query: str) -> tuple[tuple[Ids, ...], dict[str, str]]:
    """Give the people named as `people[0][userId]=…&people[1][email]=…`, and the other parameters."""
    named: dict[str, dict[str, str]] = {}
    options: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if match := _PEOPLE_PARAMETER.fullmatch(key):
            named.setdefault(match[1], {})[match[2]] = value
        else:
            options[key] = value
    people = (ids_in(person, kinds=(*PERSON_KINDS, ENCHARGE_ID)) for person in named.values())
    return tuple(ids for ids in people if ids), options


_ROUTES: Mapping[str, Mapping[str, Callable[[Call], Demand | Refusal]]] = {
    "/v1": {"POST": _ingest},
    "/v1/": {"POST": _ingest},  # the spelling in Encharge's documentation
    "/v1/tags": {"POST": _change_tags, "DELETE": _change_tags},
    "/v1/people": {"GET": _find_people, "DELETE": _remove_people},
    "/v1/accounts/info": {"GET": lambda _call: ReadAccount({})},
    "/schemas": {"GET": lambda _call: ReadSchemas({})},
}
