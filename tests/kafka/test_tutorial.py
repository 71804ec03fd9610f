"""docs/tutorial.md, followed from its first command to its last, on a Kafka and an Encharge that it starts itself."""

import os
import re
import urllib.request

import pytest

from connector.embedded.ports import free_port
from tests.docs.following import Terminals, same, steps
from tests.docs.pages import ROOT, prose
from tests.eventually import eventually

PAGE = ROOT / "docs/tutorial.md"
TEST = "tests/kafka/test_tutorial.py"
ENCHARGE, WEB = "127.0.0.1:8077", "127.0.0.1:6066"
# The page has the default ports and memory; several tests run at once here.
STARTS = {"encharge-connector kafka": " --port 0 --heap 300m", "encharge-connector simulator": " --port 0"}

pytestmark = pytest.mark.kafka


class Follower:
    """Somebody who does what the page says; `places` are the addresses that stand for those on the page."""

    def __init__(self, directory, terminals):
        self.directory, self.terminals = directory, terminals
        self.places = {WEB: f"127.0.0.1:{free_port('127.0.0.1')}"}
        self.worker = None
        self.compared = 0
        terminals.set(CONNECTOR_WEB_PORT=self.places[WEB].partition(":")[2])

    def follow(self, block, shown):
        how = block.mark.removeprefix(f"runs in {TEST}").removeprefix(", ")
        script = self.here(block.text)
        if how == "until Ctrl-C":
            self.start(script.strip())
        elif how == "then the worker has taken it over":
            before = self.worker().count("configuration is in force")
            self.terminals.run(script)
            eventually(lambda: self.worker().count("configuration is in force") > before, 30)
        elif shown and shown.mark == "printed after a moment":
            self.terminals.run_until(script, lambda printed: same(printed, self.here(shown.text)))
            self.compared += 1
        else:
            printed = self.terminals.run(script, exits=1 if how == "exits 1" else 0)
            if shown:
                assert same(printed, self.here(shown.text)), printed
                self.compared += 1
            if "encharge-connector check" in script:
                assert "FAIL" not in printed

    def start(self, command):
        # Kafka alone may look into the cache of this machine, or go through its proxy to fill it.
        fetches = os.environ if command.endswith("kafka") else {}
        says = self.terminals.start(
            command + STARTS.get(command, ""), f"{command.split()[-1]}.log", **fetches
        )
        if command.endswith("kafka"):
            address = eventually(lambda: re.search(r"Kafka is up at (\S+),", says()), 60)[1]
            self.terminals.set(CONNECTOR_KAFKA_BOOTSTRAP_SERVERS=address)
        elif command.endswith("simulator"):
            self.places[ENCHARGE] = eventually(lambda: re.search(r"simulated at http://(\S+);", says()), 30)[
                1
            ]
        else:
            self.worker = says

    def here(self, text):
        for place, ours in self.places.items():
            text = text.replace(place, ours)
        return text

    def open(self, url):
        with urllib.request.urlopen(self.here(url), timeout=10) as response:
            return response.read().decode()


@pytest.mark.timeout(300)
def test_everything_happens_as_the_tutorial_says(tmp_path):
    with Terminals(tmp_path) as terminals:
        follower = Follower(tmp_path, terminals)
        todo = steps(PAGE, TEST)
        for block, shown in todo:
            follower.follow(block, shown)
        pages = [follower.open(url) for url in re.findall(rf"<(http://{WEB}[^>]*)>", prose(PAGE))]

    assert follower.compared == len([shown for _, shown in todo if shown])
    assert len(pages) == 3
    assert all("<h1" in page for page in pages)


def test_what_is_not_run_are_the_commands_of_an_installation_only():
    run = {block.text for block, _ in steps(PAGE, TEST)}
    [left] = re.findall(
        r"^```bash\n(.*?)^```", PAGE.read_text().partition("## 2.")[0], re.MULTILINE | re.DOTALL
    )
    every = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)

    assert set(every) - run == {left}
