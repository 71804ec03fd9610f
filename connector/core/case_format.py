"""Cases as they stand in a file, checked.

    {"cases": [{"name": text, "event": object, "expect": [
        {"mapping": text, "action": text, "method": text, "url": text, "body": object},
        {"mapping": text, "action": text, "error": {"code": text, "message": text}}]}]}

`action`, `method`, `url` and `message` may be left out; an empty `expect` says that nothing is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connector.core.actions import ACTIONS
from connector.core.cases import Case
from connector.core.plan import PlanErrorCode
from connector.errors import ConfigurationError, Problem

_CASE_KEYS: Final = ("name", "event", "expect")
_OUTCOME_KEYS: Final = ("mapping", "action", "method", "url", "body", "error")
_CHOICES: Final = {"action": tuple(ACTIONS), "method": ("POST", "DELETE")}


def cases_of(content: Mapping[str, Any]) -> tuple[Case, ...]:
    """Give the cases of a file's content.

    Raises: ConfigurationError with every problem found, its path starting at `cases`
    """
    problems = list(_problems(content))
    if problems:
        raise ConfigurationError(problems)
    return tuple(
        Case(
            case["name"],
            case["event"],
            {
                outcome["mapping"]: {key: value for key, value in outcome.items() if key != "mapping"}
                for outcome in case["expect"]
            },
        )
        for case in content.get("cases") or ()
    )


def case_value(case: Case) -> dict[str, Any]:
    """Give a case as it stands in a file."""
    return {
        "name": case.name,
        "event": case.event,
        "expect": [{"mapping": mapping, **value} for mapping, value in case.expected.items()],
    }


def _problems(content: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _unknown(content, ("cases",), "")
    if "cases" not in content:
        yield Problem("is required: a list of cases", path="cases")
        return
    cases = content["cases"]
    if cases is not None and not isinstance(cases, list):
        yield Problem("must be a list", path="cases")
        return
    names: set[str] = set()
    for index, case in enumerate(cases or ()):
        yield from _case_problems(case, f"cases[{index}]", names)


def _case_problems(case: Any, path: str, names: set[str]) -> Iterator[Problem]:
    if not isinstance(case, dict):
        yield Problem("must be an object", path=path)
        return
    yield from _unknown(case, _CASE_KEYS, f"{path}.")
    name = case.get("name")
    if not isinstance(name, str) or not name:
        yield Problem("is required and must be text", path=f"{path}.name")
    elif name in names:
        yield Problem(f"{name!r} is the name of an earlier case, too", path=f"{path}.name")
    else:
        names.add(name)
    if not isinstance(case.get("event"), dict):
        yield Problem("is required and must be an object", path=f"{path}.event")
    expected = case.get("expect")
    if not isinstance(expected, list):
        yield Problem("is required: a list of requests and errors, [] for none", path=f"{path}.expect")
        return
    mappings: set[str] = set()
    for index, outcome in enumerate(expected):
        yield from _outcome_problems(outcome, f"{path}.expect[{index}]", mappings)


def _outcome_problems(outcome: Any, path: str, mappings: set[str]) -> Iterator[Problem]:
    if not isinstance(outcome, dict):
        yield Problem("must be an object", path=path)
        return
    yield from _unknown(outcome, _OUTCOME_KEYS, f"{path}.")
    mapping = outcome.get("mapping")
    if not isinstance(mapping, str) or not mapping:
        yield Problem("is required: the name of a mapping", path=f"{path}.mapping")
    elif mapping in mappings:
        yield Problem(f"{mapping!r} is expected once already", path=f"{path}.mapping")
    else:
        mappings.add(mapping)
    for key, choices in _CHOICES.items():
        if key in outcome and outcome[key] not in choices:
            yield Problem(f"must be one of {', '.join(choices)}", path=f"{path}.{key}")
    if not isinstance(outcome.get("url", ""), str):
        yield Problem("must be text", path=f"{path}.url")
    if ("body" in outcome) == ("error" in outcome):
        yield Problem("needs either body or error", path=path)
    if not isinstance(outcome.get("body", {}), dict):
        yield Problem("must be an object", path=f"{path}.body")
    if "error" in outcome:
        yield from _error_problems(outcome, path)


def _error_problems(outcome: dict[str, Any], path: str) -> Iterator[Problem]:
    for key in ("method", "url"):
        if key in outcome:
            yield Problem("is of no use beside error: nothing is sent", path=f"{path}.{key}")
    error = outcome["error"]
    if not isinstance(error, dict):
        yield Problem("must be an object", path=f"{path}.error")
        return
    yield from _unknown(error, ("code", "message"), f"{path}.error.")
    if error.get("code") not in tuple(PlanErrorCode):
        yield Problem(f"must be one of {', '.join(PlanErrorCode)}", path=f"{path}.error.code")
    if not isinstance(error.get("message", ""), str):
        yield Problem("must be text", path=f"{path}.error.message")


def _unknown(content: Mapping[str, Any], known: tuple[str, ...], prefix: str) -> Iterator[Problem]:
    for key in content:
        if key not in known:
            yield Problem(f"unknown; known are {', '.join(known)}", path=f"{prefix}{key}")
