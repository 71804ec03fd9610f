"""Details of the mapping language that the golden cases do not reach.

Each was seen by running the reference, @segment/actions-core, on the same trees and events.
"""

import pytest

from connector.core import FieldsError, compile_fields


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        pytest.param(
            {"a": {"@merge": {"direction": "left", "objects": {"@path": "$.x"}}}},
            "/a/@merge/objects should be an array but it is an object.",
            id="directive for a list",
        ),
        pytest.param(
            {"a": {"@merge": {"direction": {"@path": "$.x"}, "objects": []}}},
            "/a/@merge/direction should be a string but it is a directive.",
            id="directive for a text",
        ),
    ],
)
def test_a_misplaced_directive_is_named(tree, message):
    with pytest.raises(FieldsError) as raised:
        compile_fields(tree)

    assert list(raised.value.messages) == [message]


def test_a_text_as_the_whole_tree_is_spread_by_utf16_units():
    assert compile_fields("\U0001f600a")({}) == {"0": "\ud83d", "1": "\ude00", "2": "a"}
