"""What the README tells a newcomer to type, typed."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from connector.simulator import SimulatorConfig, running_simulator
from tests.eventually import eventually

ROOT = Path(__file__).parents[2]
MARK = "<!-- runs in tests/docs/test_readme.py -->\n```bash\n"

pytestmark = pytest.mark.kafka


def blocks():
    return re.findall(re.escape(MARK) + "(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def shell(script, environment, cwd, **options):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=cwd,
        env={"PATH": path, "HOME": str(cwd), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        **options,
    )


def test_the_first_real_use_delivers_an_event(broker, tmp_path):
    first_use, _ = blocks()
    script = first_use.replace("localhost:9092", broker.bootstrap_servers)
    assert broker.bootstrap_servers in script
    with running_simulator(SimulatorConfig(tokens=("the-key",))) as simulator:
        environment = {
            "CONNECTOR_ENCHARGE_API_KEY": "the-key",  # instead of being asked for it
            "CONNECTOR_ENCHARGE_INGEST_URL": f"{simulator.url}/v1",
            "CONNECTOR_ENCHARGE_API_URL": simulator.url,
            "CONNECTOR_WEB_PORT": "0",
        }
        # From there on the key comes from the file that init wrote.
        script = script.replace("\nset -a;", "\nunset CONNECTOR_ENCHARGE_API_KEY; set -a;", 1)
        worker = shell(script, environment, tmp_path)
        try:
            event = '{"type":"identify","userId":"u1","traits":{"plan":"pro"}}'
            eventually(lambda: sent(event, broker, tmp_path), 30)
            eventually(lambda: simulator.person("u1"), 60, what="the event's arrival")
        finally:
            os.killpg(worker.pid, signal.SIGTERM)
            output, _ = worker.communicate(timeout=30)

        assert simulator.person("u1")["fields"]["plan"] == "pro"
        assert "FAIL" not in output
        assert "the-key" not in output


def sent(event, broker, cwd):
    environment = {"CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers}
    process = shell(f"echo '{event}' | encharge-connector send -", environment, cwd)
    process.communicate(timeout=30)
    return process.returncode == 0


def test_an_event_is_explained(tmp_path):
    _, explain = blocks()

    process = shell(explain, {}, tmp_path)
    output, _ = process.communicate(timeout=30)

    assert process.returncode == 0
    assert "Track Event (trackEvent): matches" in output
    assert '"event":"Signed Up"' in output
