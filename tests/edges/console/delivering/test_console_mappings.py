"""The mappings: one row each, with the counts of the whole group and what is wrong."""

import json
import time

import httpx
import pytest

from connector.edges.console.parts import Process
from connector.edges.console.snapshot import Snapshot
from tests.cli.command import run
from tests.edges.console.delivering.tester_parts import (
    ALL,
    FakeRecords,
    parsed,
    serving,
    shape,
)

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' x='",
    "{{7*7}}",
    "\u202egnp\u2066",
]


def worker(now, totals, last_errors=None):
    return {"at": now, "started_at": now - 30, "totals": totals, "last_errors": last_errors or {}}


def told(looks, **workers):
    looks.now = Snapshot(time.time(), {f"worker/{name}": value for name, value in workers.items()}, None)


def rows_of(text):
    table = parsed(text).one("table")
    return [
        [cell.text for cell in row.children if not isinstance(cell, str)]
        for row in table.one("tbody").all("tr")
    ]


async def test_every_mapping_has_a_row_also_the_disabled_ones(http):
    rows = rows_of((await http.get("/console/mappings")).text)

    assert [row[0] for row in rows] == [
        "Track Event",
        "Identify User",
        "Page",
        "Alias",
        "Company",
        "Tag",
        "Untag",
        "Off",
    ]
    assert [row[3] for row in rows] == ["enabled"] * 7 + ["disabled"]
    assert rows[5][1:3] == ['type = "track" and event = "Tag Added"', "Tag User"]


async def test_the_counts_are_those_of_all_workers_and_the_error_is_the_newest(http, looks):
    now = time.time()
    told(
        looks,
        a=worker(
            now,
            {"planned/addTag/Tag": 10, "delivered/addTag/Tag": 6, "dead/rejected/Tag": 1},
            {"Tag": ["transient", None, now - 50]},
        ),
        b=worker(
            now,
            {"planned/addTag/Tag": 3, "delivered/addTag/Tag": 1, "delivered/deletePerson/": 2},
            {"Tag": ["rejected", 400, 1_700_000_000]},
        ),
    )

    rows = rows_of((await http.get("/console/mappings")).text)

    tag = next(row for row in rows if row[0] == "Tag")
    assert tag[4:8] == ["13", "7", "1", "87.5 %"]
    assert tag[8].startswith("transient, ")
    assert next(row for row in rows if row[0] == "Page")[4:9] == ["0", "0", "0", "\u2013", "\u2013"]
    assert rows[-1][0] == "Deletions"
    assert rows[-1][4:7] == ["0", "2", "0"]


async def test_an_error_with_an_answer_tells_its_status_and_time(http, looks):
    told(looks, a=worker(time.time(), {"planned/addTag/Tag": 1}, {"Tag": ["rejected", 400, 1_700_000_000]}))

    rows = rows_of((await http.get("/console/mappings")).text)

    assert next(row for row in rows if row[0] == "Tag")[8] == "rejected (HTTP 400), 2023-11-14 22:13:20"


async def test_the_number_of_mappings_and_the_limit_are_told(http, delivering):
    few = (await http.get("/console/mappings")).text
    one = '  - {name: M%d, action: addTag, trigger: type = "x", fields: {tag: a}}\n'
    delivering.write("id: x\nmappings:\n" + "".join(one % n for n in range(45)))
    many = (await http.get("/console/mappings")).text

    assert "8 of 50 mappings" in few
    assert "The limit of 50 mappings is near" not in few
    assert "45 of 50 mappings" in many
    assert "The limit of 50 mappings is near" in many


@pytest.mark.parametrize(
    ("line", "told"), [("", "held until it is enabled"), ("when_disabled: discard\n", "events are discarded")]
)
async def test_a_disabled_destination_says_what_becomes_of_events(http, delivering, line, told):
    delivering.write(ALL.replace("enabled: true\n", f"enabled: false\n{line}", 1))

    text = (await http.get("/console/mappings")).text

    assert "The destination is disabled" in text
    assert told in text


async def test_a_broken_file_is_told_with_the_version_that_stays_in_force(http, delivering):
    delivering.facts["config_problems"] = ["destination.yaml:3:1: mappings: must be a list"]

    text = parsed((await http.get("/console/mappings")).text).text

    assert "Configuration broken. destination.yaml:3:1: mappings: must be a list" in text
    assert f"version {delivering.deliverable.version} stays in force" in text
    assert "Track Event" in text


