"""The pages about replays: over HTTP, with a control topic that the test writes and commands that send nothing."""

import json
import re
import stat
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from connector.delivery.selection import Range
from connector.edges.console.masking import MASK
from connector.edges.console.replay_list import MOST, Standings, shown_replays
from connector.edges.replay.state import Known, Standing, key_of
from connector.errors import OperationalError
from tests.edges.console.acting import (
    ALL_HOSTILE,
    HOSTILE,
    Commands,
    done,
    served,
    structure,
)
from tests.edges.console.conftest import SignedIn

PLAN = {
    "version": 1, "id": "4c1f09ab", "created_at": "2026-11-24T04:15:00.000Z", "topic": "by-user",
    "from_source": False, "ranges": {"0": [10, 40], "1": [5, 15]}, "filters": {},
    "destination": "test", "config_version": "v1", "mappings": ["Track Event"], "rate": 20.0,
    "max_age_s": 30 * 86400.0, "oldest_at": "2026-11-24T04:00:00.000Z", "file": "/f", "estimated_s": 2.0,
    "counts": {
        "events": 50, "unreadable": 1, "chosen": 40, "unmatched": 2, "suppressed": 3, "users": 7,
        "requests": 38, "by_mapping": {"Track Event": 38}, "by_day": {"2026-11-24": {"Track Event": 38}},
        "dead_letters": {"invalid_payload": 4}, "oldest": "2026-11-24T04:00:00+00:00",
        "newest": "2026-11-24T05:00:00+00:00",
    },
    "samples": [
        {"mapping": "Track Event", "action": "trackEvent", "method": "POST",
         "url": "https://api.encharge.io/v1/people/4711", "body": '{"userId":"ada-lovelace"}'},
    ],
}  # fmt: skip
ENDING = {
    "id": "4c1f09ab", "state": "done", "duration_s": 2.0, "this_process": {},
    "all_processes": {"sent": {"Track Event": 38}, "dead_letters": {"rejected": 1}, "filtered": 2, "retries": 3, "forwarded": 0},
}  # fmt: skip


class Kafka:
    """Says how far replays are."""

    def __init__(self):
        self.standings = {}
        self.trouble = None
        self.asked = []

    async def __call__(self, replays):
        if self.trouble:
            raise self.trouble
        self.asked.append([each.id for each in replays])
        return [(each, self.standings.get(each.id, Standing("interrupted", 0, 0))) for each in replays]


@pytest.fixture
def kafka():
    return Kafka()


@pytest.fixture
def commands(tmp_path):
    (tmp_path / "commands").mkdir()
    commands = Commands(tmp_path / "commands")
    commands.will("replay plan", out=PLAN)
    commands.will("replay run", out=ENDING)
    return commands


@pytest.fixture
async def console_url(process, looks, kafka, commands):
    mappings = [SimpleNamespace(name="Track Event"), SimpleNamespace(name="Identify")]
    in_force = SimpleNamespace(destination=SimpleNamespace(id="test", mappings=mappings), version="v1")
    process = replace(process, deliverable=lambda: in_force)
    async with served(process, looks, jobs=commands.jobs, ask=kafka) as url:
        yield url


def known(id_="4c1f09ab", state="running", **more):
    values = {
        "at": 1_795_507_300.0, "started_at": 1_795_507_200.0, "by": "ops", "topic": "by-user",
        "destination": "test", "rate": 20.0, "requests": 38, "ranges": {0: Range(10, 40)},
    }  # fmt: skip
    return Known(id_, state, **{**values, **more})


def control(looks, *replays, **processes):
    values = {key_of(each.id): each.as_json() for each in replays}
    values |= {key_of(replays[0].id, name): told for name, told in processes.items()}
    looks.now = replace(looks.now, control=values)


async def reveal(signed_in):
    await signed_in.post("/console/reveal", {"reveals": "yes"})


async def planned(signed_in, **form):
    answer = await signed_in.post("/console/replays/plan", form)
    return answer, await done(signed_in, answer)


def job_in(page):
    return re.search(r'name="job" value="(\w+)"', page.text)[1]


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


# Looking


