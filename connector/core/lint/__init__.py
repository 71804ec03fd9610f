"""What is wrong with a destination file, or will surprise: rules over its compiled and parsed pieces.

    rules/        one small function a rule; rules/__init__.py is the table of them
    run.py        configuration -> findings; comments.py takes out what comments silence
    subjects.py   what rules look at: mappings with their trigger and fields as far as they compile
    reading.py    what became of every token of a trigger
    trigger_types.py, contradiction.py   which events a trigger can select at all
    fields_tree.py, kinds.py             every place of a fields tree, and what it can give
    spec.py, samples.py                  what Segment's events have, by type

docs/lint.md has a section for every rule.
"""

from connector.core.lint.comments import silence
from connector.core.lint.rule import Finding, Rule, Severity
from connector.core.lint.rules import RULES
from connector.core.lint.run import lint

__all__ = ["RULES", "Finding", "Rule", "Severity", "lint", "silence"]