@pytest.mark.parametrize(
    ("content", "told", "names"),
    [
        pytest.param(None, "There is no destination file", ["Track Event", "Identify User"], id="no file"),
        pytest.param(
            "id: x\n",
            "the presets as the file lists none",
            ["Track Event", "Identify User"],
            id="no mappings",
        ),
        pytest.param(
            "id: x\nmappings: []\n",
            "0 of 50 mappings",
            ["There are no mappings, so nothing is sent."],
            id="empty",
        ),
        pytest.param(
            "id: [", "Configuration broken.", ["There are no mappings, so nothing is sent."], id="no YAML"
        ),
        pytest.param(
            "id: x\nmappings: 5\n",
            "Configuration broken.",
            ["There are no mappings, so nothing is sent."],
            id="a number for mappings",
        ),
        pytest.param(
            "id: x\nmappings:\n  - {name: A, action: no}\n",
            "Configuration broken.",
            ["A"],
            id="an action that is none",
        ),
    ],
)
async def test_a_process_that_only_ingests_tells_of_the_file_as_it_is_now(
    settings, looks, content, told, names
):
    if content is not None:
        settings.destination_file.write_text(content)
    process = Process(settings=settings, environment={}, instance="i", facts=dict)
    runner, url = await serving(process, looks, FakeRecords())
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            text = (await client.get("/console/mappings")).text
    finally:
        await runner.cleanup()

    assert told in parsed(text).text
    assert [row[0] for row in rows_of(text)][: len(names)] == names


async def test_the_details_tell_every_field_in_words_with_what_the_action_says_of_it(http):
    page = parsed((await http.get("/console/mappings/details", params={"name": "Track Event"})).text)

    rows = {
        row.one("th").one("code").text: [cell.text for cell in row.all("td")]
        for row in page.one("tbody").all("tr")
    }
    assert rows["event"][0] == "from event"
    assert rows["event"][2:4] == ["string, required", "Name of the event."]
    assert rows["page.url"][0] == "from context.page.url"
    assert "never sent" in rows["page.nothing"][0]
    assert "never sent" in rows["colour"][0]
    assert rows["segmentAnonymousId"][0] == "not mapped"
    assert rows["segmentAnonymousId"][4] == "from anonymousId"
    assert page.one("h1").text == "Track Event"


async def test_the_details_show_what_lint_finds_in_this_mapping(http, settings):
    done = run("lint", settings.destination_file, "--json")
    findings = json.loads(done.out)

    for number, name in enumerate(
        ["Track Event", "Identify User", "Page", "Alias", "Company", "Tag", "Untag", "Off"]
    ):
        page = parsed((await http.get("/console/mappings/details", params={"name": name})).text)
        shown = [each.text for each in page.all("p", cls="finding")]
        assert shown == [
            f"{each['severity']} {each['rule']}, line {each['line']}, column {each['column']}: {each['message']}"
            for each in findings
            if each["path"] == f"mappings[{number}]" or each["path"].startswith(f"mappings[{number}].")
        ]
    assert findings


async def test_a_mapping_that_there_is_not_is_not_found(http):
    assert (await http.get("/console/mappings/details?name=Nobody")).status_code == 404


async def test_every_mapping_leads_into_the_tester(http):
    page = parsed((await http.get("/console/mappings")).text)

    links = [each.attributes["href"] for each in page.all("a") if "tester?" in each.attributes["href"]]
    assert len(links) == 8
    for link in links:
        assert (await http.get(link)).status_code == 200


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_nothing_in_a_file_or_on_the_control_topic_becomes_markup(http, looks, delivering, hostile):
    async def pages(text):
        quoted = json.dumps(text)
        delivering.write(
            f"id: x\nname: {quoted}\nmappings:\n  - name: {quoted}\n    action: addTag\n"
            f"    trigger: {json.dumps('event = ' + quoted)}\n    fields: {{tag: {quoted}, {quoted}: {quoted}}}\n"
        )
        delivering.facts["config_problems"] = [text]
        now = time.time()
        told(looks, a=worker(now, {f"planned/addTag/{text}": 1}, {text: [text, 400, now]}))
        found = [
            await http.get("/console/mappings"),
            await http.get("/console/mappings/details", params={"name": text}),
        ]
        return [parsed(each.text) for each in found]

    for page, harmless in zip(await pages(hostile), await pages("harmless"), strict=True):
        without_lint = [each for each in shape(page) if each[0] not in ("p", "strong")]
        assert without_lint == [each for each in shape(harmless) if each[0] not in ("p", "strong")]
        assert hostile in page.text
