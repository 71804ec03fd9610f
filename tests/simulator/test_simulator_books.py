"""What the books say, and that an outside checker can judge by them."""

import asyncio
import time

import httpx
import pytest

from connector.simulator import Simulator, SimulatorClient, SimulatorConfig
from connector.simulator.books import Books
from connector.simulator.encharge import Call
from tests.simulator.sending import KEY, Sender, abandoned, group, identify, track, under_way, until


async def test_the_log_holds_everything_about_an_accepted_request_but_the_key(sender, simulator):
    before = time.time()
    body = track("u1", messageId="m1")

    await sender.http.post("/v1", json=body, headers={"X-Segment-Actions": "1"})

    [request] = simulator.requests()
    assert before <= request.pop("accepted_at") <= time.time()
    assert len(request.pop("digest")) == 16
    assert request == {
        "seq": 1,
        "person": "u1",
        "method": "POST",
        "path": "/v1",
        "query": "",
        "headers": {
            "Content-Type": "application/json",
            "User-Agent": "Segment (Actions)",
            "X-Segment-Actions": "1",
        },
        "status": 200,
        "outcome": "answered",
        "repeats": None,
        "body": body,
    }


async def test_a_request_without_a_body_is_logged_with_its_query(sender, simulator):
    await sender.http.delete("/v1/people?people[0][userId]=u1&force=true")

    [request] = simulator.requests()
    assert (request["method"], request["query"]) == ("DELETE", "people[0][userId]=u1&force=true")
    assert (request["person"], request["status"], request["body"]) == ("u1", 204, None)


@pytest.mark.parametrize(
    ("body", "person"),
    [
        (track("u1", segmentAnonymousId="x", email="a@example.com"), "u1"),
        ({"type": "page", "segmentAnonymousId": "x", "email": "a@example.com"}, "x"),
        ({"type": "page", "user": {"email": "a@example.com"}}, "a@example.com"),
        (track("u1", user={"userId": "from the traits"}), "u1"),
        (group("acme"), ""),
    ],
)
async def test_the_person_of_a_request_is_its_strongest_id(sender, simulator, body, person):
    await sender.ingest(body)

    assert [request["person"] for request in simulator.requests()] == [person]


async def test_the_order_of_one_person_can_be_read_across_all_endpoints(sender, simulator):
    await sender.ingest(identify("u1"))
    await sender.ingest(track("u2"))
    await sender.add_tag(tag="vip", userId="u1")
    await sender.ingest(track("u1"))
    await sender.remove_tag(tag="vip", userId="u1")

    log = simulator.requests(person="u1")

    assert [request["seq"] for request in log] == [1, 3, 4, 5]
    assert [request["path"] for request in log] == ["/v1", "/v1/tags", "/v1", "/v1/tags"]


async def test_the_log_can_be_read_bit_by_bit(sender, simulator):
    for number in range(5):
        await sender.ingest(track(f"u{number % 2}", messageId=str(number)))

    async def seqs(query):
        lines = (await sender.http.get(f"/_sim/requests?{query}")).content.splitlines()
        return [httpx.Response(200, content=line).json()["seq"] for line in lines]

    assert await seqs("after=0&limit=2") == [1, 2]
    assert await seqs("after=2&limit=2") == [3, 4]
    assert await seqs("after=4") == [5]
    assert await seqs("after=5") == []
    assert await seqs("after=99") == []
    assert await seqs("after=1&limit=1&person=u0") == [3]
    assert await seqs("limit=0") == []


async def test_a_line_of_the_log_is_one_line_however_the_body_was_written(sender, simulator):
    body = b'{\r\n  "userId": "u1",\n  "text": "a\\nb"\n}'

    await sender.http.post("/v1", content=body, headers={"Content-Type": "application/json"})

    assert len((await sender.http.get("/_sim/requests")).content.splitlines()) == 1
    assert simulator.requests()[0]["body"] == {"userId": "u1", "text": "a\nb"}


