"""The simulated account: people, their tags and objects, as accepted requests leave them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple
from uuid import UUID

from connector.simulator.encharge import (
    ENCHARGE_ID,
    PERSON_KINDS,
    ChangeTags,
    Demand,
    FindPeople,
    Ids,
    Ingest,
    ReadAccount,
    ReadSchemas,
    RemovePeople,
    id_text,
    ids_in,
    tags_in,
)

Key = tuple[str, str]  # kind of id, id

_NO_EVENT = frozenset({"identify", "alias", "group"})
_NO_FIELDS = frozenset({*PERSON_KINDS, "tags"})


class Answer(NamedTuple):
    """What Encharge says to a request it accepts; no value is no body."""

    status: int
    value: Mapping[str, object] | None = None


@dataclass(slots=True, eq=False)
class Person:
    """One person; `ids` holds the newest id of each kind, `keys` also those of before."""

    ids: dict[str, str]
    keys: set[Key] = field(default_factory=set)
    fields: dict[str, object] = field(default_factory=dict)
    tags: dict[str, None] = field(default_factory=dict)  # a set that keeps the order
    events: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, object]:
        """Show the person for inspection."""
        return {**self.ids, "fields": self.fields, "tags": list(self.tags), "events": dict(self.events)}

    def as_encharge(self) -> dict[str, object]:
        """Show the person the way Encharge's API does: fields beside the ids, tags in one text."""
        return {**self.fields, **self.ids, "tags": ",".join(self.tags)}


