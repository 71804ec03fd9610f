"""What `lint` finds in a destination file, with lines and columns."""

from __future__ import annotations

from typing import NamedTuple

from connector.core.lint import Finding, lint, silence
from connector.edges.destination_file import DestinationFile
from connector.errors import ConfigurationError, Problem


class Placed(NamedTuple):
    """A finding and where it is; sorts by place."""

    line: int
    column: int
    finding: Finding

    @property
    def path(self) -> str:
        """What it is about: `mappings[2].trigger`; empty for a comment."""
        return self.finding.path


def lint_file(file: DestinationFile) -> list[Placed]:
    """Apply all rules to a file, leave out what its comments silence, and sort by place."""
    try:
        file.compile(api_key="")
    except ConfigurationError as error:
        refused = error.problems
    else:
        refused = ()
    mappings = file.config.get("mappings")
    paths = [f"mappings[{index}]" for index in range(len(mappings))] if isinstance(mappings, list) else []
    text = file.content.decode("utf-8", "replace")
    findings = silence(lint(file.config, refused), text, paths, lambda path: _place(file, path)[0])
    placed = [
        Placed(*((each.line, 1) if each.line is not None else _place(file, each.path)), each)
        for each in findings
    ]
    return sorted(placed, key=lambda each: (each.line, each.column))


def _place(file: DestinationFile, path: str) -> tuple[int, int]:
    problem = file.locate(Problem("", path=path))
    return problem.line or 1, problem.column or 1
