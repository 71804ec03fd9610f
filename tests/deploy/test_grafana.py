"""The dashboard and the alert rules ask only for what a worker exposes."""

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from connector.edges.metric_list import METRIC_LIST
from tests.metric_samples import sample_labels
from tests.promql import result_labels, selectors

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "deploy/grafana/encharge-connector.json").read_text())
ROWS = [panel for panel in DASHBOARD["panels"] if panel["type"] == "row"]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
METRICS = sample_labels()
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

# Those of Grafana that are used here: https://grafana.com/docs/grafana/latest, "Units".
UNITS = {"none", "short", "s", "bytes", "percentunit", "reqps", "cps"}
UNITS_OF_LISTED = {"seconds": {"s"}, "bytes": {"bytes"}}

QUERIES = [
    *((panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]),
    *((each["name"], each["expr"]) for each in DASHBOARD["annotations"]["list"]),
]
RULES = [
    (rule["alert"], rule["expr"])
    for group in YAML(typ="safe").load((ROOT / "deploy/prometheus/alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
EXAMPLES = [(metric.name, metric.example) for metric in METRIC_LIST if metric.example]

each_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])


def cases(*lists):
    return [pytest.param(query, id=f"{name}: {query[:40]}") for each in lists for name, query in each]


@pytest.mark.parametrize("query", cases(QUERIES, RULES, EXAMPLES))
def test_a_query_is_promql_and_its_metrics_and_labels_exist(query):
    result_labels(query, METRICS)


@pytest.mark.parametrize("query", cases(QUERIES))
def test_a_query_of_the_dashboard_is_only_of_the_chosen_workers(query):
    assert selectors(query)
    for selector in selectors(query):
        matchers = [(each.name, each.value) for each in selector.matchers.matchers]
        assert ("job", "$job") in matchers
        assert ("instance", "$instance") in matchers


@pytest.mark.parametrize("query", cases(QUERIES, RULES, EXAMPLES))
def test_only_counters_have_a_rate(query):
    """Of the parts of an expression in brackets; a gauge has no rate."""
    for name in re.findall(r"\b(?:rate|increase)\((\w+)", query):
        assert name.endswith(("_total", "_bucket", "_sum", "_count"))


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_legend_shows_labels_that_the_result_has(panel):
    for target in panel["targets"]:
        shown = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target["legendFormat"]))
        assert shown <= result_labels(target["expr"], METRICS)


def test_every_metric_of_the_list_is_on_the_dashboard():
    shown = {selector.name for _, query in QUERIES for selector in selectors(query)}

    missing = [
        metric.name
        for metric in METRIC_LIST
        if not shown & {metric.name, *(metric.name + suffix for suffix in ("_bucket", "_sum", "_count"))}
    ]
    assert missing == []


@pytest.mark.parametrize("variable", ["job", "instance"])
def test_a_variable_takes_its_values_from_a_label_that_exists(variable):
    definition = VARIABLES[variable]["definition"]
    selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", definition).groups()

    assert label in result_labels(selector, METRICS)
    assert VARIABLES[variable]["query"]["query"] == definition
    assert VARIABLES[variable]["multi"]


def test_no_data_source_is_fixed():
    text = json.dumps(DASHBOARD)

    assert VARIABLES["datasource"]["type"] == "datasource"
    assert set(re.findall(r'"uid": "([^"]*)"', text)) == {"${datasource}", "encharge-connector"}
    used = {each[1:] for each in re.findall(r"\$[a-z]+\b", text)}
    assert used - {"datasource"} <= VARIABLES.keys()


@each_panel
class TestEachPanel:
    def test_it_says_what_it_shows(self, panel):
        assert re.match(r"[A-Z][a-zA-Z0-9,: %]+$", panel["title"])
        assert panel["description"].endswith(".")
        assert "_" not in panel["title"]

    def test_its_unit_is_known_and_fits_the_metric(self, panel):
        unit = panel["fieldConfig"]["defaults"]["unit"]

        assert unit in UNITS
        if panel["type"] == "heatmap":
            assert panel["options"]["yAxis"]["unit"] == "s"
            return
        for target in panel["targets"]:
            for metric in METRIC_LIST:
                asked = {
                    each.name.removesuffix("_bucket").removesuffix("_sum")
                    for each in selectors(target["expr"])
                }
                if metric.name in asked:
                    assert unit in UNITS_OF_LISTED.get(metric.base_unit, UNITS - {"s", "bytes"})

    def test_it_asks_the_chosen_data_source(self, panel):
        assert panel["datasource"] == DATASOURCE
        assert all(target["datasource"] == DATASOURCE for target in panel["targets"])
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_the_rows_are_these():
    assert [row["title"] for row in ROWS] == [
        "Overview",
        "Delivery",
        "Latency",
        "Backlog and partitions",
        "Limiter and breaker",
        "Dead letters",
        "Process",
    ]


def test_panels_lie_side_by_side():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_titles_and_ids_are_used_once():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    titles = [panel["title"] for panel in PANELS]

    assert len(set(ids)) == len(ids)
    assert len(set(titles)) == len(titles)