@dataclass(slots=True)
class AccountObject:
    """A company or other object, and the ids of the people that belong to it."""

    object_type: str
    fields: dict[str, object] = field(default_factory=dict)
    people: dict[str, None] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Show the object for inspection."""
        return {"objectType": self.object_type, "fields": self.fields, "people": list(self.people)}


class Account:
    """People and objects; with `keep` off, requests are answered but leave nothing behind."""

    def __init__(self, object_types: Mapping[str, str], *, keep: bool) -> None:
        self.object_types, self.keep = object_types, keep
        self._everybody: dict[Person, None] = {}  # in order of their first request
        self._people: dict[Key, Person] = {}  # by every id
        self._archived: dict[Key, Person] = {}
        self._objects: dict[Key, AccountObject] = {}
        self._numbers = count(1)

    def act(self, demand: Demand) -> Answer:
        """Do what an accepted request asks for and give Encharge's answer to it."""
        match demand:
            case Ingest(ids, body):
                if self.keep:
                    self._ingest(ids, body)
                return Answer(200, {"success": True})
            case ChangeTags(ids, tags, add):
                if self.keep:
                    self._change_tags(ids, tags, add=add)
                return Answer(201 if add else 204)
            case RemovePeople(people, erase):
                for ids in people:
                    self._remove(ids, erase=erase)
                return Answer(204)
            case FindPeople(people, with_archived):
                found = [person for ids in people for person in self._find(ids, archived=with_archived)]
                return Answer(200, {"users": [person.as_encharge() for person in dict.fromkeys(found)]})
            case ReadSchemas():
                schemas = [_schema(name, label) for name, label in self.object_types.items()]
                return Answer(200, {"objects": schemas})
            case ReadAccount():
                return Answer(200, self._account())

    def people(self) -> list[Person]:
        """Give everybody, in order of their first request."""
        return list(self._everybody)

    def person(self, one_id: str) -> Person | None:
        """Give whom any kind of id belongs to."""
        keys = ((kind, one_id) for kind in (*PERSON_KINDS, ENCHARGE_ID))
        return next((self._people[key] for key in keys if key in self._people), None)

    def objects(self) -> list[AccountObject]:
        """Give all objects, in order of their first request."""
        return list(self._objects.values())

    def _account(self) -> Mapping[str, object]:
        return {
            "accountId": 1,
            "name": "Encharge simulator",
            "site": "https://example.com",
            "status": "active",
            "timezone": "UTC",
            "peopleCount": len(self._everybody),
            "services": {},
            "activeServices": [],
        }

    def _ingest(self, ids: Ids, body: Mapping[str, object]) -> None:
        kind = str(body.get("type") or body.get("name"))
        if kind == "group":
            self._put_object(ids, body)
            return
        if kind == "alias":
            former = {"userId": body.get("previousUserId"), "email": body.get("previousEmail")}
            self._join(ids, ids_in(former))
        person = self._resolve(ids)
        user = body.get("user")
        if isinstance(user, dict):
            person.fields.update((name, value) for name, value in user.items() if name not in _NO_FIELDS)
            person.tags.update(dict.fromkeys(tags_in(user.get("tags"))))
        if kind not in _NO_EVENT:
            person.events[str(body.get("event") or body.get("name") or kind)] += 1

    def _change_tags(self, ids: Ids, tags: Iterable[str], *, add: bool) -> None:
        person = self._resolve(ids)
        for tag in tags:
            if add:
                person.tags[tag] = None
            else:
                person.tags.pop(tag, None)

    def _put_object(self, ids: Ids, body: Mapping[str, object]) -> None:
        object_type, properties = str(body.get("objectType")), body.get("properties")
        fields = properties if isinstance(properties, dict) else {}
        one_id = id_text(fields.get("externalId")) or id_text(fields.get("id")) or f"#{next(self._numbers)}"
        stored = self._objects.setdefault((object_type, one_id), AccountObject(object_type))
        stored.fields.update(fields)
        if ids:
            self._resolve(ids)
            stored.people[next(iter(ids.values()))] = None

    def _resolve(self, ids: Ids) -> Person:
        """Give the person with these ids: found, put together from several, or new.

        A user id is final: whoever has another one is somebody else, even if they share a browser.
        """
        person: Person | None = None
        user_id = ids.get("userId")
        for key in ids.items():
            found = self._people.get(key)
            if found is None or found is person or _is_somebody_else(found, user_id):
                continue
            if person is None:
                person = found
                user_id = user_id or found.ids.get("userId")
            else:
                self._absorb(person, found)
        if person is None:
            person = Person({})
            self._everybody[person] = None
            self._claim(person, (ENCHARGE_ID, str(UUID(int=next(self._numbers)))))
        for key in ids.items():
            self._claim(person, key)
        return person

    def _claim(self, person: Person, key: Key) -> None:
        kind, value = key
        owner = self._people.get(key)
        if owner is person and (kind == "userId" or person.ids.get(kind) == value):
            return  # a user id of before an alias does not come back
        if owner is not None and owner is not person:
            owner.keys.discard(key)
            owner.ids.pop(kind, None)
        former = (kind, person.ids.get(kind, value))
        if kind == "email" and former != key:  # an address given up may become somebody else's
            person.keys.discard(former)
            self._people.pop(former, None)
        person.ids[kind] = value
        person.keys.add(key)
        self._people[key] = person

    def _absorb(self, person: Person, other: Person) -> None:
        person.fields = {**other.fields, **person.fields}
        person.ids = {**other.ids, **person.ids}
        person.tags = {**other.tags, **person.tags}
        person.events.update(other.events)
        person.keys |= other.keys
        self._people.update(dict.fromkeys(other.keys, person))
        del self._everybody[other]

    def _join(self, ids: Ids, former_ids: Ids) -> None:
        """Let the former ids lead to the person of the new ones, whoever that was before."""
        former = next(self._find(former_ids), None)
        if former is None:
            return
        current = next(self._find(ids), None)
        if current is None:
            for key in ids.items():
                self._claim(former, key)
        elif current is not former:
            self._absorb(current, former)

    def _find(self, ids: Ids, *, archived: bool = False) -> Iterator[Person]:
        for key in ids.items():
            for index in (self._people, self._archived) if archived else (self._people,):
                if key in index:
                    yield index[key]

    def _remove(self, ids: Ids, *, erase: bool) -> None:
        for person in dict.fromkeys(self._find(ids, archived=erase)):
            self._everybody.pop(person, None)
            for key in person.keys:
                for index in (self._people, self._archived):
                    if index.get(key) is person:  # may be somebody's who came after an archived one
                        del index[key]
                if not erase:
                    self._archived[key] = person
                for stored in self._objects.values():
                    stored.people.pop(key[1], None)


def _is_somebody_else(found: Person, user_id: str | None) -> bool:
    return "userId" in found.ids and user_id is not None and ("userId", user_id) not in found.keys


def _schema(name: str, label: str) -> dict[str, object]:
    return {"name": name, "displayNameSingular": label, "displayNamePlural": f"{label}s", "fields": []}
