"""docs/tracing.md names every line of the step log and every attribute of ours."""

import re
from pathlib import Path

from connector.edges import tracing

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/tracing.md").read_text()


def test_the_page_names_every_line_of_the_step_log():
    source = (ROOT / "connector/edges/step_log.py").read_text()
    lines = re.findall(r'log\.debug\(\s*"([^"]+)"', source)

    assert "attempt ended" in lines
    assert sorted(set(lines)) == sorted(
        re.findall(r"^\| `([^`]+)` \|", PAGE.partition("Steps in the log")[2], re.MULTILINE)
    )


def test_the_page_names_every_attribute_of_ours():
    ours = [
        value
        for name, value in vars(tracing).items()
        if name.isupper() and isinstance(value, str) and value.startswith(("connector.", "encharge."))
    ]

    assert "encharge.mapping" in ours
    assert [name for name in ours if f"`{name}`" not in PAGE] == []