async def test_a_request_sent_again_is_noticed(sender, simulator):
    for _ in range(3):
        await sender.ingest(track("u1", messageId="m1"))

    assert [request["repeats"] for request in simulator.requests()] == [None, 1, 1]
    assert simulator.stats()["repeats"] == 2
    assert simulator.stats()["repeats_unanswered"] == 0


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(
            ("POST", "/v1", track("u1", "Other", messageId="m1")), id="another mapping of the event"
        ),
        pytest.param(("POST", "/v1/tags", {**track("u1", messageId="m1"), "tag": "vip"}), id="another path"),
        pytest.param(("POST", "/v1", track("u2", messageId="m1")), id="another person"),
    ],
)
async def test_an_equal_message_id_alone_is_no_repetition(sender, simulator, other):
    method, path, body = other
    await sender.ingest(track("u1", messageId="m1"))
    await sender.http.request(method, path, json=body)

    assert simulator.stats()["repeats"] == 0


async def test_adding_and_removing_a_tag_are_different_requests(sender, simulator):
    await sender.add_tag(tag="vip", userId="u1")
    await sender.remove_tag(tag="vip", userId="u1")

    assert simulator.stats()["repeats"] == 0


async def test_reading_is_no_repetition(sender, simulator):
    for _ in range(2):
        await sender.http.get("/v1/accounts/info")

    assert (simulator.stats()["accepted"], simulator.stats()["repeats"]) == (2, 0)


async def test_sending_again_after_a_lost_reply_is_told_apart_from_sending_again_for_nothing(
    sender, simulator
):
    simulator.configure(rate_lost_reply=1)
    with pytest.raises(httpx.ReadError):
        await sender.ingest(track("u1"))
    simulator.configure(rate_lost_reply=0)
    await sender.ingest(track("u1"))
    await sender.ingest(track("u1"))

    stats = simulator.stats()
    assert (stats["repeats"], stats["repeats_unanswered"]) == (2, 1)
    assert stats["outcomes"] == {"reply_lost": 1, "answered": 2}


async def test_a_refused_attempt_does_not_make_the_next_one_a_repetition(sender, simulator):
    simulator.configure(fail_matching=[{"status": 500, "times": 1}])
    await sender.ingest(track("u1"))
    await sender.ingest(track("u1"))

    assert (simulator.stats()["accepted"], simulator.stats()["repeats"]) == (1, 0)


async def test_two_requests_for_one_person_at_once_overlap(sender, simulator):
    simulator.configure(latency="fixed:60000")
    tasks = [
        await under_way(simulator, sender.ingest(track("u1"))),
        await under_way(simulator, sender.ingest(track("u2"))),
        await under_way(simulator, sender.add_tag(tag="vip", userId="u1")),
    ]

    stats = simulator.stats()
    for task in tasks:
        await abandoned(task)

    assert (stats["overlaps"], stats["in_flight"], stats["peak_in_flight"], stats["connections"]) == (
        1,
        3,
        3,
        3,
    )
    await until(lambda: simulator.stats()["in_flight"] == 0)


async def test_nobody_and_reading_never_overlap(sender, simulator):
    simulator.configure(stall_s=600)
    tasks = [
        await under_way(simulator, coroutine)
        for coroutine in (
            sender.ingest(group("acme")),
            sender.ingest(group("acme")),
            sender.ingest(track("u1")),
            sender.http.get("/v1/people?people[0][userId]=u1"),
        )
    ]
    simulator.configure(stall_s=0)
    await asyncio.gather(*tasks)

    assert simulator.stats()["overlaps"] == 0


async def test_a_retry_after_an_attempt_that_was_given_up_is_no_overlap(sender, simulator):
    simulator.configure(rate_hang=1, hang_s=600)
    await abandoned(await under_way(simulator, sender.ingest(track("u1"))))
    await until(lambda: simulator.stats()["in_flight"] == 0)
    simulator.configure(rate_hang=0)

    await sender.ingest(track("u1"))

    assert simulator.stats()["overlaps"] == 0


async def test_connections_are_counted_once_each(sender, simulator):
    for _ in range(3):
        await sender.ingest(track("u1"))
        await sender.http.get("/_sim/stats")
    async with Sender(simulator.url) as another:
        await another.ingest(track("u1"))

    assert simulator.stats()["connections"] == 2


