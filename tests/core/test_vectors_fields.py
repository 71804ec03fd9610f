"""Golden cases of the mapping language alone."""

import json

from connector.core import UNDEFINED, FieldsError, compile_fields
from connector.core.json_text import write_json
from tests.vectors_io import parametrize_vectors


def pytest_generate_tests(metafunc):
    parametrize_vectors(metafunc, "mapping-kit")


def test_fields_resolve_as_in_the_reference(vector):
    expected = vector["expected"]

    found = resolve(vector["mapping"], vector["payload"])

    if expected["error"] is None:
        assert found == ({"undefined": True} if expected.get("undefined") else {"output": expected["output"]})
    elif expected["error"].get("native"):
        assert "error" in found
    else:
        assert found["error"] == {key: expected["error"][key] for key in found["error"]}
        assert "kind" in found["error"]


def resolve(tree, event):
    """Give what the fields came to, in the words of the vectors."""
    try:
        output = compile_fields(tree)(event)
    except FieldsError as error:
        if error.kind == "AggregateError":
            return {"error": {"kind": error.kind, "messages": list(error.messages)}}
        return {"error": {"kind": error.kind, "message": error.message}}
    return {"undefined": True} if output is UNDEFINED else {"output": json.loads(write_json(output))}
