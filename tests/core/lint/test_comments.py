"""Comments that silence rules, line by line."""

from textwrap import dedent

import pytest
from ruamel.yaml import YAML

from connector.core.lint import RULES, Finding, silence

RULE = {rule.id: rule for rule in RULES}

FILE = """\
id: x
mappings:
  - name: First{first}
    trigger: properties.a = 1{trigger}
  {above}
  - name: Second
    trigger: properties.a = 1
    fields:
      {inside}
      b: c
"""


def lines_of(text):
    """Where each path of the file stands."""
    tree = YAML().load(text)
    first, second = tree["mappings"]
    return {
        "id": 1,
        "mappings[0]": first.lc.line + 1,
        "mappings[0].trigger": first.lc.value("trigger")[0] + 1,
        "mappings[1]": second.lc.line + 1,
        "mappings[1].trigger": second.lc.value("trigger")[0] + 1,
        "mappings[1].fields.b": second["fields"].lc.value("b")[0] + 1,
    }


FINDINGS = [
    Finding(RULE[rule], path, "x")
    for rule, path in [
        ("disabled-destination", "id"),
        ("trigger-type-missing", "mappings[0].trigger"),
        ("trigger-type-missing", "mappings[1].trigger"),
        ("field-unknown", "mappings[1].fields.b"),
        ("fields", "mappings[1].fields.b"),
    ]
]
ALL = [(each.rule.id, each.path) for each in FINDINGS]


def left(**comments):
    """What is left of the findings, and what is said about comments."""
    places = {"first": "", "trigger": "", "above": "#", "inside": "#", **comments}
    text = FILE.format(**places)
    lines = lines_of(text)
    after = silence(FINDINGS, text, ["mappings[0]", "mappings[1]"], lines.__getitem__)
    told = [(each.line, each.message) for each in after if each.rule.id == "lint-comment"]
    return [(each.rule.id, each.path) for each in after if each.rule.id != "lint-comment"], told


def test_without_comments_everything_is_left():
    assert left() == (ALL, [])


@pytest.mark.parametrize(
    ("comments", "gone"),
    [
        pytest.param(
            {"first": "  # lint: disable=trigger-type-missing"}, [1], id="on the first line of a mapping"
        ),
        pytest.param({"above": "# lint: disable=trigger-type-missing"}, [2], id="above a mapping"),
        pytest.param({"above": "#lint:disable=trigger-type-missing"}, [2], id="without spaces"),
        pytest.param(
            {"above": "# all of them, on purpose; lint: disable=field-unknown"}, [], id="not at the beginning"
        ),
        pytest.param(
            {"above": "# lint: disable=field-unknown\n  # more to say\n"},
            [3],
            id="with more comments below it",
        ),
        pytest.param(
            {"above": "# lint: disable=field-unknown, trigger-type-missing"}, [2, 3], id="two rules"
        ),
        pytest.param({"above": "# lint: disable=field-unknown  because it is so"}, [3], id="with a reason"),
        pytest.param({"trigger": " # lint: disable=trigger-type-missing"}, [1], id="on the line itself"),
        pytest.param({"inside": "# lint: disable=field-unknown"}, [3], id="above the line"),
    ],
)
def test_a_comment_silences_its_mapping_or_its_line(comments, gone):
    after, told = left(**comments)

    assert after == [each for index, each in enumerate(ALL) if index not in gone]
    assert told == []


@pytest.mark.parametrize(
    ("comments", "line", "message"),
    [
        pytest.param(
            {"first": " # lint: disable=field-unknown"},
            3,
            "silences nothing: field-unknown finds nothing there",
            id="elsewhere",
        ),
        pytest.param(
            {"inside": "# lint: disable=trigger-type-missing"},
            9,
            "silences nothing: trigger-type-missing finds nothing there",
            id="on another line of the mapping",
        ),
        pytest.param(
            {"above": "# lint: disable=field-unkown"},
            5,
            "there is no rule field-unkown; is field-unknown meant?",
            id="misspelt",
        ),
        pytest.param({"above": "# lint: disable=xyz"}, 5, "there is no rule xyz", id="unknown"),
        pytest.param({"above": "# lint: disable=fields"}, 5, "fields cannot be silenced", id="cannot be loaded"),
    ],
)  # fmt: skip
def test_a_comment_that_silences_nothing_is_told_and_silences_nothing(comments, line, message):
    assert left(**comments) == (ALL, [(line, message)])


def test_one_of_two_rules_that_silences_nothing_is_told():
    after, told = left(above="# lint: disable=field-unknown,if-constant")

    assert len(after) == len(ALL) - 1
    assert told == [(5, "silences nothing: if-constant finds nothing there")]


def test_a_comment_of_the_whole_file_stands_above_its_line():
    text = dedent("""\
        # lint: disable=disabled-destination
        id: x
        """)

    assert silence(FINDINGS[:1], text, [], lambda _path: 2) == []


def test_a_comment_at_the_end_of_a_file_silences_nothing():
    [told] = silence([], "id: x\n# lint: disable=field-unknown", [], lambda _path: 1)

    assert (told.rule.id, told.line) == ("lint-comment", 2)