async def test_replays_are_listed_with_what_kafka_and_the_control_topic_say(http, looks, kafka):
    control(
        looks,
        known(),
        known("0000dead", "done", started_at=1_795_500_000.0),
        one={"sent": {"Track Event": 11}, "dead_letters": {"rejected": 2}, "at": 1_795_507_300.0},
        two={"sent": {"Track Event": 5}, "ended": True},
    )
    kafka.standings["4c1f09ab"] = Standing("running", 42, 2)

    text = text_of((await http.get("/console/replays")).text)

    assert "4c1f09ab running 42 % 16 38 2 20/s 2 2026-11-24 08:00:00 ops" in text
    assert "0000dead done 100 % 0 38 0 20/s 0" in text
    assert text.index("4c1f09ab") < text.index("0000dead")
    assert kafka.asked == [["4c1f09ab"]]  # of what is done Kafka may have forgotten the commits


@pytest.mark.parametrize(
    ("state", "standing", "shown"),
    [
        ("running", Standing("running", 1, 1), "running"),
        ("running", Standing("interrupted", 1, 0), "interrupted"),
        ("running", Standing("done", 100, 0), "done"),
        ("cancelled", Standing("cancelled", 1, 0), "cancelled"),
    ],
)
async def test_the_state_is_what_kafka_shows(http, looks, kafka, state, standing, shown):
    control(looks, known(state=state))
    kafka.standings["4c1f09ab"] = standing

    assert f">{shown}</span>" in (await http.get("/console/replays")).text


@pytest.mark.parametrize(
    ("ago_s", "told", "state"),
    [
        pytest.param(5, {}, "starting", id="nobody has told anything yet"),
        pytest.param(5, {"at": 4, "ended": False}, "starting", id="somebody works"),
        pytest.param(5, {"at": 60, "ended": True}, "starting", id="it was interrupted before"),
        pytest.param(5, {"at": 4, "ended": True}, "interrupted", id="it has ended since"),
        pytest.param(40, {}, "interrupted", id="it begins for too long"),
    ],
)
async def test_a_replay_that_has_just_begun_is_not_taken_for_an_interrupted_one(
    http, looks, ago_s, told, state
):
    now = time.time()
    told = told and {**told, "at": now - told["at"]}
    control(looks, known(at=now - ago_s), one=told)

    text = (await http.get("/console/replays/4c1f09ab", headers={"HX-Request": "true"})).text

    assert f">{state}</span>" in text
    assert ("hx-trigger" in text) is (state == "starting")


async def test_a_cancelled_replay_refreshes_itself_until_its_processes_have_ended(http, looks, kafka):
    control(looks, known(state="cancelled"))
    kafka.standings["4c1f09ab"] = Standing("cancelled", 42, 1)

    assert "hx-trigger" in (await http.get("/console/replays/4c1f09ab", headers={"HX-Request": "true"})).text


async def test_one_replay_shows_what_each_process_did(http, looks, kafka):
    control(
        looks,
        known(),
        **{
            "host-1": {
                "sent": {"Track Event": 11},
                "dead_letters": {"rejected": 2},
                "retries": 4,
                "at": 1_795_507_300.0,
            },
            "host-2": {"sent": {"Track Event": 5}, "filtered": 6, "ended": True},
        },
    )
    kafka.standings["4c1f09ab"] = Standing("running", 42, 1)

    text = text_of((await http.get("/console/replays/4c1f09ab")).text)

    assert "host-1 2026-11-24 08:01:40 not ended 11 2 0 4" in text
    assert "host-2 ? ended 5 0 6 0" in text
    assert "Track Event: 16 sent" in text


async def test_what_runs_refreshes_itself_and_what_does_not_does_not(http, looks, kafka):
    control(looks, known())
    kafka.standings["4c1f09ab"] = Standing("running", 42, 1)
    running = [
        await http.get(path, headers={"HX-Request": "true"})
        for path in ("/console/replays", "/console/replays/4c1f09ab")
    ]
    control(looks, known(state="done"))
    ended = [
        await http.get(path, headers={"HX-Request": "true"})
        for path in ("/console/replays", "/console/replays/4c1f09ab")
    ]

    assert all('hx-trigger="every 2s"' in each.text and "<html" not in each.text for each in running)
    assert not any("hx-trigger" in each.text for each in ended)


