"""What a running worker makes of files that change, without Kafka; with it, see tests/kafka/test_steering.py."""

import pytest

from connector.delivery.gate import Shut
from connector.edges import logs
from connector.edges.deliverable import read_deliverable
from connector.edges.encharge_account import EnchargeAccount
from connector.edges.steering import Steering
from connector.settings import Settings
from tests.delivery.setup import Setup


@pytest.fixture
def files(tmp_path):
    """A destination file and a key file."""
    destination, key = tmp_path / "destination.yaml", tmp_path / "key"
    destination.write_text("id: test\n")
    key.write_text("first-key-of-test\n")
    return destination, key


@pytest.fixture
def steer(files):
    """Make a steering of these files in the running loop."""
    destination, key = files
    environment = {
        "CONNECTOR_DESTINATION_FILE": str(destination),
        "CONNECTOR_ENCHARGE_API_KEY_FILE": str(key),
    }

    def make():
        settings = Settings.from_environment(environment)
        deliverable = read_deliverable(settings)
        account = EnchargeAccount(deliverable.endpoints, timeout_s=1.0)
        return Steering(settings, environment, deliverable, Setup().stage, account)

    return make


def codes(steering):
    return [str(reason.code) for reason in steering.not_ready()]


async def test_a_steering_without_objections_is_ready(steer):
    assert steer().not_ready() == []


async def test_a_broken_file_is_a_reason_with_its_first_problem_until_it_is_mended(steer, files):
    steering = steer()

    files[0].write_text("id: test\nmappings: nonsense\n")
    steering.reload()
    [broken] = steering.not_ready()
    files[0].write_text("id: test\n")
    steering.reload()

    assert broken.code == "configuration_broken"
    assert "destination.yaml:2:" in broken.text
    assert steering.not_ready() == []


async def test_all_reasons_for_which_nothing_is_sent_are_told_along_with_a_broken_file(steer, files):
    steering = steer()
    steering._stage.shut(Shut.PAUSED, "ops")
    steering._stage.shut(Shut.OUTAGE)

    files[0].write_text("nonsense: true\n")
    steering.reload()

    assert codes(steering) == ["paused", "outage", "configuration_broken"]
    assert steering.not_ready()[0].text.endswith("(ops)")


async def test_the_state_of_the_gate_is_json_with_plain_keys(steer):
    steering = steer()
    steering._stage.shut(Shut.PAUSED, "ops")

    shut = steering.status()["shut"]

    assert shut == {"paused": "ops"}
    assert [type(key) for key in shut] == [str]  # orjson refuses others


async def test_a_key_that_is_read_anew_is_kept_out_of_logs_and_so_is_the_old_one(steer, files, monkeypatch):
    redaction = logs.LogRedaction()
    monkeypatch.setattr(logs, "_redaction", redaction)
    steering = steer()
    steering.reload()

    files[1].write_text("second-key-of-test\n")
    steering.reload()

    text = redaction.text("first-key-of-test and second-key-of-test")
    assert text == "[redacted] and [redacted]"
