"""Sending from the tester: only what was shown, only once, only by those who may."""

import asyncio

import httpx
import pytest
import structlog

from connector.delivery.outcome import NoReply, Reply
from connector.edges.console.parts import Process
from tests.edges.console.conftest import SignedIn
from tests.edges.console.delivering.test_console_tester import SAMPLES, rows
from tests.edges.console.delivering.tester_parts import (
    ALL,
    KEY,
    FakeRecords,
    parsed,
    serving,
)

TRACK = {**SAMPLES["track"].event, "event": "Tag Added", "properties": {"total": 100, "tag": "vip"}}


async def asked(somebody, event, **fields):
    import json

    text = event if isinstance(event, str) else json.dumps(event)
    return await somebody.post("/console/tester/explain", {"event": text, "do": "confirm", **fields})


def second_step(answer):
    """The form of the second step, as a browser sends it."""
    form = parsed(answer.text).one("form", action="/console/tester/send")
    return {each.attributes["name"]: each.attributes["value"] for each in form.all("input")}


async def test_the_second_click_sends_exactly_the_requests_that_the_first_one_showed(
    signed_in, sender, delivering
):
    first = await asked(signed_in, TRACK)
    assert sender.sent == []
    page = parsed(first.text)
    shown = page.one("table", cls="outgoing").one("tbody").all("tr")

    second = await signed_in.post("/console/tester/send", second_step(first))

    assert [each.one("th").text.split()[0] for each in shown] == ["Track", "Tag"]
    assert [each.one("pre", cls="body").text.encode() for each in shown] == [
        each.body for each in sender.sent
    ]
    assert [each.one("code").text for each in shown] == [each.url for each in sender.sent]
    for row, sent in zip(shown, sender.sent, strict=True):
        headers = dict(line.split(": ", 1) for line in row.one("pre", cls="headers").text.splitlines())
        assert headers | {"X-Encharge-Token": KEY} == sent.headers
        assert headers["X-Encharge-Token"] == "<api key>"
    assert tuple(sender.sent) == tuple(
        each.request for each in delivering.deliverable.destination.plan(TRACK)
    )
    assert [row[3:5] for row in rows(parsed(second.text), "sent")] == [["delivered", "200"]] * 2


async def test_an_edited_mapping_is_sent_as_shown_with_the_real_key(signed_in, sender):
    mapping = "name: Tag\naction: removeTag\ntrigger: type = \"track\"\nfields: {tag: edited, userId: {'@path': $.userId}}"

    first = await asked(signed_in, TRACK, target="Tag", mapping=mapping)
    await signed_in.post("/console/tester/send", second_step(first))

    assert [each.method for each in sender.sent] == ["POST", "DELETE"]
    assert b'"tag":"edited"' in sender.sent[1].body
    assert sender.sent[1].headers["X-Encharge-Token"] == KEY


async def test_a_deletion_is_warned_of_and_sent(signed_in, sender):
    first = await asked(signed_in, SAMPLES["delete"].text)
    await signed_in.post("/console/tester/send", second_step(first))

    assert "A person is deleted in Encharge" in first.text
    assert [(each.method, each.body) for each in sender.sent] == [("DELETE", None)]


async def test_without_a_session_nothing_is_sent_and_the_way_is_told(http, signed_in, sender):
    form = second_step(await asked(signed_in, TRACK))

    page = await http.get("/console/tester")
    first = await http.post("/console/tester/explain", data={"event": form["event"], "do": "confirm"})
    second = await http.post("/console/tester/send", data=form)

    assert (first.status_code, second.status_code) == (403, 403)
    assert "Sign in to send for real" in page.text
    assert "sign in with the console token to send" in first.text
    assert not parsed(first.text).all("form", action="/console/tester/send")
    assert sender.sent == []


async def test_without_the_proof_of_the_session_nothing_is_sent(signed_in, sender):
    form = second_step(await asked(signed_in, TRACK))

    answer = await signed_in.client.post("/console/tester/send", data=form | {"csrf": "other"})
    from_elsewhere = await signed_in.client.post(
        "/console/tester/send", data=form, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert (answer.status_code, from_elsewhere.status_code) == (403, 403)
    assert sender.sent == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("digest", ""),
        ("digest", "0" * 64),
        ("event", '{"type": "identify", "userId": "other"}'),
        ("target", "Tag"),
        ("ticket", ""),
        ("ticket", "x" * 65),
    ],
)
async def test_what_was_not_shown_is_not_sent(signed_in, sender, name, value):
    form = second_step(await asked(signed_in, TRACK))

    answer = await signed_in.post(
        "/console/tester/send",
        form
        | {
            name: value,
            "mapping": 'name: Tag\naction: removeTag\ntrigger: type = "track"\nfields: {tag: x, userId: y}',
        },
    )

    assert answer.status_code == 409
    assert "nothing was sent" in answer.text
    assert sender.sent == []


