"""Golden cases of whole events: settings, trigger, fields, schema, action, request."""

import json

from connector.core import UNDEFINED, ConfigurationError, Destination, TriggerError, compile_trigger
from tests.vectors_io import parametrize_vectors


def pytest_generate_tests(metafunc):
    parametrize_vectors(metafunc, "presets", "custom")


def test_an_event_becomes_the_request_of_the_reference(vector):
    expected = vector["expected"]
    try:
        planned = plan(vector)
    except ConfigurationError as error:
        planned = error

    if expected["error"] is not None:
        if not expected["error"].get("native"):
            assert error_of(planned) == expected_error(expected["error"])
        assert expected["requests"] == []
    elif not expected["matched"]:
        assert planned == ()
    else:
        assert [as_vector(entry) for entry in planned] == expected["requests"]


def test_the_trigger_alone_decides_the_same(vector):
    assert matches(vector) is vector["expected"]["matched"]


def matches(vector):
    try:
        return compile_trigger(vector["mapping"]["subscribe"])(vector["event"])
    except TriggerError:
        return False


def plan(vector):
    mapping = vector["mapping"]
    destination = Destination.from_config(
        {
            "id": "vector",
            "mappings": [
                {
                    "name": mapping["name"],
                    "action": mapping["partnerAction"],
                    "enabled": mapping["enabled"],
                    "trigger": mapping["subscribe"],
                    "fields": mapping["mapping"],
                }
            ],
        },
        api_key=vector["settings"].get("apiKey", UNDEFINED),
    )
    return destination.plan(vector["event"])


def as_vector(entry):
    assert entry.error is None
    request = entry.request
    return {
        "method": request.method,
        "url": request.url,
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "body": json.loads(request.body),
    }


def error_of(planned):
    """The one error there is: of the plan, or of the configuration, whose settings the reference validates."""
    if isinstance(planned, ConfigurationError):
        [problem] = planned.problems
        if problem.path == "api_key":
            return {"kind": "AggregateAjvError", "message": problem.message, "status": 400}
        return {"kind": "AggregateError", "messages": [each.message for each in planned.problems]}
    [entry] = planned
    assert entry.request is None
    error = entry.error
    if error.messages:
        return {"kind": error.kind, "messages": list(error.messages)}
    found = {"kind": error.kind, "message": error.message, "status": error.status}
    return {key: value for key, value in found.items() if value is not None}


def expected_error(error):
    if "messages" in error:
        return {"kind": error["kind"], "messages": error["messages"]}
    return {key: error[key] for key in ("kind", "message", "status") if key in error}
