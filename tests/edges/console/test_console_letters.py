"""The pages about dead letters: over HTTP, with letters of a list and commands that send nothing."""

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from connector.delivery.codes import CODES
from connector.delivery.letter import Place, State
from connector.delivery.redrive import Prospect
from connector.edges.console import letter_reading
from connector.edges.console.letter_advice import ADVICE
from connector.edges.console.letter_filters import Filters, moment_ms, moment_text, read_filters
from connector.edges.console.letter_list import listed
from connector.edges.console.letter_reading import MOST_RECORDS, KafkaLetters, Read, _row
from connector.edges.console.letter_shown import LEFT, OUTLOOKS
from connector.edges.console.masking import MASK
from connector.edges.dead_letters.reader import Bounds, Found, newest_of
from connector.errors import OperationalError
from tests.edges.console.acting import (
    ALL_HOSTILE,
    HOSTILE,
    NOW_MS,
    Commands,
    FakeLetters,
    done,
    letter,
    served,
    structure,
)

DESTINATION = """\
id: test
mappings:
  - name: Track Event
    action: trackEvent
    trigger: type = "track"
    fields:
      type: {"@path": $.type}
      userId: {"@path": $.userId}
      event: {"@path": $.event}
"""
DRY = {
    "dry_run": True, "to_send": 3, "sent": 0, "targets": {"by-user": 2, "source": 1},
    "left": {"no_match": 4}, "too_often": 1, "suppressed": 0, "redriven_before": 5, "over_limit": 0,
    "other_destinations": 0,
}  # fmt: skip
DRY_RUN = ["dlq", "redrive", "--dry-run", "--json"]
SEND = ["dlq", "redrive", "--yes", "--json"]


@pytest.fixture
def letters():
    return FakeLetters()


@pytest.fixture
def commands(tmp_path):
    (tmp_path / "commands").mkdir()
    commands = Commands(tmp_path / "commands")
    commands.will("dlq redrive --dry-run", out=DRY)
    commands.will("dlq redrive --yes", out={**DRY, "dry_run": False, "sent": 3})
    return commands


@pytest.fixture
async def console_url(process, looks, letters, commands, settings):
    settings.destination_file.write_text(DESTINATION)
    mappings = [SimpleNamespace(name="Track Event")]
    in_force = SimpleNamespace(destination=SimpleNamespace(id="test", mappings=mappings), version="v1")
    process = replace(process, deliverable=lambda: in_force)
    async with served(process, looks, jobs=commands.jobs, dead_letters=letters) as url:
        yield url


async def reveal(signed_in):
    await signed_in.post("/console/reveal", {"reveals": "yes"})


def rows_in(text):
    return re.findall(r'href="/console/dead-letters/(\d+:\d+)"', text)


# Looking


async def test_letters_are_listed_newest_first_and_counted_by_code(http, letters):
    letters.add(
        letter(offset=1, at=NOW_MS), letter(offset=2, at=NOW_MS + 1), letter("rejected", offset=3, at=0)
    )

    text = (await http.get("/console/dead-letters")).text

    assert rows_in(text) == ["0:2", "0:1", "0:3"]
    assert re.findall(r'by=code">(\w+)</a></th>\s*<td class="number">(\d+)', text) == [
        ("invalid_payload", "2"), ("rejected", "1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("code=rejected", ["0:3"]),
        ("code=rejected&code=invalid_payload", ["0:1", "0:2", "0:3"]),
        ("mapping=Track+Event", ["0:1", "0:3"]),
        ("mapping=(no+mapping)", ["0:2"]),
        ("state=redriven", ["0:4"]),
        ("state=all", ["0:1", "0:2", "0:3", "0:4"]),
        ("since=2026-11-24T08:01:40.001Z", ["0:1"]),
        ("until=2026-11-24T08:01:40.001Z", ["0:2", "0:3"]),
        ("code=no-such-code", []),
    ],
)
async def test_filters_choose_letters(http, letters, query, places):
    letters.add(
        letter(offset=1, at=NOW_MS + 1), letter(offset=2, mapping="", action=""), letter("rejected", offset=3)
    )
    letters.add(letter(offset=4, at=NOW_MS - 60_000), state=State.REDRIVEN)

    text = (await http.get(f"/console/dead-letters?{query}")).text

    assert sorted(rows_in(text)) == places


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("code", [("a",), ("b",)]),
        ("mapping", [("m",), ("n",)]),
        ("code and mapping", [("a", "m"), ("a", "n"), ("b", "m")]),
        ("day", [("2026-11-25",), ("2026-11-24",)]),
    ],
)
def test_letters_are_grouped_by_what_they_have_in_common(by, names):
    day_ms = 86_400_000
    rows = [
        _row(letter(code, mapping=mapping, at=at), State.WAITING)
        for code, mapping, at in (
            ("a", "m", NOW_MS), ("a", "m", NOW_MS + 1), ("a", "n", NOW_MS + day_ms), ("b", "m", NOW_MS + 2),
        )
    ]  # fmt: skip

    found = listed(Read(tuple(rows), 0, 4, 4), Filters(), by, 1)

    assert [group.names for group in found.groups] == names
    assert sum(group.letters for group in found.groups) == 4
    assert min(group.oldest for group in found.groups) == NOW_MS


