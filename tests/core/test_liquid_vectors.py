"""Golden cases of the directive @liquid inside whole mappings."""

import json

import pytest

from connector.core.destination import Destination
from connector.core.fields import compile_fields
from connector.errors import FieldsError
from tests.vectors_io import vectors


def pytest_generate_tests(metafunc):
    if "liquid_vector" in metafunc.fixturenames:
        found = [
            vector for vector in vectors(metafunc.config, "mapping-kit") if "@liquid" in json.dumps(vector)
        ]
        metafunc.parametrize("liquid_vector", [pytest.param(vector, id=vector["id"]) for vector in found])


def test_a_mapping_with_liquid_gives_the_output_of_the_reference(liquid_vector):
    expected = liquid_vector["expected"]
    try:
        output, error = compile_fields(liquid_vector["mapping"])(liquid_vector["payload"]), None
    except FieldsError as raised:
        several = raised.kind == "AggregateError"
        text = {"messages": list(raised.messages)} if several else {"message": raised.message}
        output, error = None, {"kind": raised.kind, **text}

    assert (output, error) == (expected["output"], expected["error"])


def test_an_action_sends_what_liquid_made(pytestconfig):
    found = [vector for vector in vectors(pytestconfig, "custom") if "@liquid" in json.dumps(vector)]
    for vector in found:
        mapping = vector["mapping"]
        config = {
            "name": mapping["name"],
            "action": mapping["partnerAction"],
            "trigger": mapping["subscribe"],
            "fields": mapping["mapping"],
        }
        destination = Destination.from_config({"id": "vector", "mappings": [config]}, api_key="k")

        [entry] = destination.plan(vector["event"])

        assert json.loads(entry.request.body) == vector["expected"]["requests"][0]["body"]
    assert found
