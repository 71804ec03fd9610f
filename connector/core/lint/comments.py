"""Comments that silence rules: `# lint: disable=rule-id, other-id`.

On the first line of a mapping, or on lines above it, a comment is good for the whole mapping; anywhere
else for what is found on its own line, or on the line below it. A comment that silences nothing is found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from connector.core.lint.rule import Finding, Rule
from connector.core.lint.rules import COMMENT, RULES

_COMMENT: Final = re.compile(r"(?:^|\s)#\s*lint:\s*disable=(?P<ids>[\w-]+(?:\s*,\s*[\w-]+)*)")
_PASSED_OVER: Final = re.compile(r"\s*(?:#.*|-\s*)?")
"""Lines that a comment looks through for the line it is about."""

_BY_ID: Final = {rule.id: rule for rule in RULES}


@dataclass(frozen=True, slots=True)
class _Comment:
    """One rule that is silenced: where it says so, and the line it is about."""

    line: int
    target: int
    rule_id: str


def silence(
    findings: Iterable[Finding], text: str, mappings: Sequence[str], line_of: Callable[[str], int]
) -> list[Finding]:
    """Leave out what comments in the text silence, and add the comments that silence nothing.

    mappings  paths of the mappings
    line_of   path -> line in the text, from 1
    """
    starts = {line_of(path): path for path in mappings}
    comments = tuple(_comments(text))
    used: set[_Comment] = set()
    left = []
    for finding in findings:
        line = line_of(finding.path)
        silencing = [
            each
            for each in comments
            if each.rule_id == finding.rule.id
            and finding.rule.silenceable
            and (each.target == line or _is_inside(finding.path, starts.get(each.target)))
        ]
        used.update(silencing)
        if not silencing:
            left.append(finding)
    return [*left, *(_useless(each) for each in comments if each not in used)]


def _is_inside(path: str, mapping: str | None) -> bool:
    return mapping is not None and (path == mapping or path.startswith(f"{mapping}."))


def _comments(text: str) -> Iterator[_Comment]:
    lines = text.splitlines()
    for index, line in enumerate(lines):
        found = _COMMENT.search(line)
        if found is None:
            continue
        target = index
        if not line[: found.start()].strip():  # the line holds nothing else
            while target + 1 < len(lines) and _PASSED_OVER.fullmatch(lines[target]):
                target += 1
        for rule_id in found["ids"].split(","):
            yield _Comment(index + 1, target + 1, rule_id.strip())


def _useless(comment: _Comment) -> Finding:
    rule: Rule | None = _BY_ID.get(comment.rule_id)
    if rule is None:
        close = get_close_matches(comment.rule_id, _BY_ID, n=1)
        message = f"there is no rule {comment.rule_id}" + (f"; is {close[0]} meant?" if close else "")
    elif not rule.silenceable:
        message = f"{rule.id} cannot be silenced"
    else:
        message = f"silences nothing: {rule.id} finds nothing there"
    return Finding(COMMENT, "", message, comment.line)
