"""The runbook against the code: alerts, metrics, codes, pages, and what they name."""

import re
from pathlib import Path
from typing import get_args

import pytest
from promql_parser import MatchOp
from ruamel.yaml import YAML

from connector.core.json_text import read_json
from connector.delivery.codes import CODES
from connector.delivery.gate import Shut
from connector.delivery.outcome import OutcomeCode
from connector.settings import Settings
from tests.metric_samples import sample_labels
from tests.promql import result_labels, selectors

ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "docs/runbook"
INDEX = (RUNBOOK / "README.md").read_text()
PAGES = [*sorted((RUNBOOK / "alerts").glob("*")), *sorted((RUNBOOK / "codes").glob("*"))]
SECTIONS = ["Meaning", "First look", "Fix", "Afterwards"]

ALERTS = (ROOT / "deploy/prometheus/alerts.yaml").read_text()
[GROUP] = YAML(typ="safe").load(ALERTS)["groups"]
RULES = GROUP["rules"]

JOB = "encharge-connector"

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
each_page = pytest.mark.parametrize(
    "page", [RUNBOOK / "README.md", *PAGES], ids=lambda page: str(page.relative_to(RUNBOOK))
)


# Alerts


VALUES = {
    "connector_attempts_total": {"code": get_args(OutcomeCode)},
    "connector_dead_letters_total": {"code": CODES, "stage": ("ingest", "deliver")},
    "connector_shut": {"reason": Shut},
    "connector_records_total": {"stage": ("ingest", "deliver")},
}
"""The values of labels with few."""


METRICS = sample_labels()


def test_the_rules_are_one_group_with_a_name_for_each():
    names = [rule["alert"] for rule in RULES]

    assert GROUP.keys() == {"name", "rules"}
    assert len(set(names)) == len(names) > 10


@each_rule
class TestEachRule:
    def test_it_has_the_shape_that_prometheus_and_people_need(self, rule):
        assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[mhd]", rule["for"])
        assert rule["labels"] in ({"severity": "critical"}, {"severity": "warning"})
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}

    def test_its_page_is_the_one_of_its_name(self, rule):
        assert rule["annotations"]["runbook_url"] == f"docs/runbook/alerts/{rule['alert']}.md"
        assert (ROOT / rule["annotations"]["runbook_url"]).is_file()

    def test_its_labels_have_such_values(self, rule):
        for selector in selectors(rule["expr"]):
            values = {"job": (JOB,), **VALUES.get(selector.name, {})}
            for match in selector.matchers.matchers:
                is_pattern = match.op in (MatchOp.Re, MatchOp.NotRe)
                assert any(
                    re.fullmatch(match.value, each) if is_pattern else match.value == each
                    for each in values[match.name]
                ), (match.name, match.value)

    def test_labels_that_it_shows_exist(self, rule):
        shown = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))

        assert shown <= result_labels(rule["expr"], METRICS)


def test_promtools_tests_see_every_alert_fire():
    tests = YAML(typ="safe").load((ROOT / "deploy/prometheus/alerts_test.yaml").read_text())["tests"]
    samples = [each["exp_samples"] for test in tests for each in test["promql_expr_test"]]
    fired = {name for each in samples for name in re.findall(r'alertname=\\?"(\w+)', str(each))}

    assert fired == {rule["alert"] for rule in RULES}


def test_every_reason_for_sending_nothing_has_its_alert():
    reasons = [reason for rule in RULES for reason in re.findall(r'reason="(\w+)"', rule["expr"])]

    assert sorted(reasons) == sorted(Shut)


def test_thresholds_belong_to_the_default_settings():
    settings, expressions = Settings(), {rule["alert"]: rule["expr"] for rule in RULES}
    records, bytes_ = map(
        float, re.findall(r"> (\S+?)\)? ?(?=or|unless|\))", expressions["ConnectorBufferFull"])
    )
    share = float(re.search(r"> (0\.\d+)", expressions["ConnectorDeadLettersMany"])[1])

    # A full reader waits until half is free.
    assert 0.8 < records / (settings.max_buffered_records / 2) < 1
    assert 0.8 < bytes_ / (settings.max_buffered_bytes / 2) < 1
    assert share == settings.flood_share / 2


# Pages


def test_every_alert_and_every_code_has_a_page_and_no_page_is_left_over():
    pages = [str(page.relative_to(RUNBOOK)) for page in PAGES]

    assert sorted(pages) == sorted(
        [f"alerts/{rule['alert']}.md" for rule in RULES] + [f"codes/{code}.md" for code in CODES]
    )


def test_the_index_has_a_row_for_every_page():
    rows = re.findall(r"^\| \[(\w+)\]\(((?:alerts|codes)/\w+\.md)\) \| (\w*)", INDEX, re.MULTILINE)

    alerts = [(rule["alert"], rule["labels"]["severity"]) for rule in RULES]
    assert [(name, word) for name, page, word in rows if page == f"alerts/{name}.md"] == alerts
    assert [name for name, page, _ in rows if page == f"codes/{name}.md"] == list(CODES)


def test_the_table_of_codes_leads_to_their_pages():
    rows = re.findall(
        r"^\| `(\w+)` \|.*\| \[page\]\((\S+)\) \|$", (ROOT / "docs/codes.md").read_text(), re.MULTILINE
    )

    assert rows == [(code, f"runbook/codes/{code}.md") for code in CODES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_its_name_and_the_four_sections(page):
    text = page.read_text()

    assert text.startswith(f"# {page.stem}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert all(re.findall(r"^## .*\n\n(.)", text, re.MULTILINE))


# What the pages name


@each_page
def test_settings_metrics_and_headers_that_a_page_names_exist(page):
    text = page.read_text()
    settings = {f"CONNECTOR_{name.upper()}" for name in Settings.__dataclass_fields__}
    headers = read_json((ROOT / "schemas/dead_letter.json").read_bytes())["properties"]

    assert {name.removesuffix("_FILE") for name in re.findall(r"\bCONNECTOR_[A-Z_]+", text)} <= {
        name.removesuffix("_FILE") for name in settings
    }
    assert set(re.findall(r"`((?:connector|process)_[a-z_]+)[`{]", text)) <= METRICS.keys()
    assert set(re.findall(r"`(encharge\.[a-z_]+|__connect\.[a-z_.]+)`", text)) <= headers.keys()


SOURCE = "\n".join(path.read_text() for path in (ROOT / "connector").rglob("*.py"))


@each_page
def test_words_of_the_log_that_a_page_quotes_are_those_of_the_log(page):
    prose = " ".join(re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL).split())

    assert [words for words in re.findall(r'"([a-z]+(?:,? [a-z]+){2,})"', prose) if words not in SOURCE] == []
