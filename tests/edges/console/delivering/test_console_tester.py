"""The event tester: what becomes of an event, over HTTP."""

import json

import httpx
import jsonschema
import pytest
from prometheus_client import CollectorRegistry
from referencing import Registry, Resource

from connector.core.actions import ACTIONS
from connector.core.presets import preset_mappings
from connector.delivery.letter import Place, read_letter
from connector.edges.console.app import make_console
from connector.edges.console.tester_events import EventError, samples
from connector.edges.console.tester_explain import explained
from connector.edges.web import Health, start_web
from schemas import load_schema
from tests.cli.command import run
from tests.edges.console.conftest import SignedIn
from tests.edges.console.delivering.tester_parts import (
    KEY,
    parsed,
    record,
    serving,
    shape,
)

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='x",
    "{{7*7}}{% raw %}",
    "\u202egnp\u2066.exe",
    "</textarea><script>x</script>",
]
SAMPLES = {each.name: each for each in samples()}


async def tried(client, event, **fields):
    text = event if isinstance(event, str) else json.dumps(event)
    return await client.post("/console/tester/explain", data={"event": text, "do": "try", **fields})


def as_printed(page):
    """The JSON of a page, line by line."""
    return page.one("pre", cls="json").text


def shown_mappings(page):
    """What the page shows of each mapping, in the words of the JSON."""
    return [_mapping(each) for each in page.all("details", cls="mapping")]


def _mapping(details):
    summary = details.one("summary")
    tables = {cls: rows(details, cls) for cls in ("conditions", "fields")}
    request = details.all("p", cls="request")
    problems = details.all("p", cls="problem")
    return {
        "mapping": summary.one("strong").text,
        "action": summary.one("span", cls="muted").text,
        "state": summary.all("span", cls="badge")[0].text,
        "deciding": summary.one("span", cls="deciding").text,
        "conditions": tables["conditions"],
        "fields": tables["fields"],
        "request": request[0].text if request else None,
        "headers": details.one("pre", cls="headers").text if request else None,
        "body": details.one("pre", cls="body").text if request and details.all("pre", cls="body") else None,
        "error": problems[0].text if problems else None,
    }


def rows(page, cls):
    return [
        [cell.text.strip() for cell in row.children if not isinstance(cell, str)]
        for table in page.all("table", cls=cls)
        for row in table.one("tbody").all("tr")
    ]


def expected(entry):
    """What the page must show of one entry of the JSON."""
    request, error = entry["request"], entry["error"]
    return {
        "mapping": entry["mapping"] or "Deletion",
        "action": entry["action"],
        "state": "matches" if entry["matched"] else "no match",
        "deciding": entry["deciding"],
        "conditions": [
            [each["text"], value(each, "actual"), "yes" if each["holds"] else "no"]
            for each in entry["conditions"]
        ],
        "fields": [
            [
                each["field"],
                each["directive"],
                ", ".join(each["sources"]),
                value(each, "value"),
                value(each, "result"),
                f"{each['outcome']} {each['note']}".strip(),
            ]
            for each in entry["fields"]
        ],
        "request": None if request is None else f"{request['method']} {request['url']}",
        "headers": None
        if request is None
        else "".join(f"{name}: {text}\n" for name, text in request["headers"].items()),
        "body": None if request is None else request["body"],
        "error": None if error is None else f"{error['code']} {error['message']}",
    }


def value(each, name):
    return json.dumps(each[name], separators=(",", ":"), ensure_ascii=False) if name in each else "\u2013"


@pytest.mark.parametrize("sample", samples(), ids=lambda each: each.name)
async def test_the_page_and_its_json_say_what_the_command_prints(http, settings, sample):
    done = run(
        "explain",
        "--json",
        "--destination",
        settings.destination_file,
        stdin=json.dumps(sample.event).encode(),
    )

    page = parsed((await tried(http, sample.text)).text)

    assert done.code == 0
    assert as_printed(page) + "\n" == done.out
    entries = done.json["mappings"]
    shown = [each for each in shown_mappings(page) if not each["state"].startswith("disabled")]
    for each in shown:
        each["body"] = None if each["body"] is None else json.loads(each["body"])
    assert shown == list(map(expected, entries))


