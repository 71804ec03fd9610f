"""Every row of the tables in docs/fields.md."""

import json
import re
from pathlib import Path

import pytest

from connector.core import FieldsError, compile_fields

PAGE = (Path(__file__).parents[2] / "docs/fields.md").read_text()


def rows(columns):
    """The code in the cells of every row that has so many of them."""
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == columns and cells[0].startswith("`"):
            yield [cell.strip("`").replace("\\|", "|") for cell in cells]


@pytest.mark.parametrize(("tree", "event", "result"), list(rows(3)))
def test_fields_resolve_as_the_page_says(tree, event, result):
    resolved = compile_fields({"v": json.loads(tree)})(json.loads(event))

    assert resolved == ({} if result == "nothing" else {"v": json.loads(result)})


@pytest.mark.parametrize(("tree", "message"), list(rows(2)))
def test_fields_are_refused_as_the_page_says(tree, message):
    with pytest.raises(FieldsError) as refused:
        compile_fields({"v": json.loads(tree)})

    assert refused.value.messages == (message,)


def test_every_directive_has_an_example():
    from connector.core.directives import DIRECTIVES

    assert set(DIRECTIVES) - {"@liquid"} <= set(re.findall(r'"(@\w+)"', PAGE))
