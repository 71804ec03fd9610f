"""An operator's rules about answers: what they mean, and what is said of those that mean nothing."""

import pytest

from connector.delivery.outcome import (
    Delivered,
    NoReply,
    Rejected,
    Reply,
    Throttled,
    Transient,
    Unauthorized,
)
from connector.delivery.response_rules import MOST_RULES, ResponseRules, read_rules
from connector.errors import ConfigurationError, Problem

NOW = 1_790_000_000.0
STATUS_PROBLEM = "must be a status, a class such as 4xx, or a list of them"


def classify(config, answer):
    return read_rules(config).classify(answer, now=NOW)


def problems(config):
    with pytest.raises(ConfigurationError) as error:
        read_rules(config)
    return [(problem.path, problem.message) for problem in error.value.problems]


@pytest.mark.parametrize("config", [None, []])
def test_without_rules_the_table_decides(config):
    assert read_rules(config) == ResponseRules()
    assert classify(config, Reply(400)) == Rejected(400)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("delivered", Delivered(409)),
        ("throttled", Throttled(409, 7.0, b"busy")),
        ("transient", Transient("409", 409, 7.0, b"busy")),
        ("auth", Unauthorized(409, b"busy")),
        ("rejected", Rejected(409, b"busy")),
    ],
)
def test_a_rule_makes_any_outcome_of_an_answer(outcome, expected):
    rules = [{"status": 409, "outcome": outcome}]

    assert classify(rules, Reply(409, "7", b"busy")) == expected


@pytest.mark.parametrize(
    ("status", "meant", "not_meant"),
    [
        pytest.param(409, [409], [408, 410], id="one"),
        pytest.param([409, 410], [409, 410], [408, 411], id="several"),
        pytest.param("4xx", [400, 450, 499], [399, 500], id="a class"),
        pytest.param("1xx", [100, 199], [200], id="the first class"),
        pytest.param("5xx", [500, 599], [499, 600], id="the last class"),
        pytest.param(["5xx", 404, ["1xx"]], [503, 404, 100], [400, 200], id="a mixture"),
        pytest.param(100, [100], [101], id="the lowest"),
        pytest.param(599, [599], [598], id="the highest"),
    ],
)
def test_a_rule_means_certain_statuses(status, meant, not_meant):
    [rule] = read_rules([{"status": status, "outcome": "delivered"}]).rules

    assert all(rule.matches(Reply(each)) for each in meant)
    assert not any(rule.matches(Reply(each)) for each in not_meant)


@pytest.mark.parametrize(
    ("body", "text", "matches"),
    [
        ("quota", b"the QUOTA is used up", True),
        ("QuoTa", b"quota", True),
        ("quota", b"quot a", False),
        ("quota*exceeded", b"quota of the day exceeded", True),
        ("quota*exceeded", b"quotaexceeded", True),
        ("quota*exceeded", b"exceeded quota", False),
        ("aba*aba", b"ababa", False),
        ("aba*aba", b"abaaba", True),
        ("*", b"", True),
        ("*b*", b"abc", True),
        ("a**c", b"abc", True),
        ("x", b"", False),
        ("\ufffd", b"\xff", True),
        ("é", "É".encode(), True),
    ],
)
def test_a_rule_may_ask_for_a_text_in_the_body(body, text, matches):
    [rule] = read_rules([{"status": 400, "body": body, "outcome": "delivered"}]).rules

    assert rule.matches(Reply(400, body=text)) is matches


def test_without_a_text_any_body_is_meant():
    [rule] = read_rules([{"status": 400, "outcome": "delivered"}]).rules

    assert rule.parts is None
    assert rule.matches(Reply(400, body=b"anything"))


def test_the_status_has_to_fit_as_well_as_the_text():
    [rule] = read_rules([{"status": 400, "body": "quota", "outcome": "delivered"}]).rules

    assert not rule.matches(Reply(404, body=b"quota"))