async def test_a_configuration_that_changed_between_the_clicks_sends_nothing(signed_in, sender, delivering):
    form = second_step(await asked(signed_in, TRACK))
    delivering.write(ALL.replace("event: {'@path': $.event}", "event: other"))

    answer = await signed_in.post("/console/tester/send", form)

    assert answer.status_code == 409
    assert "changed since the requests were shown" in answer.text
    assert sender.sent == []


async def test_a_second_click_that_is_repeated_sends_nothing_more_and_tells_what_came_of_the_first(
    signed_in, sender, delivering
):
    form = second_step(await asked(signed_in, TRACK))

    answers = await asyncio.gather(*(signed_in.post("/console/tester/send", form) for _ in range(3)))
    delivering.write(ALL.replace("event: {'@path': $.event}", "event: other"))
    later = await signed_in.post("/console/tester/send", form)

    assert [each.status_code for each in (*answers, later)] == [200] * 4
    assert [rows(parsed(each.text), "sent") for each in (*answers, later)] == [
        rows(parsed(later.text), "sent")
    ] * 4
    assert ["nothing was sent again" in each.text for each in (*answers, later)].count(False) == 1
    assert len(sender.sent) == 2


async def test_a_ticket_whose_outcome_is_forgotten_is_not_used_again(signed_in, sender):
    form = second_step(await asked(signed_in, TRACK))
    await signed_in.post("/console/tester/send", form)
    for _ in range(20):
        await signed_in.post("/console/tester/send", second_step(await asked(signed_in, TRACK)))

    answer = await signed_in.post("/console/tester/send", form)

    assert answer.status_code == 409
    assert "nothing was sent again" in answer.text
    assert len(sender.sent) == 42


async def test_answers_are_shown_without_personal_data_and_the_rest_is_sent_nevertheless(signed_in, sender):
    sender.answers = [
        Reply(400, body=b'{"error":{"message":"no person ada@example.com","errorCode":"E1","traceId":"t1"}}'),
        NoReply("timeout"),
    ]

    answer = await signed_in.post("/console/tester/send", second_step(await asked(signed_in, TRACK)))

    assert [(row[3], row[4], row[6]) for row in rows(parsed(answer.text), "sent")] == [
        ("rejected", "400", "no person [redacted] errorCode=E1 traceId=t1"),
        ("transient", "\u2013", "no answer: timeout"),
    ]


async def test_the_rules_of_the_file_say_what_an_answer_means(signed_in, sender, delivering):
    delivering.write(ALL + "responses:\n  - {status: 400, outcome: delivered}\n")
    sender.answers = [Reply(400), Reply(401)]

    answer = await signed_in.post("/console/tester/send", second_step(await asked(signed_in, TRACK)))

    assert [row[3] for row in rows(parsed(answer.text), "sent")] == ["delivered", "auth"]


async def test_one_line_is_logged_and_holds_no_personal_data(signed_in):
    form = second_step(await asked(signed_in, TRACK))

    with structlog.testing.capture_logs() as logs:
        await signed_in.post("/console/tester/send", form)

    assert logs == [
        {
            "event": "requests of the event tester were sent",
            "log_level": "info",
            "requests": 2,
            "outcomes": {"delivered": 2},
        }
    ]


async def test_an_event_that_becomes_nothing_has_nothing_to_send(signed_in):
    answer = await asked(signed_in, {"type": "track", "userId": "u", "event": "x"})

    assert answer.status_code == 400
    assert "nothing to send" in answer.text


async def test_a_mapping_with_an_error_is_told_and_not_sent(signed_in, sender):
    first = await asked(signed_in, {**TRACK, "event": "Tag Added", "userId": None})

    assert "Not sent: Tag invalid_action No user ID" in " ".join(parsed(first.text).text.split())
    await signed_in.post("/console/tester/send", second_step(first))
    assert len(sender.sent) == 1


async def test_a_disabled_destination_and_reasons_not_to_deliver_are_warned_of(signed_in, delivering):
    delivering.write(ALL.replace("enabled: true", "enabled: false", 1))
    delivering.facts["not_ready"] = ["paused:by ops"]

    first = await asked(signed_in, TRACK)

    assert "The destination is disabled (hold)" in first.text
    assert "Nothing is delivered just now (paused:by ops)" in first.text


async def test_a_process_that_only_ingests_says_why_it_cannot_send(settings, looks):
    process = Process(settings=settings, environment={}, instance="i", facts=dict)
    runner, url = await serving(process, looks, FakeRecords())
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            somebody = SignedIn(client)
            await somebody.sign_in()
            page = parsed((await somebody.get("/console/tester")).text)
            answer = await asked(somebody, TRACK)
    finally:
        await runner.cleanup()

    [button] = [each for each in page.all("button") if each.text == "Send for real…"]
    assert "disabled" in button.attributes
    assert answer.status_code == 409
    assert "it only ingests" in answer.text


async def test_the_second_step_can_be_left_without_sending(signed_in, sender):
    first = await asked(signed_in, TRACK)

    answer = await signed_in.post("/console/tester/explain", second_step(first))

    assert answer.status_code == 200
    assert not parsed(answer.text).all("form", action="/console/tester/send")
    assert sender.sent == []
