"""The control API, its client, and the ways to run a simulator."""

import asyncio
import logging
import socket

import httpx
import pytest

from connector.errors import ConfigurationError, OperationalError
from connector.simulator import Simulator, SimulatorClient, SimulatorConfig, running_simulator, serve
from connector.simulator import client as client_module
from tests.simulator.sending import Sender, group, identify, track, until

SECRET = "key-nobody-may-see"

IN_A_THREAD = pytest.param(False, id="thread")
IN_A_PROCESS = pytest.param(True, id="process")


@pytest.fixture(scope="module")
def shared():
    with running_simulator() as client:
        yield client


@pytest.fixture
def client(shared):
    shared.reset()
    return shared


def send(client, body, path="v1", token="key"):
    answer = client._http.post(f"{client.url}/{path}", json=body, headers={"X-Encharge-Token": token})
    return answer.status_code


@pytest.mark.parametrize("own_process", [IN_A_THREAD, IN_A_PROCESS])
def test_a_simulator_runs_beside_a_test(own_process):
    with running_simulator(SimulatorConfig(tokens=[SECRET]), own_process=own_process) as client:
        assert send(client, track("u1"), token=SECRET) == 200
        assert send(client, track("u1"), token="wrong") == 401
        assert client.stats()["accepted"] == 1
        url = client.url

    with SimulatorClient(url) as late, pytest.raises(OperationalError, match="did not answer"):
        late.stats()


@pytest.mark.parametrize(("fault", "accepted"), [("rate_reset", 0), ("rate_hang", 0), ("rate_lost_reply", 1)])
def test_connections_are_reset_under_uvloop_too(client, fault, accepted):
    client.configure(hang_s=0, **{fault: 1})

    with pytest.raises(httpx.ReadError, match="reset by peer"):
        send(client, track("u1"))

    assert (client.stats()["faults"], client.stats()["accepted"]) == ({fault: 1}, accepted)


@pytest.mark.parametrize("own_process", [IN_A_THREAD, IN_A_PROCESS])
def test_a_port_that_is_taken_is_an_operational_error(own_process, capfd):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(OperationalError) as failed, running_simulator(port=port, own_process=own_process):
            pass

    told = str(failed.value) + capfd.readouterr().err
    assert f"cannot listen on 127.0.0.1:{port}: " in told
    assert "Traceback" not in told


@pytest.mark.parametrize("own_process", [IN_A_THREAD, IN_A_PROCESS])
def test_a_simulator_is_stopped_when_the_test_fails(own_process):
    urls = []

    def failing_test():
        with running_simulator(own_process=own_process) as client:
            urls.append(client.url)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing_test()

    with SimulatorClient(urls[0]) as late, pytest.raises(OperationalError):
        late.stats()


async def test_serve_runs_until_it_is_cancelled():
    urls = []
    task = asyncio.ensure_future(serve(SimulatorConfig(rate_500=1), on_start=urls.append))
    await until(lambda: urls)
    async with Sender(urls[0]) as sender:
        answer = await sender.ingest(track("u1"))

    task.cancel()
    await asyncio.wait([task])

    assert answer.status_code == 500
    with SimulatorClient(urls[0]) as late, pytest.raises(OperationalError):
        late.stats()


async def test_an_address_of_version_6_is_written_in_brackets():
    simulator = Simulator()
    try:
        url = await simulator.start(host="::1")
    except OperationalError:
        pytest.skip("this machine has no IPv6")
    await simulator.stop()

    assert url.startswith("http://[::1]:")


def test_the_client_changes_settings_and_shows_them(client):
    changed = client.configure(rate_500=0.25, fail_people={"u1": 404})

    assert (changed["rate_500"], changed["fail_people"]) == (0.25, {"u1": 404})
    assert client.config() == changed


def test_the_client_tells_which_settings_are_wrong(client):
    with pytest.raises(ConfigurationError) as unknown:
        client.configure(rate_418=0.1, rate_500=1)
    with pytest.raises(ConfigurationError) as wrong:
        client.configure(rate_500=2, hang_s="long")

    assert [problem.path for problem in unknown.value.problems] == ["rate_418"]
    assert [problem.path for problem in wrong.value.problems] == ["rate_500", "hang_s"]
    assert client.config()["rate_500"] == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null"])
def test_a_change_must_be_a_json_object(client, body):
    answer = client._http.post("config", content=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["problems"][0]["path"] == "body"


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=1.5", "limit=²"])
@pytest.mark.parametrize("path", ["requests", "people", "objects"])
def test_a_page_needs_whole_numbers(client, path, query):
    query = query.replace("after", "offset") if path != "requests" else query

    assert client._http.get(f"{path}?{query}").status_code == 400


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "nothing"), ("DELETE", "stats"), ("GET", ""), ("POST", "people/u1")]
)
def test_what_the_control_api_does_not_have_it_answers_with_what_it_has(client, method, path):
    answer = client._http.request(method, path)

    assert answer.status_code == 404
    assert "GET /_sim/stats" in answer.json()["error"]["message"]


def test_the_client_shows_people_and_objects(client):
    send(client, identify("u/1 ä?", plan="pro"))
    send(client, group("acme"))

    assert client.person("u/1 ä?")["fields"] == {"plan": "pro"}
    assert client.person("nobody") is None
    assert [person["userId"] for person in client.people()] == ["u/1 ä?"]
    assert [stored["fields"] for stored in client.objects()] == [{"externalId": "acme"}]


def test_the_client_resets_with_or_without_the_configuration(client):
    client.configure(rate_500=1)
    send(client, track("u1"))
    client.reset(keep_config=True)
    kept = client.config()["rate_500"], client.stats()["requests"]
    client.reset()

    assert kept == (1, 0)
    assert client.config()["rate_500"] == 0


def test_the_client_reads_all_pages(client, monkeypatch):
    monkeypatch.setattr(client_module, "MAX_PAGE", 2)
    for number in range(5):
        send(client, track(f"u{number % 2}", messageId=str(number)))
        send(client, group(f"acme {number}"))

    assert [request["seq"] for request in client.requests()] == list(range(1, 11))
    assert [request["seq"] for request in client.requests(after=4, person="u0")] == [5, 9]
    assert len(client.objects()) == 5


def test_something_else_at_the_address_is_no_simulator(client):
    with (
        SimulatorClient(f"{client.url}/v1") as wrong,
        pytest.raises(OperationalError, match="is it a simulator"),
    ):
        wrong.stats()


async def test_the_key_is_nowhere_to_be_seen(caplog):
    caplog.set_level(logging.DEBUG)
    async with (
        Simulator(SimulatorConfig(tokens=[SECRET])) as simulator,
        Sender(simulator.url, SECRET) as sender,
    ):
        answers = [
            await sender.ingest(track("u1")),
            await sender.http.get("/v1/accounts/info"),
            await sender.http.get("/nowhere"),
            await sender.http.get("/_sim/config"),
            await sender.http.get("/_sim/stats"),
            await sender.http.get("/_sim/requests"),
            await sender.http.get("/_sim/people"),
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 404, 200, 200, 200, 200]
    assert not [answer for answer in answers if SECRET in answer.text]
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert not [record for record in ours if SECRET in record.getMessage()]
    assert SECRET not in repr(simulator.config)