async def test_trouble_with_kafka_is_told_and_the_control_topic_shown(http, looks, kafka):
    control(looks, known())
    kafka.trouble = OperationalError("consumer groups: not authorized")

    text = text_of((await http.get("/console/replays")).text)

    assert "How far replays are cannot be seen: consumer groups: not authorized" in text
    assert "4c1f09ab running – 0 38" in text


async def test_kafka_is_asked_once_for_all_who_look():
    kafka = Kafka()
    standings = Standings(kafka)

    found = [await standings.of([known()]) for _ in range(5)]

    assert len(kafka.asked) == 1
    assert len({str(each) for each in found}) == 1


async def test_a_replay_that_is_new_is_asked_for_at_once():
    kafka = Kafka()
    standings = Standings(kafka)
    await standings.of([known("a")])

    found, _ = await standings.of([known("a"), known("b")])

    assert set(found) == {"a", "b"}


def test_only_the_newest_replays_are_shown():
    values = {key_of(f"r{n}"): known(f"r{n}", started_at=float(n)).as_json() for n in range(MOST + 3)}

    found, more = shown_replays(values)

    assert ([each.id for each in found][:2], len(found), more) == ([f"r{MOST + 2}", f"r{MOST + 1}"], MOST, 3)


@pytest.mark.parametrize(
    "path", ["/console/replays/nothing", "/console/replays/nothing/cancel", "/console/replays/plans/nothing"]
)
async def test_what_is_unknown_is_not_found(http, path):
    assert (await http.get(path)).status_code == 404


@pytest.mark.parametrize("at", [1e300, -1e300, float("nan"), "now", None, {}])
async def test_any_time_that_a_process_tells_can_be_shown(http, looks, at):
    control(looks, known(), one={"at": at})
    looks.now.control[key_of("4c1f09ab")]["started_at"] = 1e300

    assert (await http.get("/console/replays/4c1f09ab")).status_code == 200


@pytest.mark.parametrize("text", [*HOSTILE, ALL_HOSTILE], ids=range(len(HOSTILE) + 1))
@pytest.mark.parametrize(
    "path", ["/console/replays", "/console/replays/4c1f09ab", "/console/replays/4c1f09ab/cancel"]
)
async def test_what_the_control_topic_says_stays_text(signed_in, looks, kafka, path, text):
    def say(text):
        processes = {text.replace("/", ""): {"sent": {text: 1}, "dead_letters": {text: 1}}}
        control(looks, known(by=text, topic=text, destination=text), **processes)
        looks.now = replace(looks.now, trouble=text)

    kafka.standings["4c1f09ab"] = Standing("running", 42, 1)
    say("harmless")
    harmless = structure((await signed_in.get(path)).text)
    say(text)

    answer = await signed_in.get(path)

    assert answer.status_code == 200
    assert structure(answer.text) == harmless


async def test_an_id_that_no_plan_has_leads_nowhere(http, looks):
    control(looks, known('"><b>'))

    text = (await http.get("/console/replays")).text
    assert "<b>" not in text
    assert (await http.get("/console/replays/%22%3E%3Cb%3E")).status_code == 404


# Planning


async def test_a_plan_is_made_by_the_command_and_shown(signed_in, commands):
    _, page = await planned(
        signed_in, since="24h", until="2026-11-24", where='type = "track"', events="Order Completed\nRefund\n",
        mapping=["Track Event", "Identify"], rate="20", max_age="7d",
    )  # fmt: skip
    text = text_of(page.text)

    [arguments] = commands.arguments
    assert arguments[:3] == ["replay", "plan", "--json"]
    assert arguments[4:] == [
        "--samples=3", "--since=24h", "--until=2026-11-24", '--where=type = "track"', "--event=Order Completed",
        "--event=Refund", "--mapping=Track Event", "--mapping=Identify", "--rate=20", "--max-age=7d",
    ]  # fmt: skip
    for shown in ("requests 38", "events chosen 40 of 50 read", "people 7", "range 40", "about 2 s", "Track Event 38",
                  "4 dead letters with code invalid_payload", "2 events match no mapping", "1 records hold no event",
                  "3 events are not sent", "Send 38 requests"):  # fmt: skip
        assert shown in text


