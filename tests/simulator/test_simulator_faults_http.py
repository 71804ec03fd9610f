"""Every fault over real sockets."""

import asyncio
import gzip
import logging
import time

import httpx
import pytest

from connector.simulator import Simulator, SimulatorConfig
from tests.simulator.sending import KEY, Sender, abandoned, track, under_way, until

NO_ANSWER = (httpx.ReadError, httpx.RemoteProtocolError)


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
async def test_a_rate_answers_its_status_and_records_nothing(sender, simulator, status):
    simulator.configure(**{f"rate_{status}": 1.0})

    answer = await sender.ingest(track("u1"))

    assert answer.status_code == status
    assert answer.json()["error"]["errorCode"] == "simulated"
    stats = simulator.stats()
    assert (stats["accepted"], stats["answers"]) == (0, {str(status): 1})
    assert (stats["faults"], stats["refusals"]) == ({f"rate_{status}": 1}, {})
    assert simulator.people() == []


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [
        pytest.param(7, "7", id="seconds"),
        pytest.param("0.5", "0.5", id="not allowed by the RFC"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", id="date"),
        pytest.param("", None, id="none"),
    ],
)
async def test_every_429_carries_the_retry_after_that_was_asked_for(sender, simulator, retry_after, header):
    simulator.configure(rate_429=1, retry_after=retry_after)

    assert (await sender.ingest(track("u1"))).headers.get("Retry-After") == header


async def test_only_429_carries_retry_after(sender, simulator):
    simulator.configure(rate_503=1, retry_after=7)

    assert "Retry-After" not in (await sender.ingest(track("u1"))).headers


async def test_a_reset_comes_as_rst_and_records_nothing(simulator):
    simulator.configure(rate_reset=1)

    with pytest.raises(ConnectionResetError):
        await raw(simulator, b'{"userId": "u1"}')

    assert (simulator.stats()["faults"], simulator.stats()["accepted"]) == ({"rate_reset": 1}, 0)


async def test_a_lost_reply_is_recorded_and_comes_as_rst(simulator):
    simulator.configure(rate_lost_reply=1)

    with pytest.raises(ConnectionResetError):
        await raw(simulator, b'{"userId": "u1"}')

    stats = simulator.stats()
    assert (stats["accepted"], stats["faults"], stats["answers"]) == (1, {"rate_lost_reply": 1}, {})
    assert [request["outcome"] for request in simulator.requests()] == ["reply_lost"]
    assert simulator.person("u1") is not None


async def test_a_hanging_request_is_held_then_reset_and_never_recorded(sender, simulator):
    simulator.configure(rate_hang=1, hang_s=0.05)
    started = time.monotonic()

    with pytest.raises(NO_ANSWER):
        await sender.ingest(track("u1"))

    assert time.monotonic() - started >= 0.05
    assert (simulator.stats()["faults"], simulator.stats()["accepted"]) == ({"rate_hang": 1}, 0)


async def test_a_hanging_request_ends_when_its_sender_gives_up(sender, simulator):
    simulator.configure(rate_hang=1, hang_s=600)
    task = await under_way(simulator, sender.ingest(track("u1")))

    await abandoned(task)

    await until(lambda: simulator.stats()["in_flight"] == 0)
    assert simulator.stats()["accepted"] == 0


async def test_in_an_outage_everything_is_503_until_it_is_over(sender, simulator):
    simulator.configure(outage_s=60)
    during = [
        await sender.ingest(track("u1")),
        await sender.http.get("/v1/accounts/info"),
        await sender.http.get("/nowhere"),
    ]
    left_s = simulator.stats()["windows_s"]["outage_s"]
    simulator.configure(outage_s=0)
    after = await sender.ingest(track("u1"))

    assert [answer.status_code for answer in during] == [503, 503, 503]
    assert 0 < left_s <= 60
    assert after.status_code == 200
    assert simulator.stats()["faults"] == {"outage_s": 3}


async def test_while_unauthorized_every_key_is_refused(sender, simulator):
    simulator.configure(unauthorized_s=60)
    during = await sender.http.get("/v1/accounts/info")
    simulator.configure(unauthorized_s=0)
    after = await sender.http.get("/v1/accounts/info")

    assert (during.status_code, after.status_code) == (401, 200)


