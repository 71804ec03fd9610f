"""What somebody types who has nothing but the README: from a clone to their own events delivered.

An environment as empty as a fresh machine's: no home, no virtual environment, no cache, no settings of ours.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from connector.embedded.ports import free_port
from tests.eventually import eventually

ROOT = Path(__file__).parents[2]
MARK = "<!-- runs in tests/kafka/test_stranger.py -->\n```bash\n"
FIVE_MINUTES_S = 300
# How this machine reaches package registries is the machine's affair, not the stranger's.
KEPT = re.compile(
    r"PIP_.*|SSL_CERT_.*|REQUESTS_CA_BUNDLE|(https?|no|all)_proxy|CONNECTOR_MAVEN_URL", re.IGNORECASE
)
EVENTS = [
    {"type": "identify", "userId": "mine-1", "traits": {"email": "one@example.com", "plan": "pro"}},
    {"type": "track", "userId": "mine-1", "event": "Report Exported", "properties": {"pages": 12}},
    {
        "type": "page",
        "userId": "mine-2",
        "name": "Pricing",
        "properties": {"url": "https://example.com/pricing"},
    },
]

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]


def blocks():
    return re.findall(re.escape(MARK) + "(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_a_stranger_delivers_their_own_events_in_five_minutes(tmp_path):
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    home.mkdir()
    begun_s = time.monotonic()
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, checkout], check=True)
    (checkout / "my-events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in EVENTS))
    first, look = blocks()
    kafka, encharge, web = (str(free_port("127.0.0.1")) for _ in range(3))
    look = look.replace("8077", encharge)
    shown = tmp_path / "shown"
    with shown.open("wb") as output:
        shell = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", f"{elsewhere(first, kafka, encharge, web)}\necho typed; wait"],
            cwd=checkout,
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        eventually(lambda: "typed" in shown.read_text() or shell.poll() is not None, 2 * FIVE_MINUTES_S)
        assert shell.poll() is None, tail(shown, checkout)
        delivered = eventually(lambda: len(found := requests(look, home)) == len(EVENTS) and found, 60)
        seconds = time.monotonic() - begun_s
    finally:
        os.killpg(shell.pid, signal.SIGTERM)
        shell.wait(60)
    by_person = {
        person: [each for each in delivered if each["person"] == person] for person in ("mine-1", "mine-2")
    }
    assert [each["body"]["type"] for each in by_person["mine-1"]] == ["identify", "track"]
    assert by_person["mine-1"][1]["body"]["event"] == "Report Exported"
    assert by_person["mine-2"][0]["body"]["type"] == "page"
    assert seconds < FIVE_MINUTES_S


def elsewhere(script, kafka, encharge, web):
    """Other tests run beside this one, so the three ports are others than a stranger's."""
    script = script.replace("encharge-connector kafka", f"encharge-connector kafka --port {kafka}")
    script = script.replace("encharge-connector simulator", f"encharge-connector simulator --port {encharge}")
    script = script.replace("8077", encharge)
    return f"export CONNECTOR_KAFKA_BOOTSTRAP_SERVERS=localhost:{kafka} CONNECTOR_WEB_PORT={web}\n{script}"


def environment(home):
    kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    python = Path(shutil.which("python3") or "")
    return {**kept, "HOME": str(home), "PATH": f"{python.parent}:/usr/bin:/bin", "LANG": "C.UTF-8"}


def requests(look, home):
    done = subprocess.run(
        ["bash", "-c", look], env=environment(home), capture_output=True, text=True, check=False
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [each for each in found if each["method"] == "POST"]


def tail(shown, checkout):
    logs = [shown, *checkout.glob("*.log")]
    return "\n".join(f"--- {log.name}\n{log.read_text()[-2000:]}" for log in logs)
