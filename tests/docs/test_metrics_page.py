"""docs/metrics.md says what the code does. Its generated parts are checked with all others in test_generated.py."""

import re
from pathlib import Path
from typing import get_args

import pytest

from connector.delivery.gate import Shut
from connector.delivery.outcome import OutcomeCode
from connector.edges.label_bounds import FORMER, LONGEST_LABEL, OTHER
from connector.edges.metric_list import METRIC_LIST
from connector.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs/metrics.md").read_text()
ROWS = dict(
    re.findall(r"^\| (`\w+`(?: of `\w+`)?) \| (.*) \|$", PAGE.partition("## Labels")[2], re.MULTILINE)
)


@pytest.mark.parametrize(
    ("label", "values"),
    [
        ("`stage`", ("ingest", "deliver")),
        ("`reason`", Shut),
        ("`code` of `connector_attempts_total`", get_args(OutcomeCode)),
    ],
)
def test_a_label_with_few_values_has_them_in_the_table(label, values):
    assert re.findall(r"`(\w+)`", ROWS[label]) == list(values)


def test_the_table_has_every_label():
    assert {re.match(r"`(\w+)`", row)[1] for row in ROWS} == {
        label for metric in METRIC_LIST for label in metric.labels
    }


def test_the_collective_values_and_the_length_of_a_name_are_those_of_the_code():
    assert f"counts as `{OTHER}`" in PAGE
    assert f"counts as `{FORMER}`" in PAGE
    assert f"cut after {LONGEST_LABEL} characters" in PAGE


def test_the_ports_of_several_processes_are_those_of_the_default_settings():
    port = Settings().web_port

    assert f"so {port}, {port + 1}, … by default" in PAGE


def test_metrics_that_the_text_names_are_in_the_list():
    names = {metric.name for metric in METRIC_LIST}

    assert set(re.findall(r"`(connector_\w+)`", PAGE)) <= names
