"""What the console of a running worker does: dead letters looked at and redriven, replays planned, run and ended."""

import re

import httpx
import psutil
import pytest

from connector.demo.judge import id_in_body
from connector.embedded.ports import free_port
from tests.eventually import eventually
from tests.kafka.stack import round_robin
from tests.kafka.test_redrive import BROKEN, EACH, MENDED, assert_each_once_and_in_order, tracked

pytestmark = pytest.mark.kafka

TOKEN = "token-of-the-console"


class Browser:
    """Somebody who signed in at the console of a worker, without JavaScript."""

    def __init__(self, url):
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=60)
        self.proof = ""

    def sign_in(self):
        self.http.post("/console/sign-in", data={"token": TOKEN})
        self.proof = re.search(r'name="csrf" value="(\w+)"', self.get("/console/"))[1]

    def get(self, path):
        return self.http.get(path).text

    def post(self, path, **form):
        answer = self.http.post(path, data={"csrf": self.proof, **form})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def done(self, where):
        """Load the page of a job until it has ended."""
        return eventually(lambda: (page := self.get(where)) and "Running for" not in page and page, 60, where)

    def job(self, page):
        return re.search(r'name="job" value="(\w+)"', page)[1]


@pytest.fixture
def browser(stack):
    """The console of the first worker, which runs when the test posts something."""
    port = free_port("127.0.0.1")
    stack.environment |= {"CONNECTOR_FLOOD_RUN": "0", "CONNECTOR_FLOOD_SHARE": "1"}
    stack.console = {
        "CONNECTOR_WEB_PORT": str(port), "CONNECTOR_CONSOLE_TOKEN": TOKEN, "TMPDIR": str(stack.directory),
    }  # fmt: skip
    browser = Browser(f"http://127.0.0.1:{port}")
    yield browser
    browser.http.close()


def is_ready(browser):
    try:
        return browser.http.get("/ready").status_code == 200
    except httpx.TransportError:
        return False


def card(page, label):
    found = re.search(rf'{label}</span><span class="value">([^<]*)<', page)
    return found and found[1]


def test_letters_are_found_and_sent_again_once_by_two_clicks(stack, browser):
    people = 20
    count = people * EACH
    file = stack.directory / "destination.yaml"
    file.write_text(BROKEN)
    worker = stack.start_worker(**stack.console)
    stack.produce(round_robin(people, per_person=EACH))
    eventually(lambda: len(stack.dead_letters()) == count, 60)
    file.write_text(MENDED)
    eventually(lambda: "configuration is in force" in worker.log.read_text(), 30)
    browser.sign_in()

    listed = browser.get("/console/dead-letters?mapping=Track+Event&since=1h")
    none = browser.get("/console/dead-letters?code=rejected")
    place = re.search(r"/console/dead-letters/(\d+:\d+)", listed)[1]
    letter = browser.get(f"/console/dead-letters/{place}")
    browser.http.post("/console/reveal", data={"csrf": browser.proof, "reveals": "yes"})
    of_one = browser.http.post("/console/dead-letters", data={"csrf": browser.proof, "user": "u1"}).text
    counted = browser.done(browser.post("/console/dead-letters/redrive", mapping="Track Event"))
    before = len(tracked(stack))
    sent = browser.done(
        browser.post("/console/dead-letters/redrive/send", job=browser.job(counted), rate="1000")
    )
    eventually(lambda: len(tracked(stack)) >= count, 30)
    again = browser.done(browser.post("/console/dead-letters/redrive"))
    after = eventually(
        lambda: f"{count} letters, redriven" in (page := browser.get("/console/dead-letters?state=redriven")) and page, 20
    )  # fmt: skip
    stack.stop_workers()

    assert f"{count} letters, waiting" in listed
    assert "u1" not in re.sub(r"[0-9a-f]{6}<", "<", listed)  # ids are masked
    assert "0 letters, waiting" in none
    assert f"{EACH} letters, waiting" in of_one
    assert set(re.findall(r'<td class="mono person">([^<]*)<', of_one)) == {"u1"}
    assert "It would now succeed" in letter
    assert card(counted, "letters to send") == str(count)
    assert before == 0
    assert card(sent, "letters sent again") == str(count)
    assert card(again, "letters to send") == "0"
    assert f"{count} were redriven before" in again
    assert place.partition(":")[0] in re.findall(r"/console/dead-letters/(\d+):", after)
    assert_each_once_and_in_order(tracked(stack), count)


def test_a_replay_is_planned_run_and_ended_and_goes_on(stack, browser):
    events = list(round_robin(people=20, per_person=EACH))
    worker = stack.start_worker(**stack.console)
    stack.produce(events)
    eventually(lambda: stack.simulator.stats()["accepted"] == len(events), 60)
    eventually(lambda: is_ready(browser), 30)
    stack.simulator.reset(keep_config=True)
    browser.sign_in()

    plan = browser.done(browser.post("/console/replays/plan", since="1h", max_age="9999d", rate="5"))
    planned = stack.simulator.stats()["accepted"]
    id_ = re.search(r"Replay (\w{8}) of", plan)[1]
    run = browser.post("/console/replays/run", job=browser.job(plan), rate="5")
    # The control topic tells of it, and Kafka that somebody works on it.
    running = eventually(
        lambda: ">running<" in (page := browser.get(f"/console/replays/{id_}")) and page, 60, "running"
    )
    eventually(lambda: stack.simulator.stats()["accepted"] > 0, 30)
    asked = browser.get(f"/console/replays/{id_}/cancel")
    cancel = browser.done(browser.post(f"/console/replays/{id_}/cancel"))
    ended = browser.done(run)
    after_cancel = stack.simulator.stats()["accepted"]
    cancelled = eventually(
        lambda: ">cancelled<" in (page := browser.get("/console/replays")) and page, 20, "cancelled"
    )
    rest = browser.done(browser.post("/console/replays/run", job=browser.job(plan), rate="1000"))
    listed = eventually(lambda: "100 %" in (page := browser.get("/console/replays")) and page, 20, "done")
    requests = stack.simulator.requests()

    assert card(plan, "requests") == str(len(events))
    assert planned == 0  # a plan sends nothing
    assert "Cancel it" in running
    assert "End it everywhere" in asked
    assert f"Replay {id_} is cancelled" in cancel
    assert "Ended by somebody" in ended
    assert "The replay is cancelled" in ended
    assert 0 < after_cancel < len(events)
    assert id_ in cancelled
    assert "The replay is done" in rest
    assert ">done<" in listed
    assert sorted(id_in_body(each["body"]) for each in requests) == sorted(event.id for event in events)

    # What the console started does not outlive its worker.
    second = browser.done(browser.post("/console/replays/plan", since="1h", max_age="9999d", rate="1"))
    browser.post("/console/replays/run", job=browser.job(second))
    eventually(lambda: stack.simulator.stats()["accepted"] > len(events), 60)
    children = psutil.Process(worker.pid).children(recursive=True)
    lines = [" ".join(child.cmdline()) for child in children]
    stack.stop_workers()
    [plan_file] = stack.directory.glob("encharge-console-*/*.json")  # that of the replay which is not done
    assert str(plan_file) in worker.log.read_text()
    assert len(children) == 1
    assert TOKEN not in lines[0]
    assert stack.environment["CONNECTOR_ENCHARGE_API_KEY"] not in lines[0]
    assert not any(child.is_running() for child in children)
