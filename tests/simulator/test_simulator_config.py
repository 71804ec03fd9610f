"""What a configuration may hold."""

from dataclasses import fields

import pytest

from connector.errors import ConfigurationError
from connector.simulator import FailingMatch, SimulatorConfig, setting_names, setting_texts


def test_nothing_goes_wrong_unless_asked_for():
    config = SimulatorConfig()

    assert config.rates() == {}
    assert (config.latency, config.tokens, config.seed) == ("none", (), None)
    assert (config.keep_log, config.keep_state) == (True, True)


def test_every_setting_says_what_it_does():
    assert setting_names() == tuple(declared.name for declared in fields(SimulatorConfig))
    assert all(setting_texts()[name] for name in setting_names())


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("rate_500", 1.5, "must be a share from 0 to 1"),
        ("rate_500", -0.1, "must be a number that is not negative"),
        ("rate_500", "0.1", "must be a number that is not negative"),
        ("rate_500", True, "must be a number that is not negative"),
        ("rate_500", float("nan"), "must be a number that is not negative"),
        ("hang_s", -1, "must be a number that is not negative"),
        ("outage_s", float("inf"), "must be a number that is not negative"),
        ("max_concurrent", 1.5, "must be a whole number that is not negative"),
        ("max_log", True, "must be a whole number that is not negative"),
        ("seed", -1, "must be a whole number that is not negative"),
        ("keep_log", 1, "must be true or false"),
        ("retry_after", "a\nb", "must be seconds, an HTTP date or empty"),
        ("retry_after", "é", "must be seconds, an HTTP date or empty"),
        ("retry_after", None, "must be a text"),
        ("tokens", "secret", "must be a list"),
        ("tokens", [5], "must be a text"),
        ("object_types", ["company"], "must be an object"),
        ("fail_people", [], "must be an object"),
        ("fail_people", {"u1": 200}, "must be a status from 400 to 599"),
        ("fail_people", {"u1": "500"}, "must be a status from 400 to 599"),
        ("fail_matching", {}, "must be a list"),
        ("fail_matching", [5], "must be an object"),
        ("fail_matching", [{"path": "/v1"}], "needs a status in every rule"),
        ("fail_matching", [{"status": 99}], "has a rule whose status must be a status from 400 to 599"),
        ("fail_matching", [{"status": 500, "times": -1}], "has a rule whose times must be a whole number"),
        (
            "fail_matching",
            [{"status": 500, "body": "x"}],
            "has a rule with the unknown body; known are status,",
        ),
        ("latency", 20, "must be a text"),
        ("latency", "20", "is not one of none | fixed:MS"),
        ("latency", "none:1", "is not one of none | fixed:MS"),
        ("latency", "fixed", "is not one of none | fixed:MS"),
        ("latency", "fixed:a", "is not one of none | fixed:MS"),
        ("latency", "fixed:1,2", "is not one of none | fixed:MS"),
        ("latency", "fixed:-1", "needs numbers that are not negative"),
        ("latency", "fixed:nan", "needs numbers that are not negative"),
        ("latency", "uniform:5,1", "is not one of none | fixed:MS"),
        ("latency", "lognormal:5", "is not one of none | fixed:MS"),
    ],
)
def test_a_wrong_value_is_refused_with_the_name_of_the_setting_and_its_rule(name, value, rule):
    with pytest.raises(ConfigurationError) as refused:
        SimulatorConfig().changed({name: value})

    [problem] = refused.value.problems
    assert problem.path == name
    assert problem.message.startswith(rule)


def test_all_problems_are_told_together():
    with pytest.raises(ConfigurationError) as refused:
        SimulatorConfig(rate_400=2, hang_s=-1)

    assert [problem.path for problem in refused.value.problems] == ["rate_400", "hang_s"]


def test_an_unknown_setting_is_refused_by_name():
    with pytest.raises(ConfigurationError, match="rate_418: is not a simulator setting"):
        SimulatorConfig().changed({"rate_418": 0.1, "rate_500": 0.1})


def test_rates_are_at_most_one_together():
    assert len(SimulatorConfig(rate_400=0.3, rate_500=0.3, rate_503=0.3, rate_hang=0.1).rates()) == 4
    with pytest.raises(ConfigurationError, match="at most 1 together"):
        SimulatorConfig(rate_400=0.6, rate_500=0.6)


def test_a_change_leaves_the_rest_as_it_was():
    config = SimulatorConfig(rate_500=0.1, fail_matching=[{"status": 500, "contains": "x"}])

    changed = config.changed({"rate_500": 0.2, "retry_after": 5})

    assert changed.rates() == {"rate_500": 0.2}
    assert changed.retry_after == "5"
    assert changed.fail_matching == (FailingMatch(status=500, contains="x"),)
    assert config.rates() == {"rate_500": 0.1}


def test_tokens_are_never_shown():
    config = SimulatorConfig(tokens=["secret-key"])

    assert "secret-key" not in repr(config)
    assert "tokens" not in config.as_json()


def test_what_is_shown_can_be_given_back():
    config = SimulatorConfig(fail_matching=[{"status": 500}], fail_people={"u1": 404}, latency="fixed:5")

    assert SimulatorConfig().changed(config.as_json()) == config