async def test_the_samples_show_every_action_and_the_deletion_with_a_request(http):
    seen = set()

    for sample in samples():
        page = parsed((await tried(http, sample.text)).text)
        seen |= {each["action"] for each in shown_mappings(page) if each["request"]}

    assert seen == {*ACTIONS, "deletePerson"}


async def test_each_preset_takes_a_sample(http, settings, delivering):
    delivering.write("id: production\n")

    for preset in preset_mappings():
        page = parsed((await http.get("/console/tester", params={"mapping": preset["name"]})).text)
        event = page.one("textarea", name="event").text
        result = parsed((await tried(http, event)).text)
        assert preset["name"] in [each["mapping"] for each in shown_mappings(result) if each["request"]]


def test_the_samples_are_valid_and_of_every_type():
    schema = load_schema("segment/event.json")
    registry = Registry().with_resource(schema["$id"], Resource.from_contents(schema))
    validator = jsonschema.Draft202012Validator(schema, registry=registry)

    for sample in samples():
        validator.validate(sample.event)

    assert {each.event["type"] for each in samples()} == set(schema["properties"]["type"]["enum"])
    assert len({each.name for each in samples()}) == len(samples())


async def test_the_events_of_an_envelope_are_shown_one_after_the_other(http, settings):
    envelope = {"context": {"ip": "203.0.113.9"}, "batch": [SAMPLES["page"].event, SAMPLES["alias"].event]}
    done = run(
        "explain", "--json", "--destination", settings.destination_file, stdin=json.dumps(envelope).encode()
    )

    page = parsed((await tried(http, envelope)).text)

    assert as_printed(page) + "\n" == done.out
    assert [each.text for each in page.all("h2") if "becomes" in each.text] == [
        "Event 1: page becomes 1 request",
        "Event 2: alias becomes 1 request",
    ]


async def test_a_disabled_mapping_says_whether_it_would_match(http):
    track = parsed((await tried(http, SAMPLES["track"].text)).text)
    page = parsed((await tried(http, SAMPLES["page"].text)).text)

    states = [
        next(each["state"] for each in shown_mappings(shown) if each["mapping"] == "Off")
        for shown in (track, page)
    ]
    assert states == ["disabled, would match", "disabled, would not match"]
    assert '"Off"' not in as_printed(track)  # explain tells of the enabled ones


async def test_without_a_file_the_presets_are_tried(tmp_path, looks, records, settings):
    from connector.edges.console.parts import Process

    process = Process(settings=settings, environment={}, instance="i", facts=dict)
    runner, url = await serving(process, looks, records)
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            page = parsed((await tried(client, SAMPLES["group"].text)).text)
    finally:
        await runner.cleanup()

    done = run(
        "explain",
        "--json",
        stdin=SAMPLES["group"].text.replace("\n", "").encode(),
        CONNECTOR_DESTINATION_FILE=str(settings.destination_file),
    )
    assert as_printed(page) + "\n" == done.out
    assert "There is no destination file" in page.text
    assert "it only ingests" in page.text


async def test_an_ingest_only_process_reads_the_file_and_tells_what_is_wrong_with_it(
    looks, records, settings
):
    from connector.edges.console.parts import Process

    settings.destination_file.write_text("id: x\nmappings:\n  - {name: A, action: nope}\n")
    process = Process(settings=settings, environment={}, instance="i", facts=dict)
    runner, url = await serving(process, looks, records)
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            answer = await tried(client, SAMPLES["group"].text)
    finally:
        await runner.cleanup()

    assert answer.status_code == 400
    assert "destination.yaml:3:23: mappings[0].action: must be one of" in parsed(answer.text).text


