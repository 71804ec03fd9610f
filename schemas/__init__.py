"""JSON Schemas (draft 2020-12) of what goes in and out, loaded by name. Imports nothing from the connector.

    segment/event.json   one Segment event, the value of a by-user record
    by_user_headers.json the headers of a by-user record
    segment/record.json  what a source record may hold: one event, or a Tracking-API envelope of several
    dead_letter.json     the headers of a dead letter; its key and value are the original bytes
    destination.json     the operator's file; for editors, with completion per action
    encharge/ACTION.json the body that an action sends
    control.json         what stands on the control topic
    worker.json          what a worker says of itself there
    status.json          what the command `status` gives as JSON
    replay_plan.json     the file that `replay plan` writes and `replay run` takes

destination.json and encharge/ are made from the table of actions by `make docs`, and so is asyncapi.json, the
AsyncAPI document that puts topics and schemas together. The schemas describe;
nothing is refused for breaking one. What the connector refuses, and with which code, is in docs/codes.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.abc import Traversable
from importlib.resources import files
from typing import Any, Final

ASYNCAPI: Final = "asyncapi.json"  # no schema, but made of them


def schema_names() -> list[str]:
    """List the names that `load_schema` takes, in order."""
    return sorted(set(_names(files(__name__), "")) - {ASYNCAPI})


def load_schema(name: str) -> dict[str, Any]:
    """Read one schema, e.g. `segment/event.json`.

    Raises: FileNotFoundError for a name that is none of `schema_names()`
    """
    schema: dict[str, Any] = json.loads(files(__name__).joinpath(name).read_text(encoding="utf-8"))
    return schema


def _names(folder: Traversable, prefix: str) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.name.endswith(".json"):
            yield prefix + entry.name
        elif entry.is_dir() and not entry.name.startswith("__"):
            yield from _names(entry, f"{prefix}{entry.name}/")
