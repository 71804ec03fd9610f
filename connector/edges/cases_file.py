"""Reads files of cases and adds cases to them; what stands in a file already is never rewritten."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from connector.core.case_format import case_value, cases_of
from connector.core.cases import Case
from connector.edges.destination_file import read_destination_file
from connector.edges.yaml_text import indented, item_lines, lines
from connector.errors import ConfigurationError, OperationalError, Problem

SUFFIX: Final = ".cases.yaml"

_HEAD: Final = """\
# Events and the requests they must become; `encharge-connector test` tells where the configuration disagrees.
cases:
"""


@dataclass(frozen=True, slots=True)
class LocatedCase:
    """A case and the line of its file it starts on."""

    case: Case
    file: Path
    line: int


def beside(destination: Path) -> Path:
    """Give the file of cases that belongs to a destination file."""
    return destination.with_name(destination.stem + SUFFIX)


def case_files(path: Path) -> tuple[Path, ...]:
    """Give the files of cases that a path stands for: itself, or all below a directory.

    Raises: ConfigurationError where a directory holds none
    """
    if not path.is_dir():
        return (path,)
    found = tuple(sorted(path.rglob(f"*{SUFFIX}")))
    if not found:
        raise ConfigurationError(Problem(f"holds no file *{SUFFIX}", file=str(path)))
    return found


def read_cases(path: Path) -> tuple[LocatedCase, ...]:
    """Read a file of cases.

    Raises: ConfigurationError with file, line and column of every problem
    """
    if not path.exists():
        hint = "`encharge-connector test --record` writes one"
        raise ConfigurationError(Problem(f"No such file or directory; {hint}", file=str(path)))
    file = read_destination_file(path)  # like it, an object of JSON values that know their places
    try:
        cases = cases_of(file.config)
    except ConfigurationError as error:
        raise ConfigurationError(file.locate(problem) for problem in error.problems) from error
    return tuple(
        LocatedCase(case, path, file.positions[f"cases[{index}]"].line) for index, case in enumerate(cases)
    )


def add_cases(path: Path, cases: Sequence[Case]) -> None:
    """Append cases to a file that `read_cases` takes, or make it; what stands in it stays, byte by byte.

    Raises: ConfigurationError where the end of the file is no place for another case; OperationalError
        where it cannot be written
    """
    values = [case_value(case) for case in cases]
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else _HEAD
    except UnicodeDecodeError:
        raise ConfigurationError(Problem("is not UTF-8, so no case can be added", file=str(path))) from None
    tree = YAML(typ="rt").load(before)
    addition = "".join(f"{line}\n" for line in indented(_lines(values), _column(tree)))
    if not before.endswith("\n"):
        addition = "\n" + addition
    if not _adds(tree, before + addition, values):
        message = "must be the last thing in the file, with each case after a dash: else none can be added"
        raise ConfigurationError(read_destination_file(path).locate(Problem(message, path="cases")))
    try:
        # A new one for its owner alone: events of the real world hold people's data.
        with open(path, "a", encoding="utf-8", newline="", opener=_private) as file:
            file.write(addition if path.stat().st_size else before + addition)
    except OSError as error:
        raise OperationalError(f"{path} cannot be written: {error.strerror}") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lines(values: list[dict[str, Any]]) -> list[str]:
    return [line for value in values for line in item_lines(_case_lines(value))]


def _case_lines(value: dict[str, Any]) -> Iterator[str]:
    """Write a case; event and body are read by people, so their members start lines of their own."""
    yield from lines({"name": value["name"]}, blocks=1)
    yield from lines({"event": value["event"]}, blocks=2)
    yield "expect:" if value["expect"] else "expect: []"
    for outcome in value["expect"]:
        yield from indented(item_lines(lines(outcome, blocks=2)), 2)


def _column(tree: Any) -> int:
    """Find out how far the dashes of a file are indented."""
    cases = tree.get("cases") if isinstance(tree, CommentedMap) else None
    return int(cases.lc.col) if isinstance(cases, CommentedSeq) and cases else 2


def _adds(tree: Any, text: str, values: list[dict[str, Any]]) -> bool:
    """Tell whether a text says what the tree says, and these cases after it."""
    if not isinstance(tree, CommentedMap):
        return False
    try:
        after = YAML(typ="rt").load(text)
    except YAMLError:
        return False
    wanted = {**tree, "cases": [*(tree.get("cases") or ()), *values]}
    return isinstance(after, CommentedMap) and dict(after) == wanted
