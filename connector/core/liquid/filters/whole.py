"""Filters for values of any kind: default, json, raw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connector.core.javascript import UNDEFINED
from connector.core.liquid.errors import ScriptError
from connector.core.liquid.filters.kind import Filter
from connector.core.liquid.json_output import json_output
from connector.core.liquid.render import Render
from connector.core.liquid.values import Drop, is_script_true, is_true, own_property, plain, script_text


def _default(render: Render, value: Any, other: Any = UNDEFINED, *options: Any) -> Any:
    """Replace nil, false, "" and []; with the option `allow_false: true` behind it false stays."""
    value = plain(value)
    if isinstance(value, (str, list)):
        return value or other
    if value is False and _allows_false(render, options):
        return False
    return value if is_true(value) else other


def _allows_false(render: Render, options: tuple[Any, ...]) -> bool:
    allowed: Any = UNDEFINED
    for option in options:
        match option:
            case list() | dict():
                if own_property(option, "0") == "allow_false":
                    allowed = own_property(option, "1")
            case Drop():
                pass
            case _:
                raise ScriptError(f"Iterator value {script_text(option, render)} is not an entry object")
    return is_script_true(allowed)


def _json(render: Render, value: Any, space: Any = UNDEFINED, *_arguments: Any) -> Any:
    return json_output(value, space, render)


def _raw(_render: Render, value: Any, *_arguments: Any) -> Any:
    return value


WHOLE_FILTERS: Final[Mapping[str, Filter]] = {
    "default": _default,
    "inspect": _json,  # it differs for values that contain themselves only, which no event has
    "json": _json,
    "jsonify": _json,
    "raw": _raw,
}