async def test_a_group_leads_to_its_letters(http, letters):
    letters.add(letter(offset=1, mapping="A & B"), letter(offset=2, mapping="", action=""))

    text = (await http.get("/console/dead-letters?by=code+and+mapping")).text
    links = [
        link.replace("&amp;", "&") for link in re.findall(r'href="(/console/dead-letters\?code[^"]*)"', text)
    ]

    assert [rows_in((await http.get(link)).text) for link in links] == [["0:2"], ["0:1"]]


async def test_a_long_list_has_pages(http, letters):
    letters.add(*(letter(offset=number, at=NOW_MS - number) for number in range(120)))

    pages = [rows_in((await http.get(f"/console/dead-letters?page={page}")).text) for page in (1, 2, 3, 99)]

    assert [len(page) for page in pages] == [50, 50, 20, 20]
    assert [place for page in pages[:3] for place in page] == [f"0:{number}" for number in range(120)]
    first = (await http.get("/console/dead-letters?state=all")).text
    assert 'href="/console/dead-letters?state=all&amp;by=code&amp;page=2">Older' in first
    assert ">Newer" not in first


@pytest.mark.parametrize(
    "query", ["state=gone", "since=yesterday", "until=9e999", "code=" + "x" * 501, "mapping=%00"]
)
async def test_what_no_filter_can_be_is_refused(http, query):
    assert (await http.get(f"/console/dead-letters?{query}")).status_code == 400


@pytest.mark.parametrize("page", ["0", "-1", "x", "999999999999", "²"])
async def test_any_page_is_one_that_there_is(http, letters, page):
    letters.add(letter())

    assert rows_in((await http.get("/console/dead-letters", params={"page": page})).text) == ["0:7"]


async def test_the_trouble_of_kafka_is_told(http, letters):
    letters.trouble = OperationalError("dead does not exist (CONNECTOR_DEAD_LETTER_TOPIC)")

    answer = await http.get("/console/dead-letters")

    assert answer.status_code == 503
    assert "dead does not exist" in answer.text


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"in_all": MOST_RECORDS + 1}, "looks at the newest 20,000"),
        ({"is_late": True, "looked_at": 5, "in_all": 9}, "Time was over after 5 of 9"),
    ],
)
async def test_it_is_said_when_letters_are_left_out(http, letters, more, says):
    letters.add(letter())
    letters.more = more

    text = (await http.get("/console/dead-letters")).text

    assert says in text
    assert "encharge-connector dlq list" in text


async def test_nothing_is_said_of_that_when_all_letters_were_read(http, letters):
    letters.add(letter())

    assert "dlq list" not in (await http.get("/console/dead-letters")).text


async def test_letters_of_other_destinations_and_other_records_are_counted(http, letters):
    letters.more = {"others": 3, "passed_over": 2}

    text = (await http.get("/console/dead-letters")).text

    assert "3 of other destinations" in text
    assert "2 records are no letters" in text


# A person


async def test_who_does_not_reveal_sees_no_id_and_is_asked_for_none(signed_in, letters):
    letters.add(letter(person="ada-lovelace"))

    text = (await signed_in.get("/console/dead-letters")).text

    assert "ada-lovelace" not in text
    assert MASK in text
    assert 'name="user"' not in text