async def test_a_stall_answers_nothing_and_then_goes_on(sender, simulator):
    simulator.configure(stall_s=600)
    task = await under_way(simulator, sender.ingest(track("u1")))
    during = simulator.stats()

    simulator.configure(stall_s=0)

    assert (during["accepted"], during["in_flight"], during["connections"]) == (0, 1, 1)
    assert (await task).status_code == 200
    assert simulator.stats()["faults"] == {"stall_s": 1}


async def test_who_leaves_during_a_stall_is_never_recorded(sender, simulator):
    simulator.configure(stall_s=600)
    await abandoned(await under_way(simulator, sender.ingest(track("u1"))))
    await until(lambda: simulator.stats()["in_flight"] == 0)

    simulator.configure(stall_s=0)

    assert simulator.requests() == []


async def test_a_stall_ends_by_itself(sender, simulator):
    simulator.configure(stall_s=0.05)

    assert (await sender.ingest(track("u1"))).status_code == 200


@pytest.mark.parametrize("latency", ["fixed:50", "uniform:50,60", "lognormal:50,0"])
async def test_latency_holds_back_the_answer(sender, simulator, latency):
    simulator.configure(latency=latency)
    started = time.monotonic()

    await sender.ingest(track("u1"))

    assert time.monotonic() - started >= 0.05


async def test_a_request_whose_sender_left_while_it_was_processed_is_recorded_as_such(sender, simulator):
    simulator.configure(latency="fixed:60000")
    task = await under_way(simulator, sender.ingest(track("u1")))

    await abandoned(task)

    await until(lambda: simulator.stats()["accepted"] == 1)
    assert [request["outcome"] for request in simulator.requests()] == ["client_gone"]
    assert simulator.stats()["answers"] == {}


async def test_more_requests_a_second_than_allowed_are_throttled(sender, simulator):
    simulator.configure(max_requests_per_second=0.001, retry_after=1)

    answers = [await sender.ingest(track("u1")) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].headers["Retry-After"] == "1"
    assert simulator.stats()["faults"] == {"max_requests_per_second": 1}


async def test_more_requests_at_once_than_allowed_are_throttled(sender, simulator):
    simulator.configure(latency="fixed:60000", max_concurrent=1)
    first = await under_way(simulator, sender.ingest(track("u1")))
    simulator.configure(latency="none")

    second = await sender.ingest(track("u2"))

    await abandoned(first)
    assert second.status_code == 429
    assert simulator.stats()["faults"] == {"max_concurrent": 1}


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("u1", track("u1")),
        ("a@example.com", track("u1", email="a@example.com")),
        ("anon", {"type": "page", "segmentAnonymousId": "anon"}),
    ],
)
async def test_a_failing_person_fails_for_ever_under_every_id(sender, simulator, key, body):
    simulator.configure(fail_people={key: 500})

    failing = [await sender.ingest(body) for _ in range(3)]
    other = await sender.ingest(track("somebody else"))

    assert [answer.status_code for answer in failing] == [500, 500, 500]
    assert other.status_code == 200


async def test_a_rule_strikes_as_often_as_it_says(sender, simulator):
    rule = {
        "path": "/v1/tags",
        "method": "POST",
        "contains": "vip",
        "status": 503,
        "times": 2,
        "retry_after": 9,
    }
    simulator.configure(fail_matching=[rule])

    others = [
        await sender.add_tag(tag="beta", userId="u1"),
        await sender.remove_tag(tag="vip", userId="u1"),
        await sender.ingest(track("vip")),
    ]
    struck = [await sender.add_tag(tag="vip", userId="u1") for _ in range(3)]

    assert [answer.status_code for answer in others] == [201, 204, 200]
    assert [answer.status_code for answer in struck] == [503, 503, 201]
    assert struck[0].headers["Retry-After"] == "9"


async def test_a_rule_sees_the_query_of_a_request_without_a_body(sender, simulator):
    simulator.configure(fail_matching=[{"contains": "u1", "status": 500}])

    answers = [await sender.http.delete(f"/v1/people?people[0][userId]={user}") for user in ("u1", "u2")]

    assert [answer.status_code for answer in answers] == [500, 204]


