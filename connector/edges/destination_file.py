"""Reads a destination file (YAML) and tells every problem with its line.

Also refuses triggers that cannot be compiled: the reference lets them never match, which nobody who
writes a file can want.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from connector.core import Destination, TriggerError, compile_trigger
from connector.core.request import API_URL, INGEST_URL
from connector.errors import ConfigurationError, Problem

DEEPEST = 100  # levels of nesting in a destination file
MOST_VALUES = 200_000  # 50 mappings have some thousands; aliases of aliases could make any number

# What ruamel raises besides its own errors for values that it cannot make: `2026-99-99`, a million digits.
_NOT_MADE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Position:
    """Line and column in a file, from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class DestinationFile:
    """What a file says: plain JSON values, where each stands, and a version that changes with it.

    content  the file as it was read
    """

    path: Path
    config: dict[str, Any]
    positions: Mapping[str, Position]
    version: str
    content: bytes = b""

    def compile(
        self,
        *,
        api_key: str,
        write_key: str | None = None,
        ingest_url: str = INGEST_URL,
        api_url: str = API_URL,
    ) -> Destination:
        """Compile the destination.

        Raises: ConfigurationError with file, line and column of every problem
        """
        problems = [*_identity_problems(self.config), *_trigger_problems(self.config)]
        try:
            destination = Destination.from_config(
                self.config, api_key=api_key, write_key=write_key, ingest_url=ingest_url, api_url=api_url
            )
        except ConfigurationError as error:
            problems = [*error.problems, *problems]
        if problems:
            raise ConfigurationError(self.locate(problem) for problem in problems)
        return destination

    def locate(self, problem: Problem) -> Problem:
        """Add file, line and column of the value a problem is about, or of the nearest one around it."""
        path = problem.path
        while path and path not in self.positions:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        position = self.positions.get(path, Position(1, 1))
        return replace(problem, file=str(self.path), line=position.line, column=position.column)


def read_destination_file(path: Path) -> DestinationFile:
    """Read a file without compiling it.

    Raises: ConfigurationError when it cannot be read or is not YAML that JSON could say, too
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        hint = "; `encharge-connector init` writes one" if isinstance(error, FileNotFoundError) else ""
        raise ConfigurationError(Problem(f"{error.strerror}{hint}", file=str(path))) from error
    return parse_destination_file(path, content)


def parse_destination_file(path: Path, content: bytes) -> DestinationFile:
    """Read what stands in a file, or would; `path` is what messages call it.

    Raises: ConfigurationError when it is not YAML that JSON could say, too
    """
    config, positions = parse_yaml(path, content)
    if not isinstance(config, dict):
        raise ConfigurationError(Problem("must be an object", file=str(path), line=1))
    version = hashlib.sha256(content).hexdigest()[:12]
    return DestinationFile(path, config, positions, version, content)


def parse_yaml(path: Path, content: bytes) -> tuple[Any, Mapping[str, Position]]:
    """Give the value of a YAML text in JSON's types, and where each part of it stands.

    Raises: ConfigurationError
    """
    try:
        tree = YAML(typ="rt").load(content)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        message = " ".join(part for part in (error.context, error.problem) if part)
        raise ConfigurationError(Problem(message, file=str(path), line=line, column=column)) from error
    except RecursionError as error:
        raise ConfigurationError(Problem("is nested too deeply", file=str(path))) from error
    except (YAMLError, *_NOT_MADE) as error:
        raise ConfigurationError(Problem(f"is not YAML: {error}", file=str(path))) from error
    reader = _Reader(path)
    value = reader.plain(tree, "", Position(1, 1), DEEPEST)
    if reader.problems:
        raise ConfigurationError(reader.problems)
    return value, reader.positions


class _Reader:
    """Turns ruamel's values into exact JSON types and notes where each one stands."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.positions: dict[str, Position] = {}
        self.problems: list[Problem] = []
        self._values = 0

    def plain(self, value: Any, path: str, position: Position, levels: int) -> Any:
        self.positions[path] = position
        self._values += 1
        if levels == 0:
            return self._refuse("is nested too deeply", path, position)
        if self._values > MOST_VALUES:
            if self._values == MOST_VALUES + 1:
                self._refuse(
                    f"has more than {MOST_VALUES:,} values; aliases count each time", "", Position(1, 1)
                )
            return None
        match value:
            case CommentedMap():
                return {
                    str(key): self.plain(item, _member(path, key), _position(value.lc, key), levels - 1)
                    for key, item in value.items()
                }
            case CommentedSeq():
                return [
                    self.plain(item, f"{path}[{index}]", _position(value.lc, index), levels - 1)
                    for index, item in enumerate(value)
                ]
            case None:
                return None
            case bool():
                return bool(value)
            case int():
                return int(value)
            case float():
                number = float(value)
                return number if isfinite(number) else self._refuse("is no number of JSON", path, position)
            case str():
                return str(value)
            case _:
                kind = type(value).__name__
                return self._refuse(f"is read as {kind}; put it in quotes to make it text", path, position)

    def _refuse(self, message: str, path: str, position: Position) -> None:
        self.problems.append(
            Problem(message, path=path, file=str(self._path), line=position.line, column=position.column)
        )


def _member(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


def _position(lc: Any, key: Any) -> Position:
    try:
        line, column = lc.value(key) if not isinstance(key, int) else lc.item(key)
    except (KeyError, TypeError):  # merged from an anchor: the place of the whole object
        line, column = lc.line, lc.col
    return Position(line + 1, column + 1)


def _identity_problems(config: Mapping[str, Any]) -> Iterable[Problem]:
    id_ = config.get("id")
    if not isinstance(id_, str) or not id_ or not all(c.isalnum() or c in "._-" for c in id_):
        yield Problem(
            "is required: letters, digits, '.', '_' and '-'; it is part of the consumer group", path="id"
        )


def _trigger_problems(config: Mapping[str, Any]) -> Iterable[Problem]:
    mappings = config.get("mappings")
    if not isinstance(mappings, list):
        return
    for index, mapping in enumerate(mappings):
        if not isinstance(mapping, dict) or not isinstance(mapping.get("trigger", ""), str):
            continue
        try:
            compile_trigger(mapping.get("trigger", ""))
        except TriggerError as error:
            yield Problem(error.message, path=f"mappings[{index}].trigger")