async def test_a_person_is_looked_for_by_a_form_whose_address_says_nothing(signed_in, letters):
    letters.add(letter(person="ada-lovelace", offset=1), letter(person="bob", offset=2))
    await reveal(signed_in)

    answer = await signed_in.post("/console/dead-letters", {"user": "ada-lovelace"})

    assert rows_in(answer.text) == ["0:1"]
    assert letters.looked_for[-1] == "ada-lovelace"
    assert not any("ada" in address for address in re.findall(r'(?:href|action)="([^"]*)"', answer.text))
    assert 'name="user" value="ada-lovelace"' in answer.text


async def test_the_pages_of_a_persons_letters_are_buttons(signed_in, letters):
    letters.add(*(letter(person="ada-lovelace", offset=number) for number in range(60)))
    await reveal(signed_in)

    first = await signed_in.post("/console/dead-letters", {"user": "ada-lovelace"})
    second = await signed_in.post("/console/dead-letters", {"user": "ada-lovelace", "page": "2"})

    assert re.search(r'<button [^>]*name="page" value="2"[^>]*>Older</button>', first.text)
    assert len(rows_in(second.text)) == 10


async def test_nobody_looks_for_a_person_without_revealing(signed_in, letters):
    answer = await signed_in.post("/console/dead-letters", {"user": "ada"})

    assert answer.status_code == 403
    assert letters.looked_for == []


async def test_a_persons_id_is_refused_in_an_address(http):
    assert (await http.get("/console/dead-letters?user=ada")).status_code == 400


# One letter


async def test_a_letter_shows_why_it_was_given_up_and_what_to_do(http, letters):
    letters.add(
        letter(
            "rejected", http_status=422, response="no such plan", attempts=2, headers=(("mine", b"my value"),)
        )
    )

    text = (await http.get("/console/dead-letters/0:7")).text

    assert "HTTP 422" in text
    assert "no such plan" in text
    assert "partition 3, offset 41" in text
    assert ADVICE["rejected"] in text
    assert "encharge.http_status" in text
    assert 'href="/console/tester?letter=0:7"' in text


async def test_a_letter_is_masked_until_personal_data_is_revealed(signed_in, letters):
    letters.add(letter(person="ada-lovelace", headers=(("mine", b"my value"),)))

    masked = (await signed_in.get("/console/dead-letters/0:7")).text
    await reveal(signed_in)
    shown = (await signed_in.get("/console/dead-letters/0:7")).text

    for text in ("ada-lovelace", "Order Completed", "my value"):
        assert text not in masked
        assert text in shown
    assert "&#34;userId&#34;: &#34;•••&#34;" in masked
    assert "&#34;type&#34;: &#34;track&#34;" in masked


