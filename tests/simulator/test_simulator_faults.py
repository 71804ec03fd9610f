"""The decisions about faults, told the time and the dice."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.simulator import SimulatorConfig
from connector.simulator.encharge import Call, Ingest, Refusal
from connector.simulator.faults import Accept, Faults, Refuse, Vanish
from connector.simulator.latency import parse_latency

CALL = Call("POST", "/v1", "", "key", "application/json", b'{"userId": "u1"}')
DEMAND = Ingest({"userId": "u1"}, {"userId": "u1"})


def judge(faults, *, demand=DEMAND, call=CALL, in_flight=1, now_s=0.0, roll=0.0):
    return faults.judge(call, demand, in_flight=in_flight, now_s=now_s, roll=roll)


def fault_of(verdict):
    match verdict:
        case Accept(reply_lost=lost):
            return "rate_lost_reply" if lost else ""
        case Refuse(fault=fault) | Vanish(fault=fault):
            return fault


def test_without_faults_everything_is_accepted():
    assert judge(Faults(SimulatorConfig(), 0.0), roll=0.999) == Accept(DEMAND)


def test_each_rate_has_its_own_part_of_the_dice():
    rates = {
        "rate_400": 0.1, "rate_401": 0.1, "rate_429": 0.1, "rate_500": 0.1, "rate_503": 0.1,
        "rate_hang": 0.1, "rate_reset": 0.1, "rate_lost_reply": 0.1,
    }  # fmt: skip
    faults = Faults(SimulatorConfig(**rates), 0.0)

    shares = Counter(fault_of(judge(faults, roll=(n + 0.5) / 1000)) for n in range(1000))

    assert shares == {**dict.fromkeys(rates, 100), "": 200}


@given(st.floats(0, 1, exclude_max=True))
def test_a_rate_of_one_strikes_always(roll):
    assert fault_of(judge(Faults(SimulatorConfig(rate_500=1), 0.0), roll=roll)) == "rate_500"


@pytest.mark.parametrize("window", ["outage_s", "unauthorized_s", "stall_s"])
def test_a_window_counts_from_when_it_is_set(window):
    faults = Faults(SimulatorConfig(**{window: 10}), 100.0)

    assert [faults.left_s(window, now_s) for now_s in (100.0, 109.0, 110.0, 500.0)] == [10, 1, 0, 0]


def test_a_window_is_not_opened_again_by_another_change():
    config = SimulatorConfig(outage_s=10)
    faults = Faults(config, 0.0)

    faults.configure(config.changed({"rate_500": 0.5}), changed=["rate_500"], now_s=8.0)

    assert faults.left_s("outage_s", 8.0) == 2


def test_the_order_of_faults_is_fixed():
    everything = {
        "outage_s": 10, "unauthorized_s": 20, "fail_people": {"u1": 500},
        "fail_matching": [{"status": 404}], "max_concurrent": 1, "rate_500": 1,
    }  # fmt: skip
    config = SimulatorConfig(**everything)
    faults = Faults(config, 0.0)

    order = [fault_of(judge(faults, now_s=now_s, in_flight=2)) for now_s in (0.0, 10.0, 20.0)]
    for name, off in {"fail_people": {}, "fail_matching": [], "max_concurrent": 0}.items():
        config = config.changed({name: off})
        faults.configure(config, changed=[name], now_s=20.0)
        order.append(fault_of(judge(faults, now_s=20.0, in_flight=2)))

    assert order == [
        "outage_s",
        "unauthorized_s",
        "fail_people",
        "fail_matching",
        "max_concurrent",
        "rate_500",
    ]


def test_what_encharge_refuses_is_refused_as_encharge_does():
    refusal = Refusal(404, "not_found", "There is nothing at this path.")

    verdict = judge(Faults(SimulatorConfig(rate_500=1, max_concurrent=1), 0.0), demand=refusal, in_flight=9)

    assert verdict == Refuse(404, "not_found", "There is nothing at this path.")


def test_the_allowance_of_requests_is_that_of_one_second_and_grows_with_time():
    faults = Faults(SimulatorConfig(max_requests_per_second=2), 0.0)

    def accepted(now_s, attempts):
        return sum(isinstance(judge(faults, now_s=now_s), Accept) for _ in range(attempts))

    assert [accepted(0.0, 5), accepted(0.5, 5), accepted(100.0, 5)] == [2, 1, 2]


def test_the_first_rule_that_fits_decides_and_counts_only_its_own():
    rules = [{"contains": "u1", "status": 404, "times": 1}, {"path": "/v1", "status": 500, "times": 2}]
    faults = Faults(SimulatorConfig(fail_matching=rules), 0.0)

    statuses = [getattr(judge(faults), "status", 200) for _ in range(4)]

    assert statuses == [404, 500, 500, 200]


def test_setting_rules_again_starts_their_counts_again():
    config = SimulatorConfig(fail_matching=[{"status": 500, "times": 1}])
    faults = Faults(config, 0.0)
    judge(faults)

    faults.configure(config, changed=["fail_matching"], now_s=0.0)

    assert fault_of(judge(faults)) == "fail_matching"


@pytest.mark.parametrize(
    ("text", "roll", "delay_s"),
    [
        ("fixed:20", 0.9, 0.020),
        ("fixed:0.5", 0.0, 0.0005),
        ("uniform:10,30", 0.0, 0.010),
        ("uniform:10,30", 0.5, 0.020),
        ("lognormal:20,0.5", 0.5, 0.020),
        ("lognormal:20,0", 0.99, 0.020),
        ("lognormal:20,1", 0.8413447460685429, 0.0543656),  # one deviation up: 20 ms * e
    ],
)
def test_latency_follows_its_distribution(text, roll, delay_s):
    assert parse_latency(text)(roll) == pytest.approx(delay_s)


@given(
    st.sampled_from(["none", "fixed:3", "uniform:0,9", "lognormal:20,2"]), st.floats(0, 1, exclude_max=True)
)
def test_latency_is_finite_and_not_negative_for_every_throw(text, roll):
    assert 0 <= Faults(SimulatorConfig(latency=text), 0.0).delay_s(roll) < float("inf")
