"""Masks keep the shape and give nothing away."""

import pytest
from hypothesis import given

from connector.edges.console.masking import MASK, mask_event, mask_id, mask_json
from tests.strategies import json_values


def leaves(value):
    match value:
        case dict():
            for item in value.values():
                yield from leaves(item)
        case list():
            for item in value:
                yield from leaves(item)
        case _:
            yield value


@given(json_values)
def test_of_any_value_only_null_and_booleans_are_left(value):
    assert all(each is None or isinstance(each, bool) or each == MASK for each in leaves(mask_json(value)))


def test_the_shape_is_left():
    value = {"a": [1, {"b": "x"}, None], "c": True}

    assert mask_json(value) == {"a": [MASK, {"b": MASK}, None], "c": True}


@pytest.mark.parametrize("key", ["ada@example.com", "+43 1 58858", "é雪", "x" * 60, ""])
def test_a_key_that_is_no_plain_name_is_masked_too(key):
    assert mask_json({key: 1}) == {MASK: MASK}


def test_the_type_of_an_event_is_left_and_no_other_type():
    event = {"type": "track", "event": "Order", "userId": 7, "context": {"device": {"type": "Ada's"}}}

    assert mask_event(event) == {
        "type": "track", "event": MASK, "userId": MASK, "context": {"device": {"type": MASK}},
    }  # fmt: skip
    assert mask_event({"type": "Ada"}) == {"type": MASK}
    assert mask_event(["Ada"]) == [MASK]


def test_the_same_id_has_the_same_mask_and_another_another():
    assert mask_id("ada") == mask_id(b"ada") != mask_id("bob")
    assert "ada" not in mask_id("ada")