@pytest.mark.parametrize(
    ("form", "option"),
    [
        ({"offsets": "0:1200, 1:980-1100"}, "--from-offsets=0:1200, 1:980-1100"),
        ({"from_source": "yes"}, "--from-source"),
        ({"events": "--yes"}, "--event=--yes"),
        ({"where": "--out=/elsewhere"}, "--where=--out=/elsewhere"),
    ],
)
async def test_a_field_of_the_form_is_one_option(signed_in, commands, form, option):
    await planned(signed_in, **form)

    assert commands.arguments[0][5:] == [option]


@pytest.mark.parametrize(
    "form",
    [
        {"since": "yesterday"},
        {"until": "9e99"},
        {"offsets": "/etc/passwd"},
        {"offsets": "0:1,x"},
        {"rate": "0"},
        {"where": "x" * 4001},
        {"events": "a\0b"},
    ],
    ids=str,
)
async def test_what_a_plan_cannot_be_asked_is_refused_before_anything_starts(signed_in, commands, form):
    answer = await signed_in.post("/console/replays/plan", form)

    assert answer.status_code == 400
    assert commands.asked == []


async def test_the_plan_file_is_for_its_owner_alone_and_has_a_name_that_nobody_chose(signed_in, commands):
    await planned(signed_in)

    file = Path(commands.arguments[0][3].removeprefix("--out="))
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert re.fullmatch(r"[0-9a-f]{16}\.json", file.name)


async def test_samples_are_masked_until_personal_data_is_revealed(signed_in):
    answer, masked = await planned(signed_in)
    await reveal(signed_in)
    shown = await signed_in.get(answer.headers["location"])

    for text in ("ada-lovelace", "4711"):
        assert text not in masked.text
        assert text in shown.text
    assert MASK in masked.text


async def test_persons_are_chosen_by_who_reveals_and_told_to_nobody_else(signed_in, http, commands):
    commands.will(
        "replay plan",
        out={**PLAN, "filters": {"users": ["u-4711"], "where": 'userId = "u-4711"'}},
        err="about u-4711",
    )
    refused = await signed_in.post("/console/replays/plan", {"users": "u-4711"})
    await reveal(signed_in)
    answer, shown = await planned(signed_in, users="u-4711", where='userId = "u-4711"')
    await signed_in.post("/console/reveal", {"reveals": "no"})
    masked = await signed_in.get(answer.headers["location"])
    others = await http.get(answer.headers["location"])

    assert refused.status_code == 403
    assert "--user=u-4711" in commands.arguments[0]
    assert "u-4711" in shown.text
    assert "u-4711" not in masked.text
    assert "u-4711" not in others.text
    assert "of 1 person" in text_of(masked.text)


async def test_a_person_that_only_the_trigger_names_is_not_told_either(signed_in, commands):
    commands.will("replay plan", code=2, err="error: nothing is known of u-4711")

    _, page = await planned(signed_in, where='userId = "u-4711"')

    assert "nothing is known of •••" in page.text


async def test_a_plan_of_old_events_warns_and_asks(signed_in, commands):
    commands.will("replay plan", out={**PLAN, "oldest_at": "2020-01-01T00:00:00.000Z"})
    _, page = await planned(signed_in)
    commands.will("replay run", out=ENDING)

    assert "older than the limit of 30 days" in page.text
    answer = await signed_in.post("/console/replays/run", {"job": job_in(page), "automations": "yes"})
    await done(signed_in, answer)
    assert "--automations-may-fire" in commands.arguments[1]


async def test_a_plan_of_recent_events_does_not(signed_in, commands):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    commands.will("replay plan", out={**PLAN, "oldest_at": now})

    _, page = await planned(signed_in)

    assert "older than the limit" not in page.text
    assert "automations" not in page.text


