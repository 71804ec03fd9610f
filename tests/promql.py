"""Which metrics and labels a PromQL expression needs, and which labels its result has.

Parsed as Prometheus does it, types of arguments included. What a dashboard puts in at run time, such as
$__rate_interval, is replaced by something of its kind first.
"""

import re

import promql_parser
from promql_parser import (
    AggModifierType,
    AggregateExpr,
    BinaryExpr,
    Call,
    LabelModifierType,
    MatchOp,
    MatrixSelector,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
)

OF_THE_SCRAPE = frozenset(("job", "instance"))
SET_OPERATORS = ("and", "unless")


class WrongQuery(Exception):
    """A metric or a label that does not exist."""


def parse(expression):
    """Parse; raises ValueError."""
    return promql_parser.parse(re.sub(r"\$__(rate_interval|range|interval)\b", "5m", expression))


def selectors(expression):
    """Give every selector of metrics in an expression."""
    found = []

    def visit(node):
        if isinstance(node, VectorSelector):
            found.append(node)

    promql_parser.walk(parse(expression), visit)
    return found


def result_labels(expression, metrics):
    """Give the labels of the result.

    metrics  name of a metric, as it is in a sample -> names of its labels
    Raises: ValueError for what is not PromQL, WrongQuery for metrics and labels that do not exist
    """
    return _labels(parse(expression), metrics)


def _labels(node, metrics):
    match node:
        case VectorSelector():
            return _of_selector(node, metrics)
        case MatrixSelector():
            return _of_selector(node.vector_selector, metrics)
        case ParenExpr() | SubqueryExpr() | UnaryExpr():
            return _labels(node.expr, metrics)
        case AggregateExpr():
            return _of_aggregation(node, metrics)
        case BinaryExpr():
            return _of_operator(node, metrics)
        case Call():
            return _of_call(node, metrics)
        case _:
            return frozenset()  # a number, a text


def _of_selector(node, metrics):
    if node.name not in metrics:
        raise WrongQuery(f"there is no metric {node.name}")
    labels = frozenset(metrics[node.name]) | OF_THE_SCRAPE
    _need({each.name for each in node.matchers.matchers}, labels, node.name)
    return labels


def _of_aggregation(node, metrics):
    inner = _labels(node.expr, metrics)
    kept = frozenset() if node.modifier is None else frozenset(node.modifier.labels)
    _need(kept, inner, str(node.op))
    if node.modifier is not None and node.modifier.type == AggModifierType.Without:
        return inner - kept
    return kept


def _of_operator(node, metrics):
    left, right = _labels(node.lhs, metrics), _labels(node.rhs, metrics)
    if node.modifier is None or node.modifier.card is None:
        return left | right  # with a number
    matching = node.modifier.matching
    if matching is not None and matching.type == LabelModifierType.Include:
        _need(matching.labels, left, str(node.op))
        _need(matching.labels, right, str(node.op))
        return left if str(node.op) in SET_OPERATORS else frozenset(matching.labels)
    if str(node.op) in SET_OPERATORS or not right:
        return left
    return left | right


def _of_call(node, metrics):
    name, arguments = node.func.name, [_labels(each, metrics) for each in node.args]
    found = frozenset().union(*arguments)
    if name == "histogram_quantile":
        _need({"le"}, found, name)
        return found - {"le"}
    if name == "absent":  # nothing is known of it but what was asked for
        return frozenset(each.name for each in node.args[0].matchers.matchers if each.op == MatchOp.Equal)
    return frozenset() if name == "vector" else found


def _need(wanted, there, whose):
    if missing := set(wanted) - set(there):
        raise WrongQuery(f"{whose} has no label {', '.join(sorted(missing))}")
