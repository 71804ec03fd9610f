"""The account behind a destination: its key, the key's test, and the kinds of objects it knows.

Source: segmentio/action-destinations, destinations/encharge/index.ts (authentication) and
createUpdateObject/index.ts (dynamicFields)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.core.actions import ACTIONS
from connector.core.answer import Answer, Failure, http_failure
from connector.core.javascript import UNDEFINED
from connector.core.json_text import ReadError, read_json
from connector.core.payload_schema import ERROR_KIND, coerced_text
from connector.core.request import Endpoints, Request, headers
from connector.errors import PayloadError

Choices = dict[str, Any]


def api_key_of(settings: Mapping[str, Any]) -> str:
    """Give the key that a destination's settings hold; unknown settings are ignored.

    Empty and null keys are accepted, as in the reference, and sent as they are.
    Raises: PayloadError of kind AggregateAjvError
    """
    key = settings.get("apiKey", UNDEFINED)
    if key is UNDEFINED:
        raise PayloadError("The root value is missing the required field 'apiKey'.", kind=ERROR_KIND)
    return "" if key is None else coerced_text("API Key", key)


def credentials_request(endpoints: Endpoints) -> Request:
    """Give the request that tries a key."""
    return _get(endpoints, "/v1/accounts/info")


def credentials_failure(answer: Answer | None) -> Failure | None:
    """Say what is wrong with a key; None when it works. No answer at all is given as None."""
    if answer is None:
        return Failure("Error", "Credentials are invalid:  ")
    if answer.is_success:
        return None
    return Failure("Error", f"Credentials are invalid: {answer.status} {answer.reason}")


def object_types_request(endpoints: Endpoints) -> Request:
    """Give the request that asks for the account's object types; the path has no /v1."""
    return _get(endpoints, "/schemas")


def dynamic_field(action: str, field: str) -> Choices | None:
    """Answer for a field that has no dynamic choices; None for one that has to be asked for."""
    if action not in ACTIONS:
        return {"choices": []}
    if any(each.key == field and each.dynamic for each in ACTIONS[action].fields):
        return None
    error = {"message": f"No dynamic field named {field} found.", "code": "404"}
    return {"choices": [], "nextPage": "", "error": error}


def object_type_choices(answer: Answer) -> Choices:
    """Turn the account's object types into choices: {"choices": [{"label", "value"}, …], "error"?}."""
    if not answer.is_success:
        return choices_failure(http_failure(answer))
    try:
        data = read_json(answer.body)
    except ReadError:
        data = ""
    if data is None:
        return {}
    objects = data.get("objects") if isinstance(data, dict) else None
    if not isinstance(objects, list):
        return choices_failure(Failure("TypeError", "the answer has no list of objects"))
    choices = []
    for each in objects:
        if each is None:
            return choices_failure(Failure("TypeError", "an object of the answer is null"))
        known = each if isinstance(each, dict) else {}
        named = (("label", "displayNameSingular"), ("value", "name"))
        choices.append({key: known[name] for key, name in named if name in known})
    return {"choices": choices}


def choices_failure(failure: Failure) -> Choices:
    """Say why there are no choices."""
    return {"choices": [], "error": {"message": failure.message, "code": failure.kind}}


def _get(endpoints: Endpoints, path: str) -> Request:
    return Request("GET", endpoints.api_url + path, headers(endpoints.api_key), None)