async def test_an_empty_plan_cannot_be_run(signed_in, commands):
    counts = {**PLAN["counts"], "chosen": 0, "requests": 0, "by_mapping": {}, "by_day": {}, "oldest": None}
    commands.will(
        "replay plan", out={**PLAN, "ranges": {}, "counts": counts, "oldest_at": None, "samples": []}
    )

    _, page = await planned(signed_in)

    assert "there is nothing to run" in page.text
    assert "/console/replays/run" not in page.text


async def test_the_plan_file_is_downloaded_by_who_signed_in(signed_in, http):
    _, page = await planned(signed_in)
    where = re.search(r'href="(/console/replays/plans/\w+)"', page.text)[1]

    answer = await signed_in.get(where)

    assert (answer.text, answer.headers["content-type"]) == ("the plan", "application/json")
    assert answer.headers["content-disposition"] == 'attachment; filename="replay-4c1f09ab.json"'
    assert (await http.get(where)).status_code == 403


async def test_a_plan_that_names_people_is_downloaded_only_by_who_reveals(signed_in, commands):
    commands.will("replay plan", out={**PLAN, "filters": {"users": ["u-4711"]}})
    answer, page = await planned(signed_in)
    where = f"/console/replays/plans/{answer.headers['location'].rpartition('/')[2]}"

    masked = await signed_in.get(where)
    await reveal(signed_in)

    assert "Reveal personal data to download" in page.text
    assert masked.status_code == 403
    assert (await signed_in.get(where)).status_code == 200


@pytest.mark.parametrize("text", [*HOSTILE, ALL_HOSTILE], ids=range(len(HOSTILE) + 1))
async def test_what_a_plan_says_stays_text(signed_in, commands, text):
    def say(text):
        sample = {
            "mapping": text,
            "action": text,
            "method": "POST",
            "url": text,
            "body": json.dumps({"a": text}),
        }
        counts = {**PLAN["counts"], "by_mapping": {text: 1}, "dead_letters": {text: 1}}
        plan = {**PLAN, "topic": text, "destination": text, "counts": counts, "samples": [sample]}
        plan["filters"] = {"where": text, "events": [text]}
        commands.will("replay plan", out=plan, err=text.replace("\n", " "))

    await reveal(signed_in)
    say("harmless")
    _, harmless = await planned(signed_in)
    say(text)

    _, page = await planned(signed_in)

    assert structure(page.text) == structure(harmless.text)


# Running


async def test_a_plan_is_run_by_a_second_click_and_what_came_of_it_is_shown(signed_in, commands):
    answer, page = await planned(signed_in)
    run = await done(
        signed_in, await signed_in.post("/console/replays/run", {"job": job_in(page), "rate": "50"})
    )

    plan_file = commands.arguments[0][3].removeprefix("--out=")
    assert commands.arguments[1] == ["replay", "run", plan_file, "--yes", "--json", "--rate=50"]
    text = text_of(run.text)
    assert "The replay is done" in text
    assert "requests of Track Event 38" in text
    assert "dead letters, rejected 1" in text
    assert "It was begun" in (await signed_in.get(answer.headers["location"])).text


async def test_a_run_under_way_leads_to_the_replay_and_is_not_started_twice(signed_in, commands):
    _, page = await planned(signed_in)
    commands.will("replay run", out=ENDING, hangs=True)
    answers = [await signed_in.post("/console/replays/run", {"job": job_in(page)}) for _ in range(2)]
    running = await signed_in.get(answers[0].headers["location"])
    listed = await signed_in.get("/console/replays")
    commands.let_go()
    await done(signed_in, answers[0])

    assert 'href="/console/replays/4c1f09ab"' in running.text
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert 'hx-trigger="every 2s"' in listed.text
    assert len(commands.arguments) == 2


async def test_a_run_that_failed_may_be_started_again(signed_in, commands):
    _, page = await planned(signed_in)
    commands.will("replay run", code=1, err="refused: too old")
    failed = await done(signed_in, await signed_in.post("/console/replays/run", {"job": job_in(page)}))
    commands.will("replay run", out=ENDING)
    again = await done(signed_in, await signed_in.post("/console/replays/run", {"job": job_in(page)}))

    assert "refused: too old" in failed.text
    assert "The replay is done" in again.text