async def test_chance_does_not_strike_what_encharge_refuses_anyway(sender, simulator):
    simulator.configure(rate_500=1)

    assert (await sender.ingest({"type": "track"})).status_code == 400


async def test_control_calls_are_neither_struck_nor_counted(sender, simulator):
    simulator.configure(outage_s=60, stall_s=60, unauthorized_s=60, latency="fixed:60000", rate_reset=1)

    stats = (await sender.http.get("/_sim/stats")).json()

    assert (stats["requests"], stats["connections"], stats["faults"]) == (0, 0, {})


MANY_FAULTS = {"rate_400": 0.2, "rate_429": 0.2, "rate_500": 0.2, "rate_reset": 0.1, "rate_lost_reply": 0.1}


async def test_the_same_seed_gives_the_same_faults(sender, simulator):
    simulator.configure(seed=7, **MANY_FAULTS)
    first = await fate_of_many(sender)
    simulator.configure(seed=7)
    again = await fate_of_many(sender)
    async with Simulator(SimulatorConfig(seed=7, **MANY_FAULTS)) as other, Sender(other.url) as to_other:
        elsewhere = await fate_of_many(to_other)
        other.reset()
        after_reset = await fate_of_many(to_other)
    simulator.configure(seed=8)
    different = await fate_of_many(sender)

    assert first == again == elsewhere == after_reset
    assert first != different
    assert set(first) == {200, 400, 429, 500, None}


async def test_what_is_no_http_is_refused_without_repeating_or_logging_it(simulator, caplog):
    caplog.set_level(logging.DEBUG)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(simulator.url.rsplit(":", 1)[1]))
    writer.write(b"POST /v1 HTTP/1.1\r\nHost: x\r\nX-Encharge-Token: sec\x01ret-key\r\n\r\n")

    answer = await reader.read()
    writer.close()

    assert b" 400 " in answer.splitlines()[0]
    assert b"ret-key" not in answer
    assert "ret-key" not in caplog.text
    assert simulator.stats()["refusals"] == {"malformed": 1}


async def test_a_compressed_body_is_no_json(sender, simulator):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    answer = await sender.http.post("/v1", content=gzip.compress(b'{"userId": "u1"}'), headers=headers)

    assert answer.json()["error"]["errorCode"] == "not_json"


@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
async def test_who_leaves_in_the_middle_of_a_body_leaves_no_trace(sender, simulator, caplog, framing):
    _, writer = await asyncio.open_connection("127.0.0.1", int(simulator.url.rsplit(":", 1)[1]))
    writer.write(b"POST /v1 HTTP/1.1\r\nHost: x\r\nX-Encharge-Token: key\r\n" + framing + b"\r\n\r\n1")
    await until(lambda: simulator._http.requests_count == 1)  # it waits for the body

    writer.close()

    await until(lambda: not simulator._http.connections)
    assert (simulator.stats()["accepted"], simulator.stats()["in_flight"]) == (0, 0)
    assert "Traceback" not in caplog.text


async def test_stopping_ends_everything_that_is_under_way():
    simulator = Simulator(SimulatorConfig(rate_hang=1, hang_s=600))
    await simulator.start()
    async with Sender(simulator.url) as sender, asyncio.timeout(5):
        tasks = [await under_way(simulator, sender.ingest(track(f"u{n}"))) for n in range(3)]
        await simulator.stop()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(outcome, NO_ANSWER) for outcome in outcomes)
    assert simulator.stats()["in_flight"] == 0


async def raw(simulator, body):
    """Send over a bare socket, which tells RST from FIN."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(simulator.url.rsplit(":", 1)[1]))
    writer.write(
        b"POST /v1 HTTP/1.1\r\nHost: x\r\nX-Encharge-Token: %s\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (KEY.encode(), len(body), body)
    )
    try:
        return await reader.read()
    finally:
        writer.transport.abort()


async def fate_of_many(sender):
    fates = []
    for number in range(40):
        try:
            fates.append((await sender.ingest(track("u1", messageId=str(number)))).status_code)
        except NO_ANSWER:
            fates.append(None)
    return fates
