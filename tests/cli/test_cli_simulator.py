"""`encharge-connector simulator`."""

import re
import signal
import socket

import httpx
import pytest

from connector.simulator import SimulatorClient, setting_names
from tests.cli.command import run
from tests.eventually import eventually


@pytest.fixture
def simulator(start):
    """Start a simulator with some options; give its process and its address."""

    def begin(*options):
        process = start("simulator", "--port", "0", *options)
        first = eventually(
            lambda: "CONNECTOR_ENCHARGE_API_URL" in process.out and process.out.splitlines()[0], 20
        )
        return process, re.fullmatch(
            r"Encharge is simulated at (http://\S+); state under \1/_sim/; .*", first
        )[1]

    return begin


def test_it_serves_until_ctrl_c(simulator):
    process, url = simulator()
    answer = httpx.get(f"{url}/v1/accounts/info", headers={"X-Encharge-Token": "any"}, trust_env=False)

    process.press_ctrl_c()

    assert process.wait() == 0
    assert answer.status_code == 200
    assert process.err == ""
    assert process.out.splitlines()[1:] == [
        f"  export CONNECTOR_ENCHARGE_INGEST_URL={url}/v1 CONNECTOR_ENCHARGE_API_URL={url}"
    ]


def test_its_options_are_what_it_does_until_a_sigterm(simulator):
    process, url = simulator(
        "--tokens", '["its-key"]', "--latency", "fixed:1", "--object-types", '{"car":"Car"}', "--rate-503", "0.5"
    )  # fmt: skip

    with SimulatorClient(url) as client:
        config = client.config()
    refused = httpx.get(f"{url}/v1/accounts/info", headers={"X-Encharge-Token": "other"}, trust_env=False)
    process.send(signal.SIGTERM)

    assert process.wait() == 0
    assert (config["latency"], config["object_types"], config["rate_503"]) == ("fixed:1", {"car": "Car"}, 0.5)
    assert refused.status_code == 401
    assert "its-key" not in process.out + process.err


def test_every_setting_of_the_simulator_is_an_option():
    done = run("simulator", "--help")

    options = {f"--{name.replace('_', '-')}" for name in setting_names()}
    assert options <= set(re.findall(r"^  (--[\w-]+) ", done.out, re.MULTILINE))


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        pytest.param("--rate-500", "often", "Invalid value for --rate-500: is not JSON", id="no JSON"),
        pytest.param("--rate-500", "2", "error: rate_500: must be a share from 0 to 1", id="share"),
        pytest.param("--latency", "slow", "error: latency: is not one of none | fixed:MS", id="latency"),
        pytest.param("--fail-people", '{"u1": "x"}', "error: fail_people", id="status"),
        pytest.param("--port", "-1", "-1 is not in the range", id="port"),
        pytest.param("--tokens", '"secret-token"', "error: tokens: must be a list", id="tokens are a list"),
        pytest.param(
            "--tokens", "secret-token", "Invalid value for --tokens: is not JSON", id="tokens are JSON"
        ),
    ],
)
def test_an_option_that_cannot_be_exits_2_without_showing_a_key(option, value, words):
    done = run("simulator", "--port", "0", option, value)

    assert done.code == 2
    assert words in done.err
    assert "secret-token" not in done.err
    assert done.out == ""


def test_all_options_that_cannot_be_are_told():
    done = run("simulator", "--port", "0", "--rate-500", "2", "--hang-s", "-1")

    assert done.code == 2
    assert [line.split(":")[1] for line in done.err.splitlines()] == [" rate_500", " hang_s"]


def test_a_port_that_is_taken_is_an_operational_error():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = run("simulator", "--port", port)

    assert done.code == 3
    assert done.err.startswith(f"error: the simulator cannot listen on 127.0.0.1:{port}: ")
