"""A destination: its mappings compiled, indexed by event type, and the plan they make of an event."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as AbstractMapping
from typing import Any, Final, Literal

from connector.core.account import api_key_of
from connector.core.actions import ACTIONS
from connector.core.deletion import (
    DELETE_TYPE,
    DELETION_DEFAULTS,
    DeletionOptions,
    deletion_problems,
    plan_deletion,
)
from connector.core.fields import compile_fields
from connector.core.javascript import UNDEFINED
from connector.core.mapping import Mapping
from connector.core.mapping_index import index_mappings
from connector.core.plan import Planned
from connector.core.presets import preset_mappings
from connector.core.request import API_URL, INGEST_URL, Endpoints, checked_key
from connector.core.triggers import compile_trigger
from connector.errors import ConfigurationError, FieldsError, PayloadError, Problem, TriggerError

MOST_MAPPINGS: Final = 50

_KEYS: Final = frozenset(
    ("id", "name", "enabled", "when_disabled", "deletion", "mappings", "responses")  # delivery reads the last
)
_MAPPING_KEYS: Final = frozenset(("name", "action", "enabled", "trigger", "fields"))


class Destination:
    """One configured destination, ready to plan events."""

    def __init__(
        self,
        mappings: Iterable[Mapping],
        *,
        id: str = "",  # noqa: A002  the word of the destination file
        name: str = "",
        enabled: bool = True,
        when_disabled: Literal["hold", "discard"] = "hold",
        endpoints: Endpoints | None = None,
        deletion: DeletionOptions = DELETION_DEFAULTS,
    ) -> None:
        self.id, self.name = id, name
        self.enabled, self.when_disabled = enabled, when_disabled
        self.mappings = tuple(mappings)
        """The enabled mappings whose trigger can match at all, in the order of the configuration."""
        self._candidates = index_mappings(self.mappings)
        self._endpoints, self.deletion = endpoints, deletion

    def plan_event(self, event: dict[str, Any]) -> tuple[Planned, ...]:
        """Give what a worker does with an event: `plan`, or the deletion it asks for.

        A deletion is no business of the mappings: what they sent would bring the person back.
        """
        if event.get("type") != DELETE_TYPE or not self.deletes(event):
            return self.plan(event)
        return self.plan_deletion(event)

    def deletes(self, event: dict[str, Any]) -> bool:
        """Tell whether an event is taken as the deletion of its person."""
        return event.get("type") == DELETE_TYPE and self.deletion.events and self._endpoints is not None

    def plan_deletion(self, event: dict[str, Any]) -> tuple[Planned, ...]:
        """Give one entry of no mapping, action `deletePerson`; nothing when the event names nobody."""
        return () if self._endpoints is None else plan_deletion(event, self._endpoints, self.deletion)

    def plan(self, event: dict[str, Any]) -> tuple[Planned, ...]:
        """Give one entry for each enabled mapping whose trigger matches, in the order of the mappings.

        Never raises: what is wrong with the event is in the entries.
        """
        planned = []
        for mapping in self._candidates(event):
            entry = mapping.plan(event)
            if entry is not None:
                planned.append(entry)
        return tuple(planned)

    @classmethod
    def from_config(
        cls,
        config: AbstractMapping[str, Any],
        *,
        api_key: Any = UNDEFINED,
        ingest_url: str = INGEST_URL,
        api_url: str = API_URL,
        write_key: str | None = None,
    ) -> Destination:
        """Compile a configuration as it stands in a destination file.

        Config: {"id": text, "name": text, "enabled": bool, "when_disabled": "hold" | "discard",
            "deletion": {"events": bool, "encode": bool, "erase": bool},
            "mappings": [{"name", "action", "enabled", "trigger", "fields"}, …]}; all but `id` may be
            left out, and no `mappings` means the five presets
        api_key: text; other values are coerced as the reference does (null is the empty key, none an error)
        A trigger that cannot be compiled never matches, as in the reference; whoever reads destination
        files refuses it before (connector.edges.destination_file).
        Raises: ConfigurationError with every problem found
        """
        problems = list(_problems(config))
        if problems:
            raise ConfigurationError(problems)
        try:
            key = api_key_of({} if api_key is UNDEFINED else {"apiKey": api_key})
        except PayloadError as error:
            raise ConfigurationError(Problem(error.message, path="api_key")) from error
        endpoints = Endpoints(
            checked_key(key, setting="api_key"),
            ingest_url,
            api_url,
            None if write_key is None else checked_key(write_key, setting="write_key"),
        )
        mappings = config.get("mappings")
        return cls(
            _compiled(preset_mappings() if mappings is None else mappings, endpoints),
            id=config.get("id", ""),
            name=config.get("name", ""),
            enabled=config.get("enabled", True),
            when_disabled=config.get("when_disabled", "hold"),
            endpoints=endpoints,
            deletion=DeletionOptions(**config.get("deletion", {})),
        )


def _compiled(mappings: Iterable[AbstractMapping[str, Any]], endpoints: Endpoints) -> Iterable[Mapping]:
    problems = []
    for index, config in enumerate(mappings):
        try:
            fields = compile_fields(config.get("fields", {}))
        except FieldsError as error:
            problems += [
                Problem(message, path=".".join((f"mappings[{index}].fields", *path)))
                for message, path in zip(error.messages, error.paths, strict=True)
            ]
            continue
        try:
            trigger = compile_trigger(config.get("trigger", ""))
        except TriggerError:
            continue
        if config.get("enabled", True):
            yield Mapping(config["name"], ACTIONS[config["action"]], trigger, fields, endpoints)
    if problems:
        raise ConfigurationError(problems)


def _problems(config: Any) -> Iterable[Problem]:
    """Check the shape of a configuration, all but its triggers and fields."""
    if not isinstance(config, AbstractMapping):
        yield Problem("must be an object")
        return
    for key in config:
        if key not in _KEYS:
            yield Problem(f"unknown; known are {', '.join(sorted(_KEYS))}", path=str(key))
    for key in ("id", "name"):
        if not isinstance(config.get(key, ""), str):
            yield Problem("must be text", path=key)
    if not isinstance(config.get("enabled", True), bool):
        yield Problem("must be true or false", path="enabled")
    if config.get("when_disabled", "hold") not in ("hold", "discard"):
        yield Problem("must be hold or discard", path="when_disabled")
    yield from deletion_problems(config.get("deletion", {}))
    mappings = config.get("mappings")
    if mappings is None:
        return
    if not isinstance(mappings, list):
        yield Problem("must be a list", path="mappings")
        return
    if len(mappings) > MOST_MAPPINGS:
        yield Problem(f"are {len(mappings)}, at most {MOST_MAPPINGS} are allowed", path="mappings")
    names: set[str] = set()
    for index, mapping in enumerate(mappings):
        yield from _mapping_problems(mapping, f"mappings[{index}]", names)


def _mapping_problems(mapping: Any, path: str, names: set[str]) -> Iterable[Problem]:
    if not isinstance(mapping, AbstractMapping):
        yield Problem("must be an object", path=path)
        return
    for key in mapping:
        if key not in _MAPPING_KEYS:
            yield Problem(f"unknown; known are {', '.join(sorted(_MAPPING_KEYS))}", path=f"{path}.{key}")
    name = mapping.get("name")
    if not isinstance(name, str) or not name:
        yield Problem("is required and must be text", path=f"{path}.name")
    elif name in names:
        yield Problem(f"{name!r} is the name of an earlier mapping, too", path=f"{path}.name")
    else:
        names.add(name)
    if mapping.get("action") not in ACTIONS:
        yield Problem(f"must be one of {', '.join(ACTIONS)}", path=f"{path}.action")
    if not isinstance(mapping.get("enabled", True), bool):
        yield Problem("must be true or false", path=f"{path}.enabled")
    if not isinstance(mapping.get("trigger", ""), str):
        yield Problem("must be text", path=f"{path}.trigger")
    if not isinstance(mapping.get("fields", {}), AbstractMapping):
        yield Problem("must be an object", path=f"{path}.fields")
