"""Where two JSON values differ: the rules one by one, and that a diff leads from one value to the other."""

from copy import deepcopy

import pytest
from hypothesis import given

from connector.core import UNDEFINED
from connector.core.json_diff import Change, json_diff, path_text, value_text
from tests.strategies import json_values

OLD = {"type": "track", "properties": {"total": 5, "products": [{"sku": "a"}, {"sku": "b"}]}}


def diff(old, new):
    return list(json_diff(old, new))


def applied(value, changes):
    """Do to a value what the changes say."""
    whole = [deepcopy(value)]
    gone = [change for change in changes if change.new is UNDEFINED]
    for change in [change for change in changes if change not in gone] + gone[
        ::-1
    ]:  # lists lose their last first
        holder, step = whole, 0
        for following in change.path:
            holder, step = holder[step], following
        if change.new is UNDEFINED:
            del holder[step]
        elif change.old is UNDEFINED and isinstance(holder, list):
            holder.insert(step, change.new)
        else:
            holder[step] = change.new
    return whole[0]


def test_a_value_that_changed_is_told_with_its_path():
    new = {"type": "track", "properties": {"total": 6, "products": [{"sku": "a"}, {"sku": "c"}]}}

    assert diff(OLD, new) == [
        Change(("properties", "total"), 5, 6),
        Change(("properties", "products", 1, "sku"), "b", "c"),
    ]


def test_a_member_that_only_one_side_has_is_undefined_on_the_other():
    assert diff({"a": None, "b": 1}, {"b": 1, "c": None}) == [
        Change(("a",), None, UNDEFINED),
        Change(("c",), UNDEFINED, None),
    ]


def test_entries_of_a_longer_list_are_added_or_removed():
    assert diff([1], [1, 2]) == [Change((1,), UNDEFINED, 2)]
    assert diff([1, 2], [1]) == [Change((1,), 2, UNDEFINED)]


def test_the_order_of_keys_is_no_difference():
    assert diff({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}) == []


@pytest.mark.parametrize(("old", "new"), [(1, 1.0), (0, -0.0), (1e3, 1000), ([1.0], [1])])
def test_numbers_are_compared_by_value(old, new):
    assert diff(old, new) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (1, True),
        (0, False),
        (None, False),
        ("1", 1),
        ("", None),
        ({}, []),
        ({}, None),
        ([], False),
        (2**53, 2**53 + 1),
    ],
)
def test_values_of_different_kinds_differ_as_a_whole(old, new):
    [change] = diff(old, new)

    assert (change.path, change.old, change.new) == ((), old, new)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param((), "", id="the whole"),
        pytest.param(("a", "b", 0, "c"), "a.b[0].c", id="members and entries"),
        pytest.param((0, 1), "[0][1]", id="lists in lists"),
        pytest.param(("a", "b.c"), 'a["b.c"]', id="a dot in a key"),
        pytest.param(("a", "0"), 'a["0"]', id="a key of digits"),
        pytest.param(("@path",), '["@path"]', id="a directive"),
        pytest.param(("", "x y"), '[""]["x y"]', id="empty and blank"),
        pytest.param(("Größe", "order-id"), "Größe.order-id", id="letters of all languages"),
    ],
)
def test_a_path_is_written_so_that_it_can_be_told_from_every_other(path, text):
    assert path_text(path) == text


def test_a_value_is_written_exactly_on_one_line():
    assert value_text({"b": [1, 5.5, None], "a": "é\n"}) == '{"b":[1,5.5,null],"a":"é\\n"}'
    assert value_text(2**53 + 1) == "9007199254740993"


@given(json_values)
def test_a_value_does_not_differ_from_itself(value):
    assert diff(value, deepcopy(value)) == []


@given(json_values, json_values)
def test_the_changes_lead_from_the_old_value_to_the_new_one(old, new):
    changes = diff(old, new)

    assert diff(applied(old, changes), new) == []


@given(json_values, json_values)
def test_the_other_way_round_old_and_new_change_places(old, new):
    forth = {(path_text(each.path), value_text([each.old, each.new])) for each in json_diff(old, new)}
    back = {(path_text(each.path), value_text([each.new, each.old])) for each in json_diff(new, old)}

    assert forth == back
