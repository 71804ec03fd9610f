"""The worker's web port, over real HTTP."""

import socket

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from connector.delivery.liveness import HealthReason
from connector.edges.web import Health, start_web
from connector.errors import OperationalError

NOT_ASSIGNED = HealthReason("not_assigned", "a rebalance goes on", "events")


class Worker:
    """What the web port asks."""

    def __init__(self):
        self.dead = []
        self.not_ready = []
        self.registry = CollectorRegistry()
        self.asked = 0

    def status(self):
        self.asked += 1
        return {"asked": self.asked, "topic": "événements"}

    def health(self):
        return Health(lambda: self.not_ready, self.status, lambda: self.dead)


@pytest.fixture
def worker():
    return Worker()


@pytest.fixture
async def http(worker):
    runner = await start_web(worker.health(), worker.registry, host="127.0.0.1", port=0)
    host, port = runner.addresses[0]
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False) as client:
        yield client
    await runner.cleanup()


async def test_a_worker_that_is_not_ready_is_live(http, worker):
    worker.not_ready = [NOT_ASSIGNED]

    answer = await http.get("/live")

    assert (answer.status_code, answer.json()) == (200, {"live": True})


async def test_a_worker_that_only_a_restart_can_mend_says_why_with_503(http, worker):
    worker.dead = [
        HealthReason("poll_hangs", "since 12 min", "events"), HealthReason("app_crashed", "it crashed")
    ]  # fmt: skip

    answer = await http.get("/live")

    assert answer.status_code == 503
    assert answer.json() == {
        "live": False,
        "reasons": [
            {"code": "poll_hangs", "text": "since 12 min", "topic": "events"},
            {"code": "app_crashed", "text": "it crashed"},
        ],
    }


async def test_a_worker_without_objections_is_ready(http):
    answer = await http.get("/ready")

    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})


async def test_a_worker_that_is_not_ready_says_why_with_503(http, worker):
    worker.not_ready = [NOT_ASSIGNED]

    answer = await http.get("/ready")

    assert answer.status_code == 503
    reason = {"code": "not_assigned", "text": "a rebalance goes on", "topic": "events"}
    assert answer.json() == {"ready": False, "reasons": [reason]}


async def test_reasons_that_a_probe_ignores_do_not_make_a_worker_unready(http, worker):
    worker.not_ready = [HealthReason("outage", "Encharge is out"), HealthReason("paused", "by command")]

    answers = [
        (await http.get(f"/ready{query}")).status_code
        for query in ("", "?ignore=outage", "?ignore=outage&ignore=paused")
    ]

    assert answers == [503, 503, 200]


async def test_the_reasons_that_are_left_are_told(http, worker):
    worker.not_ready = [HealthReason("outage", "Encharge is out"), NOT_ASSIGNED]

    answer = await http.get("/ready?ignore=outage&ignore=flood")

    assert answer.status_code == 503
    assert [reason["code"] for reason in answer.json()["reasons"]] == ["not_assigned"]


async def test_a_code_that_there_is_not_is_refused_not_ignored(http):
    answer = await http.get("/ready?ignore=outage&ignore=outtage&ignore=%3Cb%3E")

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert answer.json() == {"error": "ignore: <b>, outtage: no code of /ready"}


async def test_the_status_is_asked_for_anew_each_time(http):
    answers = [(await http.get("/status")).json() for _ in range(2)]

    assert answers == [{"asked": 1, "topic": "événements"}, {"asked": 2, "topic": "événements"}]


async def test_answers_are_json_and_say_so(http):
    types = {(await http.get(path)).headers["content-type"] for path in ("/live", "/ready", "/status")}

    assert types == {"application/json"}


async def test_metrics_are_those_of_the_registry_in_prometheus_format(http, worker):
    Counter("orders", "Orders", registry=worker.registry).inc(3)

    answer = await http.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "orders_total 3.0" in answer.text.splitlines()


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", "/other", 404), ("POST", "/status", 405)]
)
async def test_nothing_else_is_served(http, method, path, status):
    assert (await http.request(method, path)).status_code == status


async def test_a_taken_port_is_told_with_the_setting_that_changes_it(worker):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(OperationalError) as caught:
            await start_web(worker.health(), worker.registry, host="127.0.0.1", port=port)

    assert f"127.0.0.1:{port} is taken" in str(caught.value)
    assert "CONNECTOR_WEB_PORT" in str(caught.value)


async def test_an_address_that_is_not_ours_is_an_error_of_the_same_kind(worker):
    with pytest.raises(OperationalError, match=r"192\.0\.2\.1:0 is taken or not ours"):
        await start_web(worker.health(), worker.registry, host="192.0.2.1", port=0)


async def test_the_port_is_free_again_after_cleanup(worker):
    runner = await start_web(worker.health(), worker.registry, host="127.0.0.1", port=0)
    port = runner.addresses[0][1]
    await runner.cleanup()

    again = await start_web(worker.health(), worker.registry, host="127.0.0.1", port=port)

    assert again.addresses[0][1] == port
    await again.cleanup()