async def test_the_key_is_never_on_a_page(signed_in):
    for do in ("try", "confirm"):
        answer = await signed_in.post("/console/tester/explain", {"event": SAMPLES["track"].text, "do": do})
        assert "&lt;api key&gt;" in answer.text
        assert KEY not in answer.text


# Bad input


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param('{"type": "track",\n "a": }', "Event, line 2, column 7: no JSON", id="no JSON"),
        pytest.param('{"a": 1} x', "Event, line 1, column 10: no JSON: Extra data", id="more than JSON"),
        pytest.param('{"a": NaN}', "Event, line 1, column 7: no JSON", id="NaN"),
        pytest.param("[1]", "the value is JSON but no object", id="a list"),
        pytest.param('{"batch": [1]}', "batch[0] is no object", id="no object in a batch"),
        pytest.param(
            json.dumps({"batch": [{"type": "page"}] * 21}), "21 events are too many", id="a long batch"
        ),
        pytest.param("   ", "write an event", id="nothing"),
        pytest.param("[" * 5000, "Event", id="a deep one"),
    ],
)
async def test_what_is_no_event_is_told_with_its_place_and_stays_in_the_form(http, text, told):
    answer = await tried(http, text)

    page = parsed(answer.text)
    assert answer.status_code == 400
    assert told in page.one("div", role="alert").text
    assert page.one("textarea", name="event").text == text


async def test_events_are_bounded_more_so_for_those_who_did_not_sign_in(http, signed_in):
    text = json.dumps({"type": "track", "event": "x" * 300_000})

    anonymous = await tried(http, text)
    known = await signed_in.post("/console/tester/explain", {"event": text})
    huge = await signed_in.post("/console/tester/explain", {"event": json.dumps({"event": "x" * 1_100_000})})

    assert (anonymous.status_code, known.status_code, huge.status_code) == (400, 200, 400)
    assert "at most 65,536 are taken" in anonymous.text
    assert "at most 1,048,576 are taken" in huge.text
    assert len(parsed(anonymous.text).one("textarea", name="event").text) > 300_000


async def test_a_form_that_is_larger_than_any_of_ours_is_refused_before_it_is_read(http):
    answer = await http.post("/console/tester/explain", data={"event": "x" * 2_000_000})

    assert answer.status_code == 413


async def test_a_long_body_is_cut_on_the_page_and_the_json_left_to_the_command(signed_in):
    event = {"type": "track", "userId": "u", "event": "e", "properties": {"total": 100, "x": "y" * 900_000}}

    page = parsed((await signed_in.post("/console/tester/explain", {"event": json.dumps(event)})).text)

    assert "the command prints it" in page.text
    assert len(page.text) < 6_000_000


async def test_half_an_emoji_does_not_break_the_page(http, settings):
    text = '{"type": "track", "event": "\\ud83d", "userId": "\\ud83d", "properties": {"total": 100}}'
    done = run("explain", "--json", "--destination", settings.destination_file, stdin=text.encode())

    answer = await tried(http, text)

    assert answer.status_code == 200
    assert as_printed(parsed(answer.text)) + "\n" == done.out


# Without JavaScript and with it


async def test_a_plain_form_answers_a_whole_page_and_htmx_only_what_changes(http):
    whole = await tried(http, SAMPLES["track"].text)
    part = await http.post(
        "/console/tester/explain",
        data={"event": SAMPLES["track"].text, "do": "try"},
        headers={"HX-Request": "true"},
    )

    assert "<html" in whole.text
    assert "<html" not in part.text
    assert "<textarea" not in part.text
    assert part.headers["HX-Retarget"] == "#result"
    assert shown_mappings(parsed(part.text)) == shown_mappings(parsed(whole.text))


