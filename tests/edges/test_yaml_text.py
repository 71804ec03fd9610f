"""YAML as we write it: a person can read it, and it is read as exactly what was written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from connector.edges.yaml_text import WIDTH, indented, item_lines, lines, quoted, scalar

# What YAML would take for something else, or trip over.
TRAPS = [
    "", " ", " a", "a ", "<<", "=", "~", "null", "Null", "yes", "NO", "on", "true", "1", "-1", "+1", "1.", ".5", "1e3", "0x1f",
    "0o17", "017", "1_000", "1:30", "2026-11-24", "2026-11-24T09:30:00Z", ".inf", ".nan", "-", "- a", "---", "...", "? a",
    "?", ":", ": a", "a:", "a: b", "a #b", "#a", "@path", "$.event", "'", "''", '"', "it's", "\\", "\\n", "a\\", "%x", "!t",
    "&a", "*a", "|", ">", "{", "}", "{}", "[", "]", ",", "`", "a\nb", "\n", "\n\n", "\t", "\r", "\r\n", "\x00", "\x07", "\x1b",
    "\x7f", "\x85", "\xa0", "\xad", "\u2028", "\u2029", "\u200b", "\ufeff", "\ufffe", "\ud800", "\udc00x", "é", "Größe", "日本", "🍮",
    "word " * 40, "x" * 300, "k" * 1100, "'" * 1100, "\n" * 600,
]  # fmt: skip
texts = (
    st.sampled_from(TRAPS) | st.text(max_size=8) | st.lists(st.sampled_from(TRAPS), max_size=3).map("".join)
)
numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def read(written):
    return YAML(typ="rt").load("\n".join(written) + "\n")


def exactly(value):
    """Write a value so that 1, 1.0 and True are three things."""
    return json.dumps(value)


@given(value=values, blocks=st.integers(0, 3), width=st.integers(0, WIDTH))
def test_every_json_value_is_read_as_it_was_written(value, blocks, width):
    written = list(lines({"value": value}, blocks=blocks, width=width))

    assert exactly(read(written)) == exactly({"value": value})


@pytest.mark.parametrize("text", TRAPS, ids=ascii)
def test_a_text_that_yaml_would_take_for_something_else_is_read_as_that_text(text):
    assert read(lines({text: [text]}, blocks=2)) == {text: [text]}
    assert read(lines({text: [text]})) == {text: [text]}
    assert read([f"a: {quoted(text)}"]) == {"a": text}


@pytest.mark.parametrize("text", TRAPS, ids=ascii)
def test_no_text_is_broken_over_lines(text):
    assert len(scalar(text).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Track Event", "Track Event"),
        ("$.context.traits.email", "$.context.traits.email"),
        ("@path", "'@path'"),
        ('type = "track"', "'type = \"track\"'"),
        ("it's", '"it\'s"'),
        ("a 'b' \"c\"", "'a ''b'' \"c\"'"),
        ("Zoë 🍮", "'Zoë 🍮'"),
        ("a\nb", '"a\\nb"'),
    ],
)
def test_a_text_is_quoted_only_where_it_must_be_and_escaped_only_where_it_cannot_be_seen(text, written):
    assert scalar(text) == written


def test_short_objects_and_lists_stand_on_one_line():
    assert list(lines({"email": {"@path": "$.email"}, "tags": ["a", 1, None, True]}, blocks=1)) == [
        "email: {'@path': $.email}",
        "tags: [a, 1, null, true]",
    ]


def test_what_is_too_wide_for_a_line_takes_several():
    value = {"@if": {"exists": {"@path": "$.a"}, "then": {"@path": "$.a"}, "else": [{"@path": "$.b"}]}}

    assert list(lines({"email": value}, blocks=1, width=60)) == [
        "email:",
        "  '@if':",
        "    exists: {'@path': $.a}",
        "    then: {'@path': $.a}",
        "    else: [{'@path': $.b}]",
    ]


@given(
    st.recursive(
        st.just("abc"), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner)
    )
)
def test_no_line_of_short_texts_is_wider_than_an_editor(value):
    assert [line for line in lines({"value": value}, blocks=1) if len(line) > WIDTH] == []


def test_empty_objects_and_lists_are_written_as_such():
    assert list(lines({"a": {}, "b": [], "c": [[]]}, blocks=3)) == ["a: {}", "b: []", "c:", "  - []"]


def test_lines_are_moved_and_made_items():
    assert list(indented(item_lines(["a: 1", "b: 2"]), 2)) == ["  - a: 1", "    b: 2"]
