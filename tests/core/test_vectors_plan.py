"""Golden cases of whole events: trigger, fields, schema, action, request."""

import json

from connector.core import Destination
from tests.vectors_io import parametrize_vectors


def pytest_generate_tests(metafunc):
    parametrize_vectors(metafunc, "presets")


def test_an_event_becomes_the_request_of_the_reference(vector):
    expected = vector["expected"]
    planned = plan(vector)

    if not expected["matched"]:
        assert planned == ()
    elif expected["error"] is None:
        assert [as_vector(entry) for entry in planned] == expected["requests"]
    else:
        [entry] = planned
        assert entry.request is None
        if not expected["error"].get("native"):
            assert error_of(entry.error) == without_messages(expected["error"])


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
        api_key=vector["settings"]["apiKey"],
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


def error_of(error):
    found = {"kind": error.kind, "message": error.message, "status": error.status}
    return {key: value for key, value in found.items() if value is not None}


def without_messages(error):
    return {key: error[key] for key in ("kind", "message", "status") if key in error}
