"""Writes the first destination file: the five presets, spelled out and commented."""

from __future__ import annotations

from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.scalarstring import SingleQuotedScalarString

from connector.core.actions import ACTIONS
from connector.core.presets import preset_mappings

_HEAD: Final = """\
# What becomes of Segment events in Encharge. Checked by `encharge-connector check`; see
# `encharge-connector explain` for what happens to an event of yours, and why.
#
#   trigger  which events: type = "track" and event = "Order Completed" and properties.total >= 100
#   fields   how the payload is made: values, and directives such as {'@path': $.properties.total}
#   action   trackEvent, identifyUser, trackPageView, aliasUser, createUpdateObject, addTag, removeTag
"""


def destination_text(*, id: str, name: str) -> str:  # noqa: A002  the word of the file
    """Give the text of a destination file with the presets."""
    content = CommentedMap(id=id, name=name, enabled=True)
    content.yaml_add_eol_comment("false: hold events (when_disabled: hold) or discard them", "enabled")
    content["mappings"] = [_mapping(each) for each in preset_mappings()]
    yaml = YAML(typ="rt")
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(content, out)
    return _HEAD + out.getvalue()


def _mapping(preset: dict[str, Any]) -> CommentedMap:
    mapping = CommentedMap(
        (key, SingleQuotedScalarString(preset[key]) if key == "trigger" else preset[key])
        for key in ("name", "action", "enabled", "trigger")
    )
    fields = CommentedMap((key, _flow(tree)) for key, tree in preset["fields"].items())
    for field in ACTIONS[preset["action"]].fields:
        if field.key in fields:
            fields.yaml_set_comment_before_after_key(field.key, before=field.description, indent=6)
    mapping["fields"] = fields
    return mapping


def _flow(tree: Any) -> Any:
    """Write a field's tree on one line where it is short."""
    if not isinstance(tree, dict):
        return tree
    node = CommentedMap((_quoted(key), _flow(value)) for key, value in tree.items())
    if len(str(tree)) < 80 or any(key.startswith("@") for key in tree):
        node.fa.set_flow_style()
    return node


def _quoted(key: str) -> str:
    return SingleQuotedScalarString(key) if key.startswith("@") else key
