"""An operator's rules about answers, tried in order before the table of connector.delivery.outcome.

In the destination file:

    responses:
      - {status: 400, body: quota*exceeded, outcome: throttled}
      - {status: [409, 410], outcome: delivered}
      - {status: 4xx, outcome: rejected}

status   a number, a class such as 4xx, or a list of both
body     a text that occurs in the body (its first 4 KiB), in any case, * for anything; left out: any body
outcome  delivered, throttled, transient, auth or rejected
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from connector.delivery.outcome import Answer, NoReply, Outcome, OutcomeCode, Reply, classify, outcome_of
from connector.errors import ConfigurationError, Problem

OUTCOMES: Final[tuple[OutcomeCode, ...]] = get_args(OutcomeCode)
MOST_RULES: Final = 100

_CLASS = re.compile(r"([1-5])xx")
_KEYS: Final = frozenset(("status", "body", "outcome", "note"))


@dataclass(frozen=True, slots=True)
class ResponseRule:
    """One rule: statuses, the parts of the body's pattern between its stars (None for any), the outcome."""

    statuses: frozenset[int]
    parts: tuple[str, ...] | None
    outcome: OutcomeCode

    def matches(self, reply: Reply) -> bool:
        """Tell whether an answer is meant."""
        if reply.status not in self.statuses:
            return False
        return self.parts is None or _fits(reply.body.decode("utf-8", "replace").lower(), self.parts)


@dataclass(frozen=True, slots=True)
class ResponseRules:
    """The rules of a destination, in order."""

    rules: tuple[ResponseRule, ...] = ()

    def classify(self, answer: Answer, *, now: float) -> Outcome:
        """Say what an answer means; `now` in epoch seconds."""
        if self.rules and not isinstance(answer, NoReply):
            for rule in self.rules:
                if rule.matches(answer):
                    return outcome_of(rule.outcome, answer, now=now)
        return classify(answer, now=now)

    @property
    def changes_success(self) -> bool:
        """Whether a 2xx answer may mean anything else than delivered."""
        return any(200 <= status < 300 for rule in self.rules for status in rule.statuses)


def read_rules(config: Any) -> ResponseRules:
    """Compile the rules of a destination file; None means no rules.

    Raises: ConfigurationError with every problem found
    """
    if config is None:
        return ResponseRules()
    if not isinstance(config, list):
        raise ConfigurationError(Problem("must be a list", path="responses"))
    if len(config) > MOST_RULES:
        message = f"are {len(config)}, at most {MOST_RULES} are allowed"
        raise ConfigurationError(Problem(message, path="responses"))
    problems: list[Problem] = []
    rules = [_read_rule(rule, f"responses[{index}]", problems) for index, rule in enumerate(config)]
    if problems:
        raise ConfigurationError(problems)
    return ResponseRules(tuple(rule for rule in rules if rule is not None))


def _read_rule(config: Any, path: str, problems: list[Problem]) -> ResponseRule | None:
    if not isinstance(config, Mapping):
        problems.append(Problem("must be an object", path=path))
        return None
    before = len(problems)
    problems += [
        Problem(f"unknown; known are {', '.join(sorted(_KEYS))}", path=f"{path}.{key}")
        for key in config
        if key not in _KEYS
    ]
    statuses = frozenset(_read_statuses(config.get("status"), f"{path}.status", problems))
    body = config.get("body")
    if body is not None and (not isinstance(body, str) or not body):
        problems.append(Problem("must be text", path=f"{path}.body"))
    if config.get("outcome") not in OUTCOMES:
        problems.append(Problem(f"must be one of {', '.join(OUTCOMES)}", path=f"{path}.outcome"))
    if len(problems) > before:
        return None
    parts = None if body is None else tuple(body.lower().split("*"))
    return ResponseRule(statuses, parts, config["outcome"])


def _read_statuses(value: Any, path: str, problems: list[Problem]) -> Iterable[int]:
    match value:
        case list() if value:
            for index, each in enumerate(value):
                yield from _read_statuses(each, f"{path}[{index}]", problems)
        case bool():
            problems.append(Problem("must be a status, a class such as 4xx, or a list of them", path=path))
        case int() if 100 <= value <= 599:
            yield value
        case str() if found := _CLASS.fullmatch(value):
            yield from range(int(found[1]) * 100, int(found[1]) * 100 + 100)
        case _:
            problems.append(Problem("must be a status, a class such as 4xx, or a list of them", path=path))


def _fits(text: str, parts: Sequence[str]) -> bool:
    """Tell whether the parts occur one after the other, in time linear in the text."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True