async def test_a_sample_is_loaded_by_a_button_and_by_the_address(http):
    button = await http.post(
        "/console/tester/explain", data={"event": "x", "sample": "alias", "do": "sample"}
    )
    part = await http.post(
        "/console/tester/explain",
        data={"event": "x", "sample": "alias", "do": "sample"},
        headers={"HX-Request": "true"},
    )
    address = await http.get("/console/tester?sample=alias")

    for answer in (button, part, address):
        assert parsed(answer.text).one("textarea", name="event").text == SAMPLES["alias"].text
    assert part.headers["HX-Retarget"] == "#tester"
    assert "<html" not in part.text


async def test_every_form_control_has_a_label_and_the_page_one_h1(http, signed_in):
    for client in (http, signed_in):
        page = parsed((await client.get("/console/tester?mapping=Tag")).text)
        labelled = {each.attributes["for"] for each in page.all("label")}
        controls = [each for tag in ("select", "textarea", "input") for each in page.all(tag)]
        assert {
            each.attributes["id"] for each in controls if each.attributes.get("type") != "hidden"
        } <= labelled
        assert len(page.all("h1")) == 1
        ids = [each.attributes["id"] for each in page.everything() if "id" in each.attributes]
        assert len(ids) == len(set(ids))


# Hostile texts


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_nothing_in_an_event_becomes_markup(http, hostile):
    def event(text):
        return {
            "type": text,
            "event": text,
            "userId": text,
            "properties": {"total": 100, text: text},
            "context": {"page": {"url": text}, "traits": {"email": text}},
        }

    harmless, page = [parsed((await tried(http, event(text))).text) for text in ("harmless", hostile)]

    assert shape(page) == shape(harmless)
    assert (
        hostile in page.one("textarea", name="event").text.encode().decode("unicode_escape")
        or hostile in json.loads(page.one("textarea", name="event").text).values()
    )


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_nothing_in_a_destination_file_becomes_markup(delivering, http, hostile):
    def text(name):
        quoted = json.dumps(name)
        trigger = json.dumps('type = "track" or event = ' + json.dumps(name, ensure_ascii=False))
        return (
            f"id: x\nname: {quoted}\nmappings:\n  - name: {quoted}\n    action: trackEvent\n"
            f"    trigger: {trigger}\n"
            f"    fields: {{event: {quoted}, type: track, {quoted}: {{'@template': {quoted}}}}}\n"
        )

    async def pages(name):
        delivering.write(text(name))
        tester = await http.get("/console/tester", params={"mapping": name})
        result = await tried(http, {"type": "track", "userId": "u", "event": name})
        return [parsed(each.text) for each in (tester, result)]

    for page, harmless in zip(await pages(hostile), await pages("harmless"), strict=True):
        assert shape(page) == shape(harmless)


# Recent events and dead letters


EVENT = {"type": "track", "event": "Secret Plan", "userId": "person-1", "properties": {"total": 100}}


async def test_recent_events_are_masked_for_those_who_may_not_see_them(http, signed_in, records):
    records.records = [record(0, 7, json.dumps(EVENT).encode()), record(1, 3, b"no JSON")]

    masked = parsed((await http.get("/console/tester/recent")).text)
    unrevealed = parsed((await signed_in.get("/console/tester/recent")).text)
    await signed_in.post("/console/reveal", {"reveals": "yes"})
    revealed = parsed((await signed_in.get("/console/tester/recent")).text)

    for page in (masked, unrevealed):
        assert "track" in page.text
        assert "0:7" in page.text
        assert "person-1" not in page.text
        assert "Secret Plan" not in page.text
        assert not [each for each in page.all("a") if "recent=" in each.attributes["href"]]
    assert "person-1" in revealed.text
    assert "Secret Plan" in revealed.text
    assert [
        each.attributes["href"] for each in revealed.all("a") if "recent=" in each.attributes["href"]
    ] == [
        "/console/tester?recent=0:7",
        "/console/tester?recent=1:3",
    ]


async def test_a_type_that_is_none_of_segments_is_masked(http, records):
    records.records = [record(0, 7, b'{"type": "ada@example.com", "userId": "u"}')]

    assert "ada@" not in (await http.get("/console/tester/recent")).text


