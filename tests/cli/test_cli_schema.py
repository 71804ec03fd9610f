"""`encharge-connector schema` and `object-types`."""

import pytest

from connector.simulator import SimulatorConfig, running_simulator
from schemas import load_schema, schema_names
from tests.cli.command import run
from tests.cli.conftest import API_KEY


def test_the_names_of_all_schemas_are_listed():
    done = run("schema")

    assert done.code == 0
    assert [f"{line}.json" for line in done.out.splitlines()] == schema_names()


def test_a_schema_is_printed_as_it_is():
    done = run("schema", "encharge/addTag")

    assert done.code == 0
    assert done.json == load_schema("encharge/addTag.json")


def test_an_unknown_schema_exits_2_and_names_the_known_ones():
    done = run("schema", "nothing")

    assert done.code == 2
    assert "no schema is called nothing; known are by_user_headers, control, dead_letter" in done.err


def test_object_types_of_the_account_are_listed():
    types = {"company": "Company", "invoice": "Invoice"}
    with running_simulator(SimulatorConfig(tokens=(API_KEY,), object_types=types)) as encharge:
        environment = {"CONNECTOR_ENCHARGE_API_KEY": API_KEY, "CONNECTOR_ENCHARGE_API_URL": encharge.url}
        as_text = run("object-types", **environment)
        as_json = run("object-types", "--json", **environment)

    assert (as_text.code, as_text.out) == (0, "company  (Company)\ninvoice  (Invoice)\n")
    assert as_json.json == [
        {"label": "Company", "value": "company"},
        {"label": "Invoice", "value": "invoice"},
    ]


@pytest.mark.parametrize(
    ("key", "code", "told"),
    [
        pytest.param("wrong", 3, "HTTPError: Unauthorized", id="a key that does not work"),
        pytest.param(None, 2, "CONNECTOR_ENCHARGE_API_KEY: is required", id="no key"),
    ],
)
def test_object_types_that_cannot_be_had_are_told_with_the_reason(encharge, key, code, told):
    given = {} if key is None else {"CONNECTOR_ENCHARGE_API_KEY": key}

    done = run("object-types", **given, CONNECTOR_ENCHARGE_API_URL=encharge.url)

    assert done.code == code
    assert told in done.err
