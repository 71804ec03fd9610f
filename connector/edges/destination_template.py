"""Writes destination files: the first one with the presets, and those with imported mappings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from connector.core.actions import ACTIONS
from connector.core.presets import PRESETS, preset_mappings
from connector.core.segment_import import LeftOut
from connector.edges.yaml_text import WIDTH, indented, item_lines, lines, quoted, scalar

_HEAD: Final = """\
# What becomes of Segment events in Encharge. Checked by `encharge-connector check`; see
# `encharge-connector explain` for what happens to an event of yours, and why.
#
#   trigger  which events: type = "track" and event = "Order Completed" and properties.total >= 100
#   fields   how the payload is made: values, and directives such as {'@path': $.properties.total}
#   action   trackEvent, identifyUser, trackPageView, aliasUser, createUpdateObject, addTag, removeTag
"""
_LEFT_OUT_HEAD: Final = (
    "## Left out, because a destination file cannot hold it. To use a mapping, mend it here and take the",
    "## first # off each of its lines; mappings: [] must lose its brackets then.",
)


def destination_text(
    *,
    id: str,  # noqa: A002  the word of the file
    name: str,
    presets: Collection[str] = PRESETS,
) -> str:
    """Give the text of a destination file with presets, by their actions; each field has its description."""
    mappings = [each for each in preset_mappings() if each["action"] in presets]
    return _text(id, name, mappings, described=True)


def imported_text(
    *,
    id: str,  # noqa: A002  the word of the file
    name: str,
    mappings: Sequence[Mapping[str, Any]],
    left_out: Sequence[LeftOut] = (),
) -> str:
    """Give the text of a destination file with these mappings; left-out ones stand at its end as comments."""
    comments = "".join(f"{line}\n" for line in _commented(left_out)) if left_out else ""
    return _text(id, name, mappings, described=False) + comments


def mapping_text(mapping: Mapping[str, Any]) -> str:
    """Give the text of one mapping; each field has its description."""
    return "\n".join(_mapping_lines(mapping, described=True))


def _text(id_: str, name: str, mappings: Sequence[Mapping[str, Any]], *, described: bool) -> str:
    written = [
        f"id: {scalar(id_)}",
        f"name: {scalar(name)}",
        "enabled: true  # false: hold events (when_disabled: hold) or discard them",
        "mappings:" if mappings else "mappings: []",
    ]
    for mapping in mappings:
        written += indented(item_lines(_mapping_lines(mapping, described=described)), 2)
    return _HEAD + "".join(f"{line}\n" for line in written)


def _mapping_lines(mapping: Mapping[str, Any], *, described: bool) -> Iterator[str]:
    for key in ("name", "action", "enabled"):
        yield f"{key}: {scalar(mapping[key])}"
    trigger = mapping["trigger"]
    if isinstance(trigger, str):
        yield f"trigger: {quoted(trigger)}"
    else:
        yield from lines({"trigger": trigger}, blocks=1)
    if not mapping["fields"]:
        yield "fields: {}"
        return
    yield "fields:"
    descriptions = _descriptions(mapping["action"]) if described else {}
    for key, tree in mapping["fields"].items():
        if key in descriptions:
            yield f"  # {descriptions[key]}"
        yield from indented(lines({key: tree}, blocks=1, width=WIDTH - 6), 2)


def _descriptions(action: str) -> Mapping[str, str]:
    return {field.key: field.description for field in ACTIONS[action].fields}


def _commented(left_out: Iterable[LeftOut]) -> Iterator[str]:
    yield from _LEFT_OUT_HEAD
    for each in left_out:
        yield "##"
        yield f"## {_on_one_line(each.reason)}"
        for line in indented(item_lines(_mapping_lines(each.mapping, described=False)), 2):
            yield f"#{line}"


def _on_one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