async def test_statistics_add_up(sender, simulator):
    simulator.configure(fail_people={"u2": 500})
    first = await sender.ingest(track("u1"))
    await sender.ingest(track("u2"))
    await sender.ingest({})
    await sender.add_tag(tag="vip", userId="u1")

    stats = simulator.stats()
    assert stats["requests"] == 4
    assert stats["answers"] == {"200": 1, "201": 1, "400": 1, "500": 1}
    assert stats["accepted_by_request"] == {"POST /v1": 1, "POST /v1/tags": 1}
    assert (stats["refusals"], stats["faults"]) == ({"person_missing": 1}, {"fail_people": 1})
    assert (stats["people"], stats["objects"], stats["logged"], stats["first_logged_seq"]) == (1, 0, 2, 1)
    assert stats["body_bytes"] == len(first.request.content) + len('{"tag":"vip","userId":"u1"}')
    assert stats["started_at"] <= stats["first_accepted_at"] <= stats["last_accepted_at"] <= stats["now"]


async def test_the_log_keeps_the_newest_requests_only_where_it_is_bounded(sender, simulator):
    simulator.configure(max_log=3)
    for number in range(5):
        await sender.ingest(track("u1", messageId=str(number)))

    assert [request["seq"] for request in simulator.requests()] == [3, 4, 5]
    assert [request["seq"] for request in simulator.requests(after=1)] == [3, 4, 5]
    assert simulator.stats()["first_logged_seq"] == 3
    assert simulator.stats()["accepted"] == 5

    simulator.configure(max_log=1)
    assert [request["seq"] for request in simulator.requests()] == [5]


async def test_without_a_log_everything_is_still_counted(simulator, sender):
    simulator.configure(keep_log=False)
    for _ in range(2):
        await sender.ingest(track("u1"))

    assert simulator.requests() == []
    assert (simulator.stats()["accepted"], simulator.stats()["repeats"]) == (2, 1)
    assert simulator.person("u1")["events"] == {"Order Completed": 2}


def test_memory_for_repetitions_is_bounded_too():
    books = Books(keep_log=False, max_log=10, now=0.0)
    for number in range(100):
        call = Call("POST", "/v1", "", KEY, "application/json", b"%d" % number)
        books.accept(call, "u1", {}, 200, "answered", now=1.0)

    assert len(books._seen) == 10


async def test_reset_empties_books_and_account_and_restores_the_configuration():
    config = SimulatorConfig(tokens=[KEY], fail_matching=[{"status": 500, "times": 1}])
    async with Simulator(config) as simulator, Sender(simulator.url) as sender:
        answers = [await sender.ingest(track("u1")) for _ in range(2)]
        simulator.configure(tokens=["another"], rate_500=1)

        simulator.reset()

        assert simulator.config == config
        assert (simulator.requests(), simulator.people()) == ([], [])
        assert (simulator.stats()["requests"], simulator.stats()["answers"]) == (0, {})
        answers += [await sender.ingest(track("u1")) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [500, 200, 500, 200]
        assert [request["seq"] for request in simulator.requests()] == [1]
        assert simulator.stats()["repeats"] == 0


async def test_reset_can_keep_the_configuration(sender, simulator):
    simulator.configure(rate_500=1, outage_s=600)
    await sender.ingest(track("u1"))

    simulator.reset(keep_config=True)

    assert simulator.config.rate_500 == 1
    assert simulator.stats()["windows_s"]["outage_s"] > 0
    assert simulator.stats()["requests"] == 0


async def test_what_is_under_way_survives_a_reset(sender, simulator):
    simulator.configure(stall_s=600)
    task = await under_way(simulator, sender.ingest(track("u1")))

    simulator.reset()

    assert (await task).status_code == 200  # the stall went with the reset
    assert (simulator.stats()["accepted"], simulator.stats()["peak_in_flight"]) == (1, 1)
    assert simulator.stats()["in_flight"] == 0


async def test_half_an_emoji_in_an_id_is_in_the_log_as_it_came(sender, simulator):
    body = b'{"type":"track","event":"x","userId":"u\\ud83d","user":{"userId":"u\\ud83d"}}'

    await sender.http.post("/v1", content=body, headers={"Content-Type": "application/json"})

    with SimulatorClient(simulator.url) as client:
        [request] = await asyncio.to_thread(client.requests)
    assert request["person"] == request["body"]["userId"] == "u\ud83d"
