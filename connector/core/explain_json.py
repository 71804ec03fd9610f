"""Explanations as JSON: what `explain --json` prints, and what the event tester shows of the same event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from connector.core.explain import MappingExplanation
from connector.core.javascript import UNDEFINED
from connector.core.json_text import read_json
from connector.core.request import Request

KEY_SHOWN: Final = "<api key>"
"""What a destination is compiled with when its requests are shown and not sent."""

LEVELS_SHOWN: Final = 200  # JSON is written to 254 levels, and what is shown adds some around a value


def line_as_dict(line: int, explanations: Iterable[MappingExplanation]) -> dict[str, Any]:
    """Give all that is explained of one event of a line of JSON Lines."""
    return {"line": line, "mappings": [as_dict(each) for each in explanations]}


def as_dict(explanation: MappingExplanation) -> dict[str, Any]:
    """Give an explanation as JSON; undefined values are left out."""
    planned = explanation.planned
    return {
        "mapping": explanation.name,
        "action": explanation.action,
        "trigger": explanation.trigger,
        "matched": explanation.matched,
        "deciding": explanation.deciding,
        "conditions": [
            {"text": each.text, "holds": each.holds} | _value("actual", each.actual)
            for each in explanation.conditions
        ],
        "fields": [
            {
                "field": each.path,
                "directive": each.directive,
                "sources": list(each.sources),
                "outcome": each.outcome,
                "note": each.note,
            }
            | _value("value", each.value)
            | _value("result", each.result)
            for each in explanation.fields
        ],
        "request": None if planned is None or planned.request is None else _request(planned.request),
        "error": None if planned is None or planned.error is None else planned.error._asdict(),
    }


def cut(value: Any, levels: int = LEVELS_SHOWN) -> Any:
    """Give a value without what is nested too deeply to be shown."""
    match value:
        case dict() | list() if levels == 0:
            return "…"
        case dict():
            return {key: cut(item, levels - 1) for key, item in value.items()}
        case list():
            return [cut(item, levels - 1) for item in value]
        case _:
            return value


def _value(name: str, value: Any) -> dict[str, Any]:
    return {} if value is UNDEFINED else {name: cut(value)}


def _request(request: Request) -> dict[str, Any]:
    body = None if request.body is None else cut(read_json(request.body))
    return {"method": request.method, "url": request.url, "headers": request.headers, "body": body}
