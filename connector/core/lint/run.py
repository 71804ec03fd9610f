"""Apply all rules to a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connector.core.lint.rule import Finding
from connector.core.lint.rules import RULES
from connector.core.lint.subjects import subject_of
from connector.errors import Problem


def lint(config: Mapping[str, Any], refused: Iterable[Problem] = ()) -> list[Finding]:
    """Tell what is wrong with a configuration, or will surprise, rule by rule.

    refused  what loading the configuration complained of; triggers and fields are looked at again, since
        loading stops at the first kind of trouble
    """
    subject = subject_of(config, refused)
    found = (Finding(rule, place.path, place.message) for rule in RULES for place in rule.check(subject))
    return list(dict.fromkeys(found))
