"""That the reading of PromQL in tests/promql.py finds what is wrong."""

import pytest

from tests.promql import WrongQuery, result_labels, selectors

METRICS = {"x_total": ("code", "mapping"), "y_bucket": ("le",), "z": (), "q": ("code",)}


@pytest.mark.parametrize(
    ("expression", "labels"),
    [
        ("z", {"job", "instance"}),
        ('x_total{code="a"}', {"code", "mapping", "job", "instance"}),
        ("sum by (code) (rate(x_total[$__rate_interval]))", {"code"}),
        ("sum(x_total)", set()),
        ("sum without (code) (x_total)", {"mapping", "job", "instance"}),
        ("histogram_quantile(0.9, sum by (job, le) (rate(y_bucket[5m])))", {"job"}),
        ("sum by (job) (z) / sum by (job) (q) > 0.1", {"job"}),
        ("q > 0 unless on (job, instance) z == 1", {"code", "job", "instance"}),
        ("max_over_time(z[1h:5m])", {"job", "instance"}),
        ("count(z == 0) or vector(0)", set()),
        ("time() - z", {"job", "instance"}),
        ('absent(z{job="a"})', {"job"}),
    ],
)  # fmt: skip
def test_the_labels_of_a_result_are_known(expression, labels):
    assert result_labels(expression, METRICS) == labels


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("w", "no metric w"),
        ("sum(z) / sum(w)", "no metric w"),
        ("rate(w[5m])", "no metric w"),
        ('z{code="a"}', "z has no label code"),
        ("sum by (reason) (q)", "sum has no label reason"),
        ("sum by (mapping) (sum by (code) (x_total))", "sum has no label mapping"),
        ("histogram_quantile(0.9, sum by (job) (rate(y_bucket[5m])))", "histogram_quantile has no label le"),
        ("q / on (code) z", "/ has no label code"),
    ],
)
def test_what_does_not_exist_is_found(expression, problem):
    with pytest.raises(WrongQuery, match=problem):
        result_labels(expression, METRICS)


@pytest.mark.parametrize("expression", ["sum(z", "rate(z)", "z{job=", "sum by (job", "nothing(z)", "1 and z"])
def test_what_is_not_promql_is_refused(expression):
    with pytest.raises(ValueError):
        result_labels(expression, METRICS)


def test_selectors_are_found_in_depth_with_their_matchers():
    found = selectors('sum(rate(x_total{code="a"}[5m] offset 1h)) - max_over_time(z[1h:5m])')

    assert [(each.name, [match.value for match in each.matchers.matchers]) for each in found] == [
        ("x_total", ["a"]),
        ("z", []),
    ]
