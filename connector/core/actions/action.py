"""What an action is: its fields, where its request goes, and how a payload becomes a body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from connector.core.javascript import UNDEFINED
from connector.core.payload_schema import Field, PayloadSchema

Body: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One operation of Encharge.

    key       what configurations call it, e.g. trackEvent
    endpoint  the ingest host's one address, or the tags address of the API host
    trigger   of the preset; empty where there is none
    body      cleaned payload -> body; raises PayloadError when the payload names nobody or nothing
    """

    key: str
    title: str
    description: str
    fields: tuple[Field, ...]
    body: Callable[[Body], Body]
    method: Literal["POST", "DELETE"] = "POST"
    endpoint: Literal["ingest", "tags"] = "ingest"
    trigger: str = ""
    schema: PayloadSchema = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema", PayloadSchema(self.fields))

    @property
    def default_fields(self) -> Mapping[str, Any]:
        """The fields tree of a preset or of a new mapping: every field that has a default, in order."""
        return {each.key: each.default for each in self.fields if each.default is not UNDEFINED}
