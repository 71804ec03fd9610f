"""JSON between bytes and values, as forgiving as the JavaScript on Encharge's side."""

from __future__ import annotations

import json
from typing import Any, Never

import orjson


def parse_json(data: bytes) -> Any:
    """Give the value, or raise ValueError where `JSON.parse` would throw.

    orjson alone refuses two things JavaScript takes: lone surrogates and numbers that overflow.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            return json.loads(data.decode(), parse_constant=_refuse_constant)
        except RecursionError as exc:
            raise ValueError("is nested too deeply") from exc


def render_json(value: object) -> bytes:
    """Give compact JSON; text with lone surrogates, which is no UTF-8, comes out escaped."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")
