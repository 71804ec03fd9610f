"""How two configurations of a destination differ, and how two destinations treat one event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connector.core.deletion import DELETION_DEFAULTS
from connector.core.destination import Destination
from connector.core.event import Event
from connector.core.json_diff import Change, json_diff
from connector.core.planned_diff import Difference, planned_diff, planned_values
from connector.core.presets import preset_mappings

_DELETION: Final[Mapping[str, Any]] = DELETION_DEFAULTS._asdict()
_DEFAULTS: Final[Mapping[str, Any]] = {"id": "", "name": "", "enabled": True, "when_disabled": "hold"}
_MAPPING_DEFAULTS: Final[Mapping[str, Any]] = {"enabled": True, "trigger": "", "fields": {}}


@dataclass(frozen=True, slots=True)
class ConfigurationDiff:
    """What two configurations say differently; spelling out a default is no difference.

    settings   changes of all that stands beside the mappings: name, enabled, …
    removed    mapping name -> its action; so for added
    changed    mapping name -> changes of its action, enabled, trigger, fields
    reordered  mappings that both have stand in another order, so requests of one event are sent in another
    """

    settings: tuple[Change, ...]
    removed: Mapping[str, str]
    added: Mapping[str, str]
    changed: Mapping[str, tuple[Change, ...]]
    reordered: bool

    def __bool__(self) -> bool:
        return bool(self.settings or self.removed or self.added or self.changed or self.reordered)


def configuration_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> ConfigurationDiff:
    """Compare two configurations that compile; mappings are recognised by their names."""
    before, after = _mappings(old), _mappings(new)
    changed = {
        name: changes
        for name, mapping in before.items()
        if name in after and (changes := tuple(json_diff(mapping, after[name])))
    }
    return ConfigurationDiff(
        tuple(json_diff(_settings(old), _settings(new))),
        {name: mapping["action"] for name, mapping in before.items() if name not in after},
        {name: mapping["action"] for name, mapping in after.items() if name not in before},
        changed,
        [name for name in before if name in after] != [name for name in after if name in before],
    )


def event_diff(old: Destination, new: Destination, event: Event) -> tuple[Difference, ...]:
    """Give the mappings that make something else of an event, nothing where none does."""
    return tuple(planned_diff(planned_values(old.plan(event)), planned_values(new.plan(event))))


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    said = {key: value for key, value in config.items() if key != "mappings"}
    return {**_DEFAULTS, **said, "deletion": {**_DELETION, **config.get("deletion", {})}}


def _mappings(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    mappings = config.get("mappings")
    return {
        each["name"]: {"action": each["action"], **_MAPPING_DEFAULTS}
        | {key: value for key, value in each.items() if key != "name"}
        for each in (preset_mappings() if mappings is None else mappings)
    }