async def test_no_plan_is_run_that_failed_or_is_none(signed_in, commands):
    commands.will("replay plan", code=3, err="no Kafka")
    answer, _ = await planned(signed_in)
    job = answer.headers["location"].rpartition("/")[2]

    statuses = [
        (await signed_in.post("/console/replays/run", {"job": each})).status_code for each in (job, "x", "")
    ]

    assert statuses == [409, 404, 404]
    assert len(commands.arguments) == 1


async def test_a_replay_is_cancelled_by_two_clicks(signed_in, looks, kafka, commands):
    control(looks, known())
    kafka.standings["4c1f09ab"] = Standing("running", 42, 1)
    commands.will("replay cancel", out={"id": "4c1f09ab", "state": "cancelled"})

    first = await signed_in.get("/console/replays/4c1f09ab/cancel")
    page = await done(signed_in, await signed_in.post("/console/replays/4c1f09ab/cancel"))

    assert "42 % of its offsets are passed" in first.text
    assert commands.arguments == [["replay", "cancel", "--json", "4c1f09ab"]]
    assert "Replay 4c1f09ab is cancelled" in page.text


async def test_what_has_ended_is_not_offered_to_be_cancelled(signed_in, looks):
    control(looks, known(state="done"))

    assert "It has ended already" in (await signed_in.get("/console/replays/4c1f09ab/cancel")).text


@pytest.mark.parametrize("id_", ["--help", "a%20b", "%22", "a" * 65])
async def test_only_an_id_is_given_to_the_command(signed_in, commands, id_):
    assert (await signed_in.post(f"/console/replays/{id_}/cancel")).status_code == 404
    assert commands.asked == []


async def test_without_a_session_everything_is_read_only(http, looks, kafka, commands):
    control(looks, known())
    kafka.standings["4c1f09ab"] = Standing("running", 42, 1)
    pages = [(await http.get(path)).text for path in ("/console/replays", "/console/replays/4c1f09ab/cancel")]
    posts = [
        await http.post(f"/console/replays/{path}", data={"csrf": "x"})
        for path in ("plan", "run", "4c1f09ab/cancel")
    ]

    assert "<fieldset disabled>" in pages[0]
    assert re.search(r"<button [^>]*disabled>End it everywhere", pages[1])
    assert all("/console/sign-in?next=" in page for page in pages)
    assert {answer.status_code for answer in posts} == {403}
    assert commands.asked == []


async def test_without_the_proof_nothing_starts(signed_in, commands):
    signed_in.proof = "another"

    assert (await signed_in.post("/console/replays/plan")).status_code == 403
    assert commands.asked == []


# The end of the worker


async def plans_after(process, looks, commands, runs):
    """Plan and run as often as is said, end the console, and give the plan and the files that are left."""
    async with (
        served(process, looks, jobs=commands.jobs, ask=Kafka()) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        signed_in = SignedIn(client)
        await signed_in.sign_in()
        await planned(signed_in)
        _, page = await planned(signed_in)
        file = Path(commands.arguments[1][3].removeprefix("--out="))
        for state, code in runs:
            commands.will("replay run", out={"state": state}, code=code)
            await done(signed_in, await signed_in.post("/console/replays/run", {"job": job_in(page)}))
    return file, list(file.parent.iterdir()) if file.parent.exists() else None


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param([], id="not run"),
        pytest.param([("done", 0)], id="done"),
        pytest.param([("cancelled", 1)], id="cancelled"),
        pytest.param([(None, 1)], id="refused"),
        pytest.param([("stopped", 130), ("done", 0)], id="interrupted, and then done"),
    ],
)
async def test_plans_that_nobody_needs_are_deleted_when_the_worker_ends(process, looks, commands, runs):
    _, left = await plans_after(process, looks, commands, runs)

    assert left is None


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param([("stopped", 130)], id="ended by a signal"),
        pytest.param([("cancelled", 1), (None, 3)], id="cancelled, begun again, and then Kafka failed"),
    ],
)
async def test_the_plan_of_a_replay_that_was_interrupted_is_left_and_told(
    process, looks, commands, capsys, runs
):
    file, left = await plans_after(process, looks, commands, runs)

    assert left == [file]
    assert str(file) in capsys.readouterr().out
    file.unlink()
    file.parent.rmdir()
