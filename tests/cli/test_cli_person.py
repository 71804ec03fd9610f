"""`encharge-connector person`."""

import asyncio
import time
from urllib.parse import quote

import httpx
import pytest

from connector.edges.suppression import read_suppressions
from connector.settings import Settings
from tests.cli.command import run
from tests.cli.conftest import API_KEY

NOBODY = "127.0.0.1:1"
ID = "a+b&c#d é"
ERASE = "force=true"


@pytest.fixture
def world(here, encharge):
    """Settings without a Kafka, a destination file, and a person at Encharge."""
    (here / "destination.yaml").write_text("id: test\n")
    identify(encharge, {"userId": ID, "segmentAnonymousId": "anon"})
    identify(encharge, {"userId": "another"})
    return {
        "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": NOBODY,
        "CONNECTOR_ENCHARGE_API_URL": encharge.url,
        "CONNECTOR_ENCHARGE_API_KEY": API_KEY,
    }


@pytest.fixture
def with_kafka(world, cluster):
    """The same on a Kafka."""
    cluster.create(cluster.control, cleanup_policy="compact")
    return {**world, **cluster.environment}


def identify(encharge, person):
    body = {"type": "identify", **person, "user": {**person, "plan": "pro"}}
    headers = {"X-Encharge-Token": API_KEY}
    assert httpx.post(f"{encharge.url}/v1", json=body, headers=headers).status_code == 200


def is_covered(world, event):
    """Whether dead letters of a person, a minute old, are held back."""
    suppressions = asyncio.run(read_suppressions(Settings.from_environment(world), "test"))
    return suppressions.covers(event, time.time() - 60)


def methods(encharge):
    return [request["method"] for request in encharge.requests()]


@pytest.mark.kafka
def test_a_person_is_archived_held_back_and_not_found_any_more(with_kafka, encharge, cluster):
    done = run("person", "delete", "--user-id", ID, "--yes", "--json", **with_kafka)

    assert (done.code, done.err) == (0, "")
    assert done.json == {
        "destination": "test",
        "userId": ID,
        "erased": False,
        "found_before": True,
        "found_after": False,
    }
    assert encharge.person(ID) is None
    assert encharge.person("another") is not None
    assert methods(encharge) == ["POST", "POST", "GET", "DELETE", "GET"]
    assert is_covered(with_kafka, {"userId": ID})
    assert not is_covered(with_kafka, {"userId": "another"})
    [(key, _value)] = cluster.records(cluster.control)
    assert ID.encode() not in key


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("text", "flags", "erases"),
    [
        pytest.param("", [], False, id="by default"),
        pytest.param("", ["--erase"], True, id="asked for"),
        pytest.param("deletion: {erase: true}\n", [], True, id="the file says so"),
        pytest.param("deletion: {erase: true}\n", ["--archive"], False, id="against the file"),
    ],
)
def test_people_are_erased_when_the_flag_or_the_file_says_so(with_kafka, here, encharge, text, flags, erases):
    (here / "destination.yaml").write_text(f"id: test\n{text}")

    done = run("person", "delete", "--anonymous-id", "anon", "--yes", *flags, **with_kafka)

    assert done.code == 0
    assert done.out.splitlines() == [
        "before: known to Encharge",
        f"{'erased' if erases else 'archived'} at Encharge",
        "dead letters and replays of the person are not sent any more",
        "after: not known to Encharge",
    ]
    [query] = [request["query"] for request in encharge.requests() if request["method"] == "DELETE"]
    assert (ERASE in query) is erases
    archived = httpx.get(
        f"{encharge.url}/v1/people?people[0][userId]={quote(ID)}&includeArchived=true",
        headers={"X-Encharge-Token": API_KEY},
    )
    assert bool(archived.json()["users"]) is not erases


@pytest.mark.kafka
def test_somebody_whom_encharge_does_not_know_is_no_finding_and_held_back(with_kafka):
    done = run("person", "delete", "--user-id", "unknown", "--yes", "--json", **with_kafka)

    assert (done.code, done.json["found_before"], done.json["found_after"]) == (0, False, False)
    assert is_covered(with_kafka, {"userId": "unknown"})


@pytest.mark.kafka
def test_a_person_who_is_still_there_afterwards_is_a_finding(with_kafka, monkeypatch):
    async def deletes_nobody(*_arguments, **_options):
        return ""

    monkeypatch.setattr("connector.edges.encharge_api.EnchargeApi.delete", deletes_nobody)

    done = run("person", "delete", "--user-id", ID, "--yes", **with_kafka)

    assert done.code == 1
    assert done.out.splitlines()[-1] == "after: STILL known to Encharge"


@pytest.mark.kafka
def test_without_verification_nobody_is_looked_for(with_kafka, encharge):
    done = run("person", "delete", "--user-id", ID, "--yes", "--no-verify", "--json", **with_kafka)

    assert (done.code, done.json["found_before"], done.json["found_after"]) == (0, None, None)
    assert methods(encharge) == ["POST", "POST", "DELETE"]


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        pytest.param(b"n\n", 1, "Nothing was done.\n", id="no"),
        pytest.param(b"", 130, "Interrupted.\n", id="the end of input"),
    ],
)
def test_nothing_is_done_without_a_yes(world, encharge, answer, code, told):
    done = run("person", "delete", "--user-id", ID, stdin=answer, **world)

    assert (done.code, done.out.strip()) == (code, answer.decode().strip())  # what was typed is echoed
    assert f"Archive the person, who is known there, at {encharge.url}? [y/N]" in done.err
    assert done.err.endswith(told)
    assert ID not in done.err
    assert "DELETE" not in methods(encharge)


def test_who_cannot_be_held_back_is_not_deleted(world, encharge):
    done = run("person", "delete", "--user-id", ID, "--yes", **world)

    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("error: ")
    assert ID not in done.err
    assert "DELETE" not in methods(encharge)


@pytest.mark.parametrize(
    ("flags", "change", "code", "told"),
    [
        pytest.param([], {}, 2, "Give one of --user-id and --anonymous-id.", id="nobody"),
        pytest.param(["--user-id", "u1", "--anonymous-id", "a1"], {}, 2, "Give one of", id="both"),
        pytest.param(["--user-id", "u1"], {"CONNECTOR_ENCHARGE_API_KEY": None}, 2, "CONNECTOR_ENCHARGE_API_KEY: is required", id="no key"),
        pytest.param(["--user-id", "u1"], {"CONNECTOR_DESTINATION_FILE": "no"}, 2, "error: no: No such file", id="no file"),
        pytest.param(["--user-id", "u1"], {"CONNECTOR_ENCHARGE_API_KEY": "wrong"}, 3, "did not say whether it knows the person (HTTPError: Unauthorized)", id="wrong key"),
        pytest.param(["--user-id", "u1"], {"CONNECTOR_ENCHARGE_API_URL": "http://127.0.0.1:1"}, 3, "did not say whether it knows the person (FetchError: ConnectError)", id="nobody there"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_nothing_is_deleted(world, encharge, flags, change, code, told):
    done = run("person", "delete", *flags, "--yes", **{**world, **change})

    assert (done.code, done.out) == (code, "")
    assert told in done.err
    assert "DELETE" not in methods(encharge)
