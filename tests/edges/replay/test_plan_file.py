"""The file of a replay plan."""

import json
from dataclasses import replace

import jsonschema
import pytest

from connector.delivery.selection import Filters
from connector.edges.replay.plan_file import as_json, read_plan, write_plan
from connector.errors import ConfigurationError
from schemas import load_schema
from tests.delivery.test_replay_plan import plan as some_plan

FILTERS = Filters('type = "track"', ("u1",), ("Order",), ("Track Event",))


def plan(**more):
    counts = load_schema("replay_plan.json")["examples"][0]["counts"]
    return some_plan(counts=counts, created_at=1_764_000_000.25, **more)


@pytest.mark.parametrize("filters", [Filters(), FILTERS])
def test_a_plan_comes_back_as_it_was_and_is_for_its_owner_only(tmp_path, filters):
    file = tmp_path / "plan.json"

    write_plan(plan(filters=filters), file)

    assert read_plan(file) == plan(filters=filters)
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "changes", [{"filters": FILTERS}, {"oldest_at": None, "ranges": {}}, {"from_source": True}]
)
def test_the_file_fits_its_schema(changes):
    jsonschema.Draft202012Validator(load_schema("replay_plan.json")).validate(
        json.loads(json.dumps(as_json(plan(**changes))))
    )


def test_nothing_is_written_over(tmp_path):
    file = tmp_path / "plan.json"
    file.write_text("mine")

    with pytest.raises(ConfigurationError, match="File exists; choose another --out"):
        write_plan(plan(), file)

    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda plan: plan | {"version": 2}, id="another version"),
        pytest.param(lambda plan: {}, id="empty"),
        pytest.param(lambda plan: [plan], id="a list"),
        pytest.param(lambda plan: plan | {"id": "../x"}, id="an id that names something else"),
        pytest.param(lambda plan: plan | {"ranges": {"0": [1]}}, id="half a range"),
        pytest.param(lambda plan: plan | {"created_at": "yesterday u1"}, id="no time"),
    ],
)
def test_what_is_no_plan_is_refused_without_quoting_it(tmp_path, change):
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(change(as_json(replace(plan(), filters=FILTERS)))))

    with pytest.raises(ConfigurationError, match="is no replay plan of version 1") as refused:
        read_plan(file)

    assert "u1" not in str(refused.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        read_plan(tmp_path / "nowhere.json")