async def test_a_letter_that_would_succeed_today_shows_the_request(signed_in, letters):
    letters.add(letter())
    await reveal(signed_in)

    text = (await signed_in.get("/console/dead-letters/0:7")).text

    assert "It would now succeed" in text
    assert "<h3>POST https://ingest.encharge.io/v1</h3>" in text
    assert "This worker still uses version v1" in text


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"event": {"type": "page"}}, "does not match any more"),
        ({"mapping": "Gone"}, "no mapping of that name any more"),
        ({"action": "identifyUser"}, "Its mapping has another action now"),
        ({"event": {"event": None}}, "still fails"),
        ({"value": b"no JSON"}, "still fails"),
        ({"destination": "other"}, "It is a letter of other"),
        ({"destination": "", "mapping": "", "action": ""}, "would now be taken by the ingest stage"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_would_become_of_a_letter_today_is_said(http, letters, more, says):
    letters.add(letter(**more))

    assert says in (await http.get("/console/dead-letters/0:7")).text


async def test_a_changed_file_counts_at_once(http, letters, settings):
    letters.add(letter())
    assert "It would now succeed" in (await http.get("/console/dead-letters/0:7")).text

    settings.destination_file.write_text(DESTINATION.replace("Track Event", "Renamed Event"))

    assert "no mapping of that name any more" in (await http.get("/console/dead-letters/0:7")).text


async def test_a_letter_is_shown_though_the_destination_file_is_broken(http, letters, settings):
    settings.destination_file.write_text("id: [")
    letters.add(letter())

    text = (await http.get("/console/dead-letters/0:7")).text

    assert "The destination file cannot be used" in text
    assert "PayloadValidationError" in text


@pytest.mark.parametrize(
    "value", [b"\xff\x00", b"", b"[]", b"[" * 100_000, b'{"a":' * 5000, b'{"userId":"\\ud83d"}']
)
async def test_any_value_can_be_looked_at(signed_in, letters, value):
    letters.add(letter(value=value))
    await reveal(signed_in)

    assert (await signed_in.get("/console/dead-letters/0:7")).status_code == 200


@pytest.mark.parametrize("place", ["0:8", "1:7", "0:9999999999999999999", "9999999999:0", "x:1", "0"])
async def test_what_is_no_place_of_a_letter_is_not_found(http, letters, place):
    letters.add(letter())

    assert (await http.get(f"/console/dead-letters/{place}")).status_code == 404


# Hostile letters


def hostile(text):
    return letter(
        text, mapping=text, action=text, message=text, person=text, response=text, destination="test",
        event={"event": text, text: text}, headers=((text, text.encode()),), http_status=400,
    )  # fmt: skip


@pytest.mark.parametrize("text", [*HOSTILE, ALL_HOSTILE], ids=range(len(HOSTILE) + 1))
@pytest.mark.parametrize(
    "path", ["/console/dead-letters?by=code+and+mapping&state=all", "/console/dead-letters/0:7"]
)
async def test_what_a_letter_says_stays_text(signed_in, letters, path, text):
    await reveal(signed_in)
    letters.add(hostile("harmless"))
    harmless = structure((await signed_in.get(path)).text)
    letters.found.clear()
    letters.add(hostile(text))

    answer = await signed_in.get(path)

    assert answer.status_code == 200
    assert structure(answer.text) == harmless
    assert "\u202e" not in re.sub(r'value="[^"]*"', "", answer.text)
    assert "49{%" not in answer.text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_what_a_redrive_is_about_stays_text(signed_in, text):
    form = {"code": "harmless", "mapping": "harmless"}
    harmless = await done(signed_in, await signed_in.post("/console/dead-letters/redrive", form))
    form = {"code": text, "mapping": text}

    page = await done(signed_in, await signed_in.post("/console/dead-letters/redrive", form))
    listed = await signed_in.get("/console/dead-letters")

    assert structure(page.text) == structure(harmless.text)
    assert "\u202e" not in page.text + listed.text


# Sending again


async def test_a_dry_run_and_then_a_redrive_with_the_same_filters(signed_in, letters, commands):
    letters.add(letter())
    form = {"code": "invalid_payload", "mapping": "(no mapping)", "since": "2026-11-24T08:00Z"}

    counted = await done(signed_in, await signed_in.post("/console/dead-letters/redrive", form))
    job = re.search(r'name="job" value="(\w+)"', counted.text)[1]
    sent = await done(
        signed_in, await signed_in.post("/console/dead-letters/redrive/send", {"job": job, "rate": "50"})
    )

    dry, send = commands.arguments
    assert dry[:4] == DRY_RUN
    assert send[:4] == SEND
    assert dry[4:7] == ["--code=invalid_payload", "--mapping=", "--since=2026-11-24T08:00:00.000Z"]
    assert dry[7].startswith("--until=20")
    assert len(dry) == 8
    assert send[4:] == ["--rate=50", *dry[4:]]
    for text in (
        "Send 3 letters again",
        "4 would no longer match",
        "1 came back too often",
        "5 were redriven",
    ):
        assert text in counted.text
    assert "source is your own topic" not in counted.text  # of these settings it is segment.events
    assert 'letters sent again</span><span class="value">3' in sent.text


async def test_letters_for_the_source_topic_are_warned_of(signed_in, commands, settings):
    commands.will("dlq redrive --dry-run", out={**DRY, "targets": {settings.source_topic: 3}})

    page = await done(signed_in, await signed_in.post("/console/dead-letters/redrive"))

    assert f"{settings.source_topic} is your own topic" in page.text


async def test_one_letter_is_chosen_as_narrowly_as_the_command_can(signed_in, letters, commands):
    letters.add(letter(at=NOW_MS + 7))
    page = (await signed_in.get("/console/dead-letters/0:7")).text
    form = page.split("Count this letter")[0].rsplit("<form", 1)[1]

    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    await done(signed_in, await signed_in.post("/console/dead-letters/redrive", fields))

    assert commands.arguments[0][4:] == [
        "--code=invalid_payload", "--mapping=Track Event",
        "--since=2026-11-24T08:01:40.007Z", "--until=2026-11-24T08:01:40.008Z",
    ]  # fmt: skip


async def test_two_second_clicks_send_once(signed_in, commands):
    counted = await done(signed_in, await signed_in.post("/console/dead-letters/redrive"))
    job = re.search(r'name="job" value="(\w+)"', counted.text)[1]

    answers = [await signed_in.post("/console/dead-letters/redrive/send", {"job": job}) for _ in range(2)]
    await done(signed_in, answers[0])

    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert [each[:4] for each in commands.arguments] == [DRY_RUN, SEND]


async def test_what_was_not_counted_is_not_sent(signed_in, commands):
    commands.will("dlq redrive --dry-run", out=DRY, hangs=True)
    answer = await signed_in.post("/console/dead-letters/redrive")
    job = answer.headers["location"].rpartition("/")[2]

    early = await signed_in.post("/console/dead-letters/redrive/send", {"job": job})
    unknown = await signed_in.post("/console/dead-letters/redrive/send", {"job": "nothing"})
    commands.let_go()
    await done(signed_in, answer)

    assert (early.status_code, unknown.status_code) == (409, 404)
    assert [each[:4] for each in commands.arguments] == [DRY_RUN]


async def test_a_redrive_is_no_first_click(signed_in, commands):
    counted = await done(signed_in, await signed_in.post("/console/dead-letters/redrive"))
    job = re.search(r'name="job" value="(\w+)"', counted.text)[1]
    sent = await signed_in.post("/console/dead-letters/redrive/send", {"job": job})
    await done(signed_in, sent)

    again = await signed_in.post(
        "/console/dead-letters/redrive/send", {"job": sent.headers["location"].rpartition("/")[2]}
    )

    assert again.status_code == 404


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf", "x", "1e99"])
async def test_a_rate_that_is_none_is_refused(signed_in, commands, rate):
    counted = await done(signed_in, await signed_in.post("/console/dead-letters/redrive"))
    job = re.search(r'name="job" value="(\w+)"', counted.text)[1]

    answer = await signed_in.post("/console/dead-letters/redrive/send", {"job": job, "rate": rate})

    assert answer.status_code == 400
    assert len(commands.arguments) == 1


async def test_a_filter_that_looks_like_an_option_is_a_value(signed_in, commands):
    await done(signed_in, await signed_in.post("/console/dead-letters/redrive", {"mapping": "--yes"}))

    assert commands.arguments[0][4] == "--mapping=--yes"


async def test_a_redrive_of_one_person_says_of_whom_nowhere(signed_in, commands):
    await reveal(signed_in)
    commands.will("dlq redrive --dry-run", code=3, err="error: nothing of ada-lovelace")

    answer = await signed_in.post("/console/dead-letters/redrive", {"user": "ada-lovelace"})
    revealed = await done(signed_in, answer)
    await signed_in.post("/console/reveal", {"reveals": "no"})
    masked = await signed_in.get(answer.headers["location"])

    assert "--user=ada-lovelace" in commands.arguments[0]
    assert "one person" in masked.text
    assert "ada-lovelace" not in masked.text
    assert "nothing of ada-lovelace" in revealed.text


async def test_jobs_get_neither_the_token_nor_a_key_on_their_command_line(signed_in, commands):
    await done(signed_in, await signed_in.post("/console/dead-letters/redrive"))

    [asked] = commands.asked
    assert "CONNECTOR_CONSOLE_TOKEN" not in asked["environment"]
    assert "the-key-of-encharge" not in " ".join(asked["arguments"])


async def test_a_failed_command_says_why_to_who_signed_in(signed_in, http, commands):
    commands.will("dlq redrive --dry-run", code=3, err="error: Kafka refuses the-key-of-encharge <b>now</b>")

    answer = await signed_in.post("/console/dead-letters/redrive")
    page = await done(signed_in, answer)
    others = await http.get(answer.headers["location"])

    assert "with exit code 3" in page.text
    assert "Kafka refuses [redacted] &lt;b&gt;now&lt;/b&gt;" in page.text
    assert 'role="alert"' in page.text
    assert "Kafka refuses" not in others.text


async def test_a_running_job_refreshes_itself_and_an_ended_one_does_not(signed_in, commands):
    commands.will("dlq redrive --dry-run", out=DRY, hangs=True)
    answer = await signed_in.post("/console/dead-letters/redrive")
    where = answer.headers["location"]

    running = await signed_in.get(where, headers={"HX-Request": "true"})
    listed = await signed_in.get("/console/dead-letters")
    commands.let_go()
    await done(signed_in, answer)
    ended = await signed_in.get(where, headers={"HX-Request": "true"})

    assert f'hx-get="{where}" hx-trigger="every 1s"' in running.text
    assert f'<a id="reload" href="{where}">Load the page again</a>' in running.text
    assert "<html" not in running.text
    assert f'href="{where}"' in listed.text
    assert "hx-trigger" not in ended.text
    assert 'role="status"' in ended.text


async def test_a_job_is_cancelled_by_two_clicks(signed_in, commands):
    commands.will("dlq redrive --dry-run", out=DRY, hangs=True)
    answer = await signed_in.post("/console/dead-letters/redrive")
    where = answer.headers["location"]

    first = await signed_in.get(f"{where}/cancel")
    still = commands.jobs.running()
    page = await done(signed_in, await signed_in.post(f"{where}/cancel"))

    assert "Its process is asked to end" in first.text
    assert len(still) == 1
    assert "Ended by somebody" in page.text


@pytest.mark.parametrize("path", ["/console/jobs/nothing", "/console/jobs/nothing/cancel"])
async def test_an_unknown_job_is_not_found(http, path):
    assert (await http.get(path)).status_code == 404


async def test_without_a_session_everything_is_read_only(http, letters, commands):
    letters.add(letter())
    texts = [(await http.get(path)).text for path in ("/console/dead-letters", "/console/dead-letters/0:7")]
    posts = [
        await http.post(path, data={"csrf": "x"})
        for path in (
            "/console/dead-letters",
            "/console/dead-letters/redrive",
            "/console/dead-letters/redrive/send",
        )
    ]

    assert all(re.search(r"<button [^>]*disabled", text) for text in texts)
    assert all("/console/sign-in?next=" in text for text in texts)
    assert {answer.status_code for answer in posts} == {403}
    assert commands.asked == []


async def test_without_the_proof_nothing_starts(signed_in, commands):
    signed_in.proof = "another"

    assert (await signed_in.post("/console/dead-letters/redrive")).status_code == 403
    assert commands.asked == []


@asynccontextmanager
async def somebody_else(url):
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        yield client


async def test_who_only_reads_sees_what_others_started_and_no_button(console_url, signed_in):
    answer = await signed_in.post("/console/dead-letters/redrive")
    await done(signed_in, answer)
    async with somebody_else(console_url) as other:
        page = await other.get(answer.headers["location"])

    assert "letters to send" in page.text
    assert "<form" not in page.text


# Reading


class FakeReader:
    """Gives letters as a reader of Kafka does; `hangs` after the last one."""

    def __init__(self, letters, hangs=False):
        self._letters, self._hangs = letters, hangs
        self.bounds = {0: Bounds(0, len(letters))}
        self.opened = 0

    async def __aenter__(self):
        self.opened += 1
        return self

    async def __aexit__(self, *error):
        pass

    async def scan(self, selection, scanned, *, newest):
        assert newest == MOST_RECORDS
        for each in self._letters:
            scanned.read += 1
            if selection.takes(each):
                yield Found(each, State.WAITING)
        if self._hangs:
            await asyncio.sleep(300)

    async def letter(self, place):
        return next((Found(each, State.WAITING) for each in self._letters if each.place == place), None)


def source_of(reader, settings):
    source = KafkaLetters(settings, lambda: "test")
    source._reader = lambda: reader
    return source


async def test_one_read_serves_the_pages_of_some_seconds_and_another_person_is_read_anew(settings):
    reader = FakeReader([letter(person="ada", offset=1), letter(person="bob", offset=2)])
    source = source_of(reader, settings)

    all_, again = await asyncio.gather(source.letters(), source.letters())
    ada = await source.letters("ada")

    assert all_ is again
    assert reader.opened == 2
    assert [row.place.offset for row in ada.rows] == [1]


async def test_letters_of_the_same_moment_are_listed_the_later_offset_first(settings):
    reader = FakeReader([letter(offset=number, at=NOW_MS - number // 2) for number in range(4)])

    read = await source_of(reader, settings).letters()

    assert [row.place.offset for row in read.rows] == [1, 0, 3, 2]
    assert (read.looked_at, read.in_all, read.is_all) == (4, 4, True)


async def test_a_read_that_takes_too_long_gives_what_it_has(settings, monkeypatch):
    monkeypatch.setattr(letter_reading, "LONGEST_S", 0.1)

    read = await source_of(FakeReader([letter()], hangs=True), settings).letters()

    assert len(read.rows) == 1
    assert (read.is_late, read.is_all) == (True, False)


async def test_one_letter_is_read_by_its_place(settings):
    source = source_of(FakeReader([letter(offset=3)]), settings)

    assert (await source.letter(Place(0, 3))).letter.place == Place(0, 3)
    assert await source.letter(Place(0, 4)) is None


async def test_what_is_kept_of_a_letter_is_bounded(settings):
    long = letter("c" * 10_000, mapping="m" * 10_000, message="x" * 10_000, person="p" * 10_000)

    [row] = (await source_of(FakeReader([long]), settings).letters()).rows

    assert max(len(row.code), len(row.mapping), len(row.message), len(row.key)) <= 500


# Values


@pytest.mark.parametrize(
    ("sizes", "most", "shares"),
    [
        pytest.param([5, 5], 20, [5, 5], id="all"),
        pytest.param([100, 100], 20, [10, 10], id="even"),
        pytest.param([100, 4, 100], 20, [8, 4, 8], id="what is short leaves its share"),
        pytest.param([100, 0], 20, [20, 0], id="an empty one"),
        pytest.param([], 20, [], id="none"),
        pytest.param([7, 7, 7], 2, [0, 1, 1], id="fewer than partitions"),
    ],
)
def test_of_each_partition_the_newest_are_looked_at(sizes, most, shares):
    bounds = {number: Bounds(1000, 1000 + size) for number, size in enumerate(sizes)}

    found = newest_of(bounds, most)

    assert [each.end - each.begin for each in found.values()] == shares
    assert [each.end for each in found.values()] == [each.end for each in bounds.values()]


def test_every_code_and_every_prospect_has_its_words():
    assert set(ADVICE) == set(CODES)
    assert set(OUTLOOKS) == set(Prospect)
    assert set(LEFT) == {each for each in Prospect if not each.is_good}


def test_what_to_do_is_what_the_documentation_says():
    from tests.cli.command import ROOT

    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|", (ROOT / "docs/codes.md").read_text(), re.MULTILINE)

    assert {code: what.replace("`", "").strip() for code, what in rows} == dict(ADVICE)


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_a_moment_is_written_exactly(ms):
    assert moment_ms(moment_text(ms), 0) == ms


@pytest.mark.parametrize("ms", [None, 2**62, -(2**62)])
def test_a_moment_of_no_calendar_is_no_text(ms):
    assert moment_text(ms) == ""


def test_a_time_long_ago_and_one_without_a_zone_are_read_as_the_command_does():
    assert moment_ms("2h", 10_000.0) == 2_800_000
    assert moment_ms("1970-01-02", 0) == 86_400_000


def test_a_form_says_again_what_was_read_but_for_the_person():
    filters = read_filters(
        MultiDict([("code", "a"), ("code", "b"), ("mapping", "(no mapping)"), ("since", "2h"), ("state", "all"), ("user", "u")]), 0
    )  # fmt: skip

    again = read_filters(MultiDict(filters.fields()), 0)

    assert again == replace(filters, user="")
    assert filters.mappings == ("",)


def test_a_redrive_ends_where_it_was_counted():
    assert Filters().options(until=1000) == ["--until=1970-01-01T00:00:01.000Z"]
    assert Filters(until=5).options(until=1000) == ["--until=1970-01-01T00:00:00.005Z"]


def test_a_place_is_shown_as_the_command_takes_it():
    assert str(_row(letter(), State.WAITING).place) == str(Place(0, 7)) == "0:7"
