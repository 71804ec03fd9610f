"""Edits one mapping of a destination file as text: everything around it stays byte for byte as it is.

A mapping is shown as it stands in the file, comments included, moved to the left edge. What comes back is
put in its place; nothing is ever written to disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from connector.core.actions import ACTIONS
from connector.core.presets import preset_mappings
from connector.edges.console.in_force import InForce
from connector.edges.destination_file import Position, parse_destination_file, parse_yaml
from connector.edges.destination_template import destination_text, mapping_text
from connector.edges.yaml_text import lines
from connector.errors import ConfigurationError, Problem

DEEPEST: Final = 100  # brackets open at once; ruamel takes seconds to refuse a thousand
MOST_ALIASES: Final = 100
NEW: Final = "new:"  # begins the name of a target that is an action
_NOWHERE: Final = Path()


class Region(NamedTuple):
    """Where a mapping stands in the text of a file.

    begin, end  of its characters, without the dash before it and the line break behind it
    column      of its first character, from 0
    flow        whether it stands in a list of one line: [{…}, {…}]
    """

    begin: int
    end: int
    column: int
    flow: bool


class Edited(NamedTuple):
    """A configuration in which one mapping is another.

    number     of that mapping, from 0
    positions  where its parts stand in the text that was given, by their path inside the mapping
    """

    config: dict[str, Any]
    number: int
    positions: Mapping[str, Position]


class EditError(ConfigurationError):
    """The text of a mapping cannot be used; lines and columns are those of this text."""


@dataclass(frozen=True, slots=True)
class MappingTexts:
    """The mappings of a configuration as texts."""

    now: InForce
    _text: str = field(init=False)
    _regions: tuple[Region, ...] = field(init=False)
    _newline: str = field(init=False)

    def __post_init__(self) -> None:
        text = _text_of(self.now)
        object.__setattr__(self, "_text", text)
        object.__setattr__(self, "_regions", _regions(text, self.now))
        object.__setattr__(self, "_newline", "\r\n" if "\r\n" in text else "\n")

    def of(self, target: str) -> str:
        """Give the text of a mapping, or that of a new one of an action.

        Raises: EditError for a name that there is not
        """
        if target.startswith(NEW):
            return _new_text(target.removeprefix(NEW), {each["name"] for each in self.now.mappings})
        index = _index(self.now, target)
        if not self._regions:
            return mapping_text(self.now.config["mappings"][index])
        region = self._regions[index]
        return "\n".join(_moved_left(self._text[region.begin : region.end].splitlines(), region.column))

    def edited(self, target: str, text: str) -> Edited:
        """Give the configuration with this text instead of a mapping.

        Raises: EditError
        """
        text = _unified(text)
        mappings = list(self.now.listed)
        index = len(mappings) if target.startswith(NEW) else _index(self.now, target)
        try:
            value, positions = _parsed(text)
        except EditError as error:
            if "found undefined alias" not in str(error) or not self._regions:
                raise
            return self._with_aliases(target, text, index)
        mappings[index : index + 1] = [value]
        return Edited({**self.now.config, "mappings": mappings}, index, positions)

    def changed_file(self, target: str, text: str) -> bytes:
        """Give the file with only this mapping changed.

        Raises: EditError
        """
        text = _unified(text)
        if not target.startswith(NEW) and text.rstrip() == self.of(target).rstrip() and self._regions:
            return self._bytes(self._text)
        edited = self.edited(target, text)
        changed = self._with(target, text, edited)
        self._check(changed, edited)
        return self._bytes(changed)

    def _with(self, target: str, text: str, edited: Edited | None) -> str:
        whole, regions = self._text, self._regions
        if not regions:
            return self._with_list(target, text)
        is_new = target.startswith(NEW)
        region = regions[-1 if is_new else _index(self.now, target)]
        if region.flow:
            written = text.strip()
            if edited is not None and (is_new or not written.startswith("{") or "\n" in written):
                written = _on_one_line(edited.config["mappings"][edited.number])
            if is_new:
                return f"{whole[: region.end]}, {written}{whole[region.end :]}"
            return f"{whole[: region.begin]}{written}{whole[region.end :]}"
        written = self._newline.join(_moved_right(text.strip("\n").rstrip().split("\n"), region.column))
        if not is_new:
            return f"{whole[: region.begin]}{written}{whole[region.end :]}"
        end = whole.find("\n", region.end)
        end = len(whole) if end < 0 else end - len(self._newline) + 1
        return f"{whole[:end]}{self._newline}{_dash_before(whole, region)}{written}{whole[end:]}"

    def _with_list(self, target: str, text: str) -> str:
        """Write out a list that the file has not, or has empty."""
        if self.now.file is not None and "mappings" in self.now.file.config:
            message = "the file says `mappings:` and has none; write the first one by hand"
            raise EditError(Problem(message))
        texts = [mapping_text(each) for each in self.now.config["mappings"]]
        index = len(texts) if target.startswith(NEW) else _index(self.now, target)
        texts[index : index + 1] = [text.rstrip()]
        items = [
            self._newline.join(
                f"{'    ' if n else '  - '}{line}" if line else "" for n, line in enumerate(each.split("\n"))
            )
            for each in texts
        ]
        before = self._text if self._text.endswith("\n") else self._text + self._newline
        return before + self._newline.join(("mappings:", *items)) + self._newline

    def _with_aliases(self, target: str, text: str, index: int) -> Edited:
        """Read the text where it will stand: it uses what has a name elsewhere in the file."""
        changed = self._with(target, text, None)
        region = self._regions[-1 if target.startswith(NEW) else index]
        first = self._text.count("\n", 0, region.begin) + 1
        try:
            file = parse_destination_file(_NOWHERE, changed.encode())
        except ConfigurationError as error:
            raise EditError(_moved(each, first, region.column) for each in error.problems) from error
        path = f"mappings[{index}]"
        positions = {
            name.removeprefix(path).lstrip("."): Position(
                max(place.line - first + 1, 1), max(place.column - region.column, 1)
            )
            for name, place in file.positions.items()
            if name == path or name.startswith((f"{path}.", f"{path}["))
        }
        return Edited(file.config, index, positions)

    def _check(self, changed: str, edited: Edited) -> None:
        """Refuse a text that would become something else where it is put."""
        try:
            file = parse_destination_file(_NOWHERE, changed.encode())
        except ConfigurationError as error:
            raise EditError(Problem(f"does not fit into the file: {error.problems[0].message}")) from error
        if file.config != _without_presets(edited.config, self.now):
            raise EditError(Problem("would change more of the file than this mapping"))

    def _bytes(self, text: str) -> bytes:
        file = self.now.file
        mark = b"\xef\xbb\xbf" if file is not None and file.content.startswith(b"\xef\xbb\xbf") else b""
        return mark + text.encode()


def place_of(problem: Problem, edited: Edited) -> Problem:
    """Add line and column in the text of the mapping to a problem of its configuration.

    What is wrong elsewhere in the file keeps its path and has no line.
    """
    path = f"mappings[{edited.number}]"
    if problem.path != path and not problem.path.startswith((f"{path}.", f"{path}[")):
        return problem
    inner = problem.path.removeprefix(path).lstrip(".")
    nearest = inner
    while nearest and nearest not in edited.positions:
        nearest = nearest[: max(nearest.rfind("."), nearest.rfind("["), 0)]
    position = edited.positions.get(nearest, Position(1, 1))
    return replace(problem, path=inner, file="", line=position.line, column=position.column)


def targets(now: InForce) -> list[tuple[str, str]]:
    """Give what can be edited, with its title: the mappings, and a new one of each action."""
    return [
        *((each["name"], each["name"]) for each in now.mappings),
        *((f"{NEW}{key}", f"a new mapping: {action.title}") for key, action in ACTIONS.items()),
    ]


def _index(now: InForce, name: str) -> int:
    for index, each in enumerate(now.listed):
        if isinstance(each, dict) and each.get("name") == name:
            return index
    raise EditError(Problem("there is no mapping of this name (any more)"))


def _new_text(action: str, taken: set[str]) -> str:
    declared = ACTIONS.get(action)
    if declared is None:
        raise EditError(Problem("there is no such action"))
    preset = next((each for each in preset_mappings() if each["action"] == action), None)
    name, number = declared.title, 1
    while name in taken:
        number += 1
        name = f"{declared.title} {number}"
    fields = dict(declared.default_fields)
    missing = {
        each.key: f"a {each.label.lower()}"
        for each in declared.fields
        if each.required and each.key not in fields
    }
    trigger = 'type = "track" and event = "Order Completed"' if preset is None else preset["trigger"]
    return mapping_text(
        {"name": name, "action": action, "enabled": True, "trigger": trigger, "fields": {**missing, **fields}}
    )


def _text_of(now: InForce) -> str:
    if now.file is None:
        text = destination_text(id="production", name="Encharge production")
        return text[: text.index("\nmappings:") + 1]
    try:
        return now.file.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EditError(Problem("the file is not UTF-8; its mappings cannot be edited here")) from error


def _regions(text: str, now: InForce) -> tuple[Region, ...]:
    """Find the mappings; none where the file has no list of them, or an empty one."""
    if now.has_presets:
        return ()
    try:
        root = YAML(typ="rt").compose(text)
    except (YAMLError, RecursionError) as error:
        raise EditError(Problem("the file cannot be read")) from error
    found = (
        next((value for key, value in root.value if key.value == "mappings"), None)
        if isinstance(root, MappingNode)
        else None
    )
    if not isinstance(found, SequenceNode):
        raise EditError(Problem("the file has no list of mappings"))
    regions = tuple(_region(text, node, in_flow=bool(found.flow_style)) for node in found.value)
    begins = [each.begin for each in regions]
    if begins != sorted(set(begins)) or not all(isinstance(each, MappingNode) for each in found.value):
        raise EditError(
            Problem("the file has mappings that are aliases (*name) or no objects; edit it by hand")
        )
    return regions


def _region(text: str, node: Node, *, in_flow: bool) -> Region:
    begin, column = node.start_mark.index, node.start_mark.column
    if getattr(node, "flow_style", False):
        return Region(begin, node.end_mark.index, column, in_flow)
    last = max(each.end_mark.index for each in _leaves(node))
    if text[:last].endswith("\n"):  # a block text ends where the next line begins
        return Region(begin, begin + len(text[begin:last].rstrip("\r\n")), column, flow=False)
    end = text.find("\n", last)  # what stands behind the last value is a comment
    end = len(text) if end < 0 else end
    return Region(begin, begin + len(text[begin:end].rstrip("\r")), column, flow=False)


def _leaves(node: Node) -> Iterator[Node]:
    if isinstance(node, MappingNode) and not node.flow_style:
        for pair in node.value:
            for each in pair:
                yield from _leaves(each)
    elif isinstance(node, SequenceNode) and not node.flow_style:
        for each in node.value:
            yield from _leaves(each)
    else:
        yield node


def _dash_before(text: str, region: Region) -> str:
    """Give what stands before a mapping of a list of several lines: `  - `."""
    line = text[text.rfind("\n", 0, region.begin) + 1 : region.begin]
    if line.strip() == "-":
        return line
    return " " * max(region.column - 2, 0) + "- "


def _moved_left(written: list[str], columns: int) -> Iterator[str]:
    for number, line in enumerate(written):
        blank = len(line) - len(line.lstrip(" "))
        yield line if number == 0 else line[min(columns, blank) :]


def _moved_right(written: list[str], columns: int) -> Iterator[str]:
    for number, line in enumerate(written):
        yield " " * columns + line if line and number else line


def _on_one_line(value: Any) -> str:
    return next(iter(lines(value, width=1 << 30)))


def _unified(text: str) -> str:
    """Give a text with one kind of line breaks, that can be written in UTF-8."""
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()


def _parsed(text: str) -> tuple[Any, Mapping[str, Position]]:
    """Read the text of a mapping by itself."""
    _refuse_bombs(text)
    try:
        value, positions = parse_yaml(_NOWHERE, text.encode())
    except ConfigurationError as error:
        raise EditError(replace(each, file="") for each in error.problems) from error
    if not isinstance(value, dict):
        message = "must be an object: name, action, trigger, fields"
        raise EditError(Problem(message, line=1, column=1))
    return value, positions


def _refuse_bombs(text: str) -> None:
    level = 0
    for line_number, line in enumerate(text.split("\n"), start=1):
        level += sum(map(line.count, "[{")) - sum(map(line.count, "]}"))
        if (
            level > DEEPEST
            or line.count("[") > line.count("]") + DEEPEST
            or line.count("{") > line.count("}") + DEEPEST
        ):
            raise EditError(Problem("is nested too deeply", line=line_number, column=1))
    if text.count("<<") > MOST_ALIASES:
        raise EditError(Problem(f"has more than {MOST_ALIASES} merges (<<)"))


def _moved(problem: Problem, first: int, column: int) -> Problem:
    if problem.line is None:
        return replace(problem, file="")
    line = max(problem.line - first + 1, 1)
    return replace(problem, file="", line=line, column=max((problem.column or 1) - column, 1))


def _without_presets(config: Mapping[str, Any], now: InForce) -> dict[str, Any]:
    """Give a configuration as the changed file has it."""
    if now.file is not None:
        return dict(config)
    return {**config, "id": "production", "name": "Encharge production", "enabled": True}
