"""The Kafka topics the connector reads and writes, one YAML file each.

Imports nothing from the connector. Fields of a file:

    role           source, by-user, dead-letter or control
    name           default name; `setting` names the environment variable that changes it
    partitions     for a new topic
    settings       Kafka's topic configuration, all values text
    key, value     what records hold; `value_schema` is a file of `schemas`
    written_by, read_by, why
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ruamel.yaml import YAML


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What one topic should be like."""

    role: str
    name: str
    setting: str
    partitions: int
    settings: Mapping[str, str]
    key: str
    value: str
    value_schema: str
    written_by: str
    read_by: str
    why: str


_ROLES = ("source", "by-user", "dead-letter", "control")


@cache
def load_topics() -> tuple[TopicSpec, ...]:
    """Read all files, in the order an event passes through the topics."""
    return tuple(sorted(_read_all(), key=lambda spec: _ROLES.index(spec.role)))


def _read_all() -> Iterator[TopicSpec]:
    for file in files(__name__).iterdir():
        if file.name.endswith(".yaml"):
            content = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
            yield TopicSpec(**content)