async def test_many_looks_at_recent_events_read_kafka_once(http, records):
    for _ in range(3):
        await http.get("/console/tester/recent")

    assert records.looks == 1


@pytest.mark.parametrize("where", ["recent=0:7", "letter=0:7"])
async def test_an_event_of_kafka_is_loaded_only_where_personal_data_is_revealed(
    http, signed_in, records, where
):
    records.records = [record(0, 7, json.dumps(EVENT).encode())]
    records.letters = {Place(0, 7): letter(json.dumps(EVENT).encode())}

    anonymous = await http.get(f"/console/tester?{where}")
    masked = await signed_in.get(f"/console/tester?{where}")
    await signed_in.post("/console/reveal", {"reveals": "yes"})
    revealed = await signed_in.get(f"/console/tester?{where}")

    assert (anonymous.status_code, masked.status_code, revealed.status_code) == (403, 403, 200)
    assert (
        "sign in, then choose “Reveal personal data”" in parsed(anonymous.text).one("div", role="alert").text
    )
    assert "person-1" not in anonymous.text + masked.text
    assert json.loads(parsed(revealed.text).one("textarea", name="event").text) == EVENT


async def test_a_letter_about_one_event_of_an_envelope_loads_that_event(signed_in, records):
    other = {**EVENT, "event": "Other"}
    records.letters = {
        Place(0, 1): letter(json.dumps({"batch": [other, EVENT]}).encode(), event=b"1"),
        Place(0, 2): letter(b"\xff no JSON"),
    }
    await signed_in.post("/console/reveal", {"reveals": "yes"})

    one, unreadable = [await signed_in.get(f"/console/tester?letter=0:{offset}") for offset in (1, 2)]

    assert json.loads(parsed(one.text).one("textarea", name="event").text) == EVENT
    assert parsed(unreadable.text).one("textarea", name="event").text == "\ufffd no JSON"


@pytest.mark.parametrize(
    ("place", "status"),
    [("0:99", 404), ("x", 400), ("1:", 400), ("-1:2", 400), ("٣:1", 400), ("1:" + "9" * 90, 400)],
)
async def test_a_place_where_nothing_is_is_told(signed_in, place, status):
    await signed_in.post("/console/reveal", {"reveals": "yes"})

    answer = await signed_in.get("/console/tester", params={"recent": place})

    assert answer.status_code == status
    assert parsed(answer.text).one("div", role="alert")


def letter(value, event=None):
    headers = [("encharge.code", b"rejected"), *([] if event is None else [("encharge.event", event)])]
    found = record(0, 7, value)
    found.headers = headers
    return read_letter(found)


async def test_several_who_try_at_once_get_their_own_answers(console_url):
    import asyncio

    async with httpx.AsyncClient(base_url=console_url, trust_env=False) as client:
        answers = await asyncio.gather(*(tried(client, each.text) for each in samples()[:6]))

    assert [each.status_code for each in answers] == [200] * 6
    assert all(
        sample.event["messageId"] in answer.text
        for sample, answer in zip(samples()[:6], answers, strict=True)
    )


async def test_an_event_of_a_megabyte_passes_the_port_of_the_worker(delivering, looks, records):
    health = Health(list, dict, list)
    console = make_console(delivering.process, looks, records=records)
    runner = await start_web(health, CollectorRegistry(), host="127.0.0.1", port=0, console=console)
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            somebody = SignedIn(client)
            await somebody.sign_in()
            event = json.dumps({"type": "track", "event": "é" * 400_000}, ensure_ascii=False)
            answer = await somebody.post("/console/tester/explain", {"event": event})
    finally:
        await runner.cleanup()

    assert answer.status_code == 200


def test_events_that_take_too_long_are_given_up_between_two_of_them(settings):
    config = {"id": "x", "mappings": preset_mappings()}

    with pytest.raises(EventError, match="only 0 of 2 events were done"):
        explained(config, [SAMPLES["track"].event] * 2, settings, longest_s=-1.0)