def test_the_first_rule_that_fits_decides():
    rules = [
        {"status": 400, "body": "quota", "outcome": "throttled"},
        {"status": "4xx", "outcome": "delivered", "note": "we know better"},
        {"status": 400, "outcome": "rejected"},
    ]

    assert classify(rules, Reply(400, body=b"quota")) == Throttled(400, None, b"quota")
    assert classify(rules, Reply(400)) == Delivered(400)
    assert classify(rules, Reply(500)) == Transient("500", 500)


def test_a_rule_is_never_about_trouble_on_the_wire():
    rules = [{"status": ["1xx", "2xx", "3xx", "4xx", "5xx"], "outcome": "delivered"}]

    assert classify(rules, NoReply("timeout")) == Transient("timeout")


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        (199, False),
        (200, True),
        (299, True),
        (300, False),
        ("2xx", True),
        (["4xx", 204], True),
        ("4xx", False),
    ],
)
def test_rules_tell_whether_a_success_may_be_none(status, changes):
    assert read_rules([{"status": status, "outcome": "rejected"}]).changes_success is changes


def test_without_rules_a_success_is_one():
    assert not ResponseRules().changes_success


# What is wrong


@pytest.mark.parametrize("config", [{}, "4xx", 5, {"status": 400}])
def test_rules_are_a_list(config):
    assert problems(config) == [("responses", "must be a list")]


def test_there_are_not_too_many_rules():
    rule = {"status": 400, "outcome": "rejected"}

    assert len(read_rules([rule] * MOST_RULES).rules) == MOST_RULES
    assert problems([rule] * (MOST_RULES + 1)) == [("responses", "are 101, at most 100 are allowed")]


@pytest.mark.parametrize("rule", [None, "4xx", [], 400])
def test_a_rule_is_an_object(rule):
    good = {"status": 400, "outcome": "rejected"}

    assert problems([good, rule]) == [("responses[1]", "must be an object")]


@pytest.mark.parametrize(
    "status", [None, True, False, 0, 99, 600, 400.0, "400", "6xx", "0xx", "4XX", "4xxx", "", [], {}]
)
def test_a_status_is_one_of_http(status):
    assert problems([{"status": status, "outcome": "rejected"}]) == [("responses[0].status", STATUS_PROBLEM)]


def test_every_wrong_status_of_a_list_is_named():
    assert problems([{"status": [400, 99, [True, 500]], "outcome": "rejected"}]) == [
        ("responses[0].status[1]", STATUS_PROBLEM),
        ("responses[0].status[2][0]", STATUS_PROBLEM),
    ]


@pytest.mark.parametrize("body", ["", 5, [], False])
def test_a_body_is_text(body):
    assert problems([{"status": 400, "body": body, "outcome": "rejected"}]) == [
        ("responses[0].body", "must be text")
    ]


@pytest.mark.parametrize("outcome", [None, "", "Rejected", 5, ["rejected"]])
def test_an_outcome_is_one_of_five(outcome):
    assert problems([{"status": 400, "outcome": outcome}]) == [
        ("responses[0].outcome", "must be one of delivered, throttled, transient, auth, rejected")
    ]


def test_all_problems_of_all_rules_are_told_together():
    assert problems(
        [{"states": 400, "body": "", "outcome": "no"}, {"status": 200, "outcome": "auth"}, 5]
    ) == [
        ("responses[0].states", "unknown; known are body, note, outcome, status"),
        ("responses[0].status", STATUS_PROBLEM),
        ("responses[0].body", "must be text"),
        ("responses[0].outcome", "must be one of delivered, throttled, transient, auth, rejected"),
        ("responses[2]", "must be an object"),
    ]


def test_problems_are_values_for_whoever_places_them_in_the_file():
    with pytest.raises(ConfigurationError) as error:
        read_rules({})

    assert error.value.problems == (Problem("must be a list", path="responses"),)
