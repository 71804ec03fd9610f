"""What the browser looks at: two workers on a real Kafka, with a stand-in Encharge and events without pause."""

import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from connector.embedded.ports import free_port
from tests.browser.events import HOSTILE, REFUSED, STUCK, destination, ordinary, troubled
from tests.eventually import eventually
from tests.kafka.stack import Stack

TOKEN = "a-token-of-the-tests"
EVENTS_PER_S = 50
WITHIN_S = 60  # two workers start, join their group and deliver, on a machine that does other things


class Load:
    """Produces from a thread until the end of the block."""

    def __init__(self, stack):
        self._stack = stack
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        self._thread.join()

    def _run(self):
        self._stack.produce(self._until_stopped(), rate=EVENTS_PER_S)

    def _until_stopped(self):
        for each in ordinary():
            if self._stop.is_set():
                return
            yield each


@dataclass(frozen=True)
class System:
    """Two workers; `urls` are those of their web ports."""

    stack: Stack
    urls: list[str]
    instances: list[str] = field(default_factory=list)

    @property
    def simulator(self):
        return self.stack.simulator

    def letters(self):
        return self.stack.dead_letters()


@contextmanager
def running_system(bootstrap_servers, directory, name):
    """Give the system once both workers deliver and the troubled events are where they end.

    name    of a mapping
    """
    with Stack(bootstrap_servers, directory) as stack:
        (directory / "destination.yaml").write_text(destination(name))
        stack.environment["CONNECTOR_CONSOLE_TOKEN"] = TOKEN
        stack.simulator.configure(
            latency="lognormal:20,0.5",
            fail_matching=[{"status": 500, "contains": "person-3", "times": 10}],
            fail_people={STUCK: 500, "hostile-1": 400, HOSTILE: 400, **dict.fromkeys(REFUSED, 400)},
        )
        ports = [free_port("127.0.0.1")]
        ports.append(free_port("127.0.0.1", taken=ports))
        for port in ports:
            stack.start_worker(CONNECTOR_WEB_PORT=str(port))
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        stack.produce(troubled())
        with Load(stack), httpx.Client(trust_env=False) as http:
            eventually(lambda: all_ready(stack, http, urls), WITHIN_S, "both workers deliver")
            eventually(lambda: stack.simulator.stats()["accepted"] > 0, WITHIN_S, "something arrives")
            eventually(lambda: len(stack.dead_letters()) == len(REFUSED) + 2, WITHIN_S, "the dead letters")
            yield System(stack, urls, [os.uname().nodename + f"-{worker.pid}-" for worker in stack.workers])


def all_ready(stack, http, urls):
    assert [worker.exit_code for worker in stack.workers] == [None] * len(urls)
    return all(_is_ready(http, url) for url in urls)


def _is_ready(http, url):
    try:
        return http.get(f"{url}/ready").status_code == 200
    except httpx.TransportError:
        return False
