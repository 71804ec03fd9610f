"""`encharge-connector dlq`."""

import json
import shlex
import signal
import time
from pathlib import Path

import click
import pytest
from confluent_kafka.admin import AclOperation, ResourceType

from connector.cli import cli
from connector.cli.dlq.options import Code, Moment
from connector.delivery.codes import CODES
from connector.delivery.dead_letter import Reason
from tests.cli.command import run
from tests.edges.dead_letters.dlq_topics import MAPPING, DeadLetters, track
from tests.eventually import eventually

ROOT = Path(__file__).parents[2]
INVALID = Reason(
    "invalid_payload",
    "The root value is missing the required field 'event'.",
    mapping="Track",
    action="trackEvent",
)
UNREADABLE = Reason("unreadable_not_json", "the value is not JSON in UTF-8", kind="UnreadableRecord")


@pytest.fixture
def file(here):
    """Write the destination file; give a function that changes it."""

    def write(**changes):
        (here / "destination.yaml").write_text(json.dumps({"id": "test", "mappings": [MAPPING], **changes}))

    write()
    return write


@pytest.fixture
def dlq(broker, file):
    return DeadLetters(broker.bootstrap_servers)


@pytest.fixture
def command(dlq):
    """Run `dlq` with the topics of the test."""
    return lambda *arguments, stdin=b"": run("dlq", *arguments, stdin=stdin, **dlq.environment)


# Usage


@pytest.mark.parametrize("code", CODES)
def test_every_code_can_be_asked_for(code):
    assert Code().convert(code, None, None) == code


def test_the_tab_key_completes_codes():
    found = Code().shell_complete(click.Context(cli), None, "unreadable_not")

    assert [each.value for each in found] == ["unreadable_not_json", "unreadable_not_an_object"]


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        pytest.param("invalid_field", "did you mean invalid_fields or ", id="nearly"),
        pytest.param("json", "did you mean unreadable_not_json?", id="a part"),
        pytest.param("§", "known are unreadable_empty, ", id="nothing like it"),
    ],
)
def test_an_unknown_code_is_refused_with_those_that_are_like_it(code, hint):
    done = run("dlq", "list", "--code", code)

    assert (done.code, done.out) == (2, "")
    assert hint in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2026-11-24", 1_795_478_400_000),
        ("2026-11-24T09:30", 1_795_512_600_000),
        ("2026-11-24T09:30:00.5Z", 1_795_512_600_500),
        ("2026-11-24T10:30+01:00", 1_795_512_600_000),
    ],
)
def test_times_without_a_zone_are_in_utc(text, milliseconds):
    assert Moment().convert(text, None, None) == milliseconds


def test_a_duration_is_a_time_so_long_ago():
    before = time.time()

    found = Moment().convert("2h", None, None)

    assert before - 7200 <= found / 1000 + 0.001 <= time.time() - 7200 + 0.002


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["list", "--since", "yesterday"], id="time"),
        pytest.param(["show", "0-41"], id="place"),
        pytest.param(["show", "0:" + "9" * 30], id="offset too large"),
        pytest.param(["show", "-1:4"], id="partition below 0"),
        pytest.param(["redrive", "--rate", "0"], id="rate"),
        pytest.param(["redrive", "--max-redrives", "0"], id="redrives"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments):
    assert run("dlq", *arguments).code == 2


def test_every_command_line_of_the_page_and_of_the_help_can_be_read():
    group = cli.get_command(None, "dlq")
    texts = [(ROOT / "docs/dead-letters.md").read_text()]
    texts += [group.get_command(None, name).help for name in group.list_commands(None)]
    lines = [
        line.strip()
        for text in texts
        for line in text.splitlines()
        if line.strip().startswith("encharge-connector dlq ")
    ]

    for line in lines:
        _, _, name, *arguments = shlex.split(line, comments=True)
        with click.Context(group) as parent:
            group.get_command(parent, name).make_context(name, arguments, parent=parent)

    assert {shlex.split(line)[2] for line in lines} == set(group.list_commands(None))


# List


@pytest.mark.kafka
def test_letters_are_counted_by_what_is_asked_for_and_name_nobody_unless_asked(dlq, command):
    for user in ("ada-1", "ada-1", "bob"):
        dlq.letter(user)
    dlq.letter("ada-1", reason=INVALID)
    dlq.letter(value=b"{", reason=UNREADABLE, destination="")
    dlq.letter("eve", destination="other")
    dlq.write(dlq.dead, b"k", b"v", [("encharge.code", b"probe")])

    by_code = command("list")
    rows = {
        by: command("list", "--group-by", by, "--json").json_lines
        for by in ("code", "mapping", "day", "user")
    }
    of_ada = command("list", "--user", "ada-1", "--json")
    of_two = command("list", "--code", "invalid_payload", "--code", "unreadable_not_json", "--json")
    of_all = command("list", "--all-destinations", "--json")
    newest = command("list", "--group-by", "none", "--limit", "2", "--json")

    assert [line.split()[0] for line in by_code.out.splitlines()] == ["count", "3", "1", "1"]
    assert [line.split()[-1] for line in by_code.out.splitlines()] == [
        "code", "rejected", "invalid_payload", "unreadable_not_json",
    ]  # fmt: skip
    assert by_code.err.splitlines() == [
        "5 letters, waiting",
        "1 letter of other destinations; see --all-destinations",
        "1 records are no letters (probes of `check`, other programs)",
    ]
    assert [(row["mapping"], row["count"]) for row in rows["mapping"]] == [("Track", 4), ("", 1)]
    assert [(row["user"], row["count"]) for row in rows["user"]] == [("ada-1", 3), ("", 1), ("bob", 1)]
    assert [row["count"] for row in rows["day"]] == [5] or sum(row["count"] for row in rows["day"]) == 5
    assert [(row["code"], row["count"]) for row in of_ada.json_lines] == [
        ("rejected", 2),
        ("invalid_payload", 1),
    ]
    assert {row["code"] for row in of_two.json_lines} == {"invalid_payload", "unreadable_not_json"}
    assert sum(row["count"] for row in of_all.json_lines) == 6
    assert [row["code"] for row in newest.json_lines] == ["unreadable_not_json", "invalid_payload"]
    for done in (by_code, newest):
        assert "ada-1" not in done.out + done.err
    assert [done.code for done in (by_code, of_ada, of_two, of_all, newest)] == [0] * 5


@pytest.mark.kafka
def test_what_a_stranger_wrote_does_not_steer_the_terminal(dlq, command):
    headers = [
        ("encharge.code", b"rejected"),
        ("encharge.mapping", b"\x1b[2J"),
        ("__connect.errors.exception.message", b"a\nb\x07"),
    ]
    partition, offset = dlq.write(dlq.dead, b"\x1b", b"\x1b[1m", headers)

    listed = command("list", "--group-by", "none")
    shown = command("show", f"{partition}:{offset}")

    for done in (listed, shown):
        assert done.code == 0
        assert "\x1b[2J" not in done.out
        assert "\x07" not in done.out
    assert "a\ufffdb\ufffd" in listed.out


# Show


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("changes", "outlook", "words"),
    [
        pytest.param(
            {"mappings": [{**MAPPING, "fields": {**MAPPING["fields"], "event": "Fixed"}}]},
            "sent", ["would now succeed", "POST https://ingest.encharge.io/v1", '"event":"Fixed"'], id="mended",
        ),
        pytest.param(
            {}, "fails",
            ["still fails: invalid_payload: The root value is missing", "! event: required, but no value"], id="as before",
        ),
        pytest.param({"mappings": []}, "no_mapping", ["no mapping of that name any more"], id="gone"),
        pytest.param(
            {"mappings": [{**MAPPING, "trigger": 'type = "page"'}]}, "no_match",
            ["does not match any more", 'Track: type = "page" does not hold'], id="another trigger",
        ),
    ],
)  # fmt: skip
def test_a_letter_is_shown_with_what_would_become_of_it_today(dlq, command, file, changes, outlook, words):
    partition, offset = dlq.letter("u1", reason=INVALID, value={"type": "track", "userId": "u1"}, event=0)
    file(**changes)

    text = command("show", f"{partition}:{offset}")
    as_json = command("show", f"{partition}:{offset}", "--json")

    for each in [
        *words,
        "invalid_payload  (waiting)",
        '{"type":"track","userId":"u1"}',
        "encharge.redrives: 0",
    ]:
        assert each in text.out
    assert (text.code, as_json.code) == (0, 0)
    assert as_json.json["today"]["outlook"] == outlook
    assert (as_json.json["code"], as_json.json["event"], as_json.json["origin"]) == (
        "invalid_payload",
        0,
        "by-user/0/0",
    )
    assert dlq.read(dlq.by_user) == []


@pytest.mark.kafka
def test_letters_that_hold_no_event_or_are_of_others_are_shown_as_far_as_they_go(dlq, command):
    broken = dlq.letter(value=b"{broken", reason=UNREADABLE, destination="")
    other = dlq.letter("u1", destination="other")

    of_ingest = command("show", ":".join(map(str, broken)))
    of_other = command("show", ":".join(map(str, other)))
    nothing = command("show", f"{broken[0]}:99")

    assert "{broken" in of_ingest.out
    assert "still fails: the value is not JSON in UTF-8" in of_ingest.out
    assert "the ingest stage gave it up" in of_ingest.out
    assert "a letter of other; this is test" in of_other.out
    assert (nothing.code, nothing.out) == (3, "")
    assert f"there is no letter at {broken[0]}:99" in nothing.err


# Redrive


@pytest.mark.kafka
def test_a_redrive_says_what_it_would_do_asks_and_does_it_once(dlq, command):
    dlq.letter("u1")
    dlq.letter("u2", value=track("u2") | {"type": "page"})

    dry = command("redrive", "--dry-run")
    refused = command("redrive", stdin=b"n\n")
    before = dlq.read(dlq.by_user)
    done = command("redrive", stdin=b"y\n")
    again = command("redrive")

    lines = [f"1 letter to {dlq.by_user}", "left: 1 letter would no longer match their mapping"]
    assert (dry.code, dry.out.splitlines(), dry.err) == (0, lines, "")
    assert (refused.code, refused.out.strip(), before) == (1, "n", [])
    assert "Send 1 letter again? [y/N]" in refused.err
    assert (done.code, done.out.splitlines()[-1]) == (0, "1 letter sent again")
    assert [line in done.err for line in lines] == [True, True]
    assert (again.code, again.out.splitlines()[-1]) == (0, "nothing to send")
    assert len(dlq.read(dlq.by_user)) == 1


@pytest.mark.kafka
def test_a_topic_of_yours_is_named_before_anything_is_written_to_it(dlq, command):
    dlq.environment["CONNECTOR_PARTITIONING"] = "source"
    dlq.letter("u1")

    refused = command("redrive", stdin=b"n\n")
    before = dlq.read(dlq.source)
    done = command("redrive", "--yes", "--json")

    assert f"{dlq.source} is your own topic" in refused.err
    assert before == []
    assert done.json == {
        "dry_run": False, "to_send": 1, "sent": 1, "targets": {dlq.source: 1}, "left": {}, "too_often": 0,
        "suppressed": 0, "redriven_before": 0, "over_limit": 0, "other_destinations": 0,
    }  # fmt: skip
    assert len(dlq.read(dlq.source)) == 1


def test_nothing_is_redriven_to_be_thrown_away(file):
    file(enabled=False, when_disabled="discard")

    done = run("dlq", "redrive", "--yes", CONNECTOR_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")

    assert (done.code, done.out) == (2, "")
    assert "workers would throw away what is redriven" in done.err


@pytest.mark.kafka
def test_ctrl_c_in_the_middle_leaves_nothing_half_done(dlq, start):
    for number in range(40):
        dlq.letter("u1", number)
    process = start("dlq", "redrive", "--yes", "--rate", "20", "--batch", "1", **dlq.environment)
    eventually(lambda: dlq.read(dlq.by_user), 20)

    process.send(signal.SIGINT)
    done = process.done()

    sent = len(dlq.read(dlq.by_user))
    assert (done.code, done.out) == (130, "")
    assert 0 < sent < 40
    assert (
        f"{sent} letter{'s' if sent > 1 else ''} of 40 were sent; start it again to send the rest" in done.err
    )
    assert "Traceback" not in done.err
    assert run("dlq", "redrive", "--yes", "--json", **dlq.environment).json["sent"] == 40 - sent


@pytest.mark.kafka
def test_a_missing_right_is_told_with_what_it_is_missing_for_and_nothing_is_sent(secured, file):
    dlq = DeadLetters(secured.bootstrap_servers)
    dlq.letter("u1")
    rights = {
        "letters": (ResourceType.TOPIC, dlq.dead, AclOperation.READ),
        "control": (ResourceType.TOPIC, dlq.control, AclOperation.READ),
        dlq.control: (ResourceType.TOPIC, dlq.control, AclOperation.WRITE),
        dlq.by_user: (ResourceType.TOPIC, dlq.by_user, AclOperation.WRITE),
        ".redrive": (ResourceType.TRANSACTIONAL_ID, f"{dlq.settings.group_id}.redrive", AclOperation.WRITE),
    }
    environment = {**dlq.environment, **secured.environment}

    for missing in (dlq.control, dlq.by_user, ".redrive"):
        with secured.rights(*(right for name, right in rights.items() if name != missing)):
            done = run("dlq", "redrive", "--yes", **environment)
        assert (done.code, done.out) == (3, "")
        [line] = [line for line in done.err.splitlines() if line.startswith("error: ")]
        assert f"{missing}: no right to do this" in line
    before = dlq.read(dlq.by_user)
    with secured.rights(*rights.values()):
        done = run("dlq", "redrive", "--yes", **environment)

    assert before == []
    assert (done.code, len(dlq.read(dlq.by_user))) == (0, 1)


# Purge


@pytest.mark.kafka
def test_a_purge_refuses_to_delete_what_waits_and_asks_for_the_rest(dlq, command):
    partition, _ = dlq.letter("u1", 0)
    dlq.letter("u1", 1)
    command("redrive", "--limit", "1", "--yes")

    refused = command("purge", "--yes")
    dry = command("purge", "--dry-run", "--including-waiting", "--json")
    declined = command("purge", "--including-waiting", stdin=b"n\n")
    before = len(dlq.read(dlq.dead))
    command("redrive", "--yes")
    done = command("purge", stdin=b"y\n")
    again = command("purge", "--yes", "--json")

    assert (refused.code, refused.out) == (1, "")
    assert "1 letter still wait; redrive them first, or say --including-waiting" in refused.err
    assert dry.json == {
        "dry_run": True, "deleted": False, "records": 2, "letters": {"redriven": 1, "waiting": 1},
        "waiting": {"test": 1}, "up_to": {str(partition): 2},
    }  # fmt: skip
    assert declined.code == 1
    assert (
        f"Delete 2 records of {dlq.dead} for good, 1 letter among them that were never sent again?"
        in declined.err
    )
    assert before == 2
    assert (done.code, done.out.splitlines()[-1]) == (0, "2 records deleted")
    assert dlq.read(dlq.dead) == []
    assert (again.code, again.json["records"], again.json["deleted"]) == (0, 0, False)


@pytest.mark.kafka
def test_a_purge_by_age_leaves_what_is_younger(dlq, command):
    for at in (1_700_000_000_000, 1_700_000_001_000):
        dlq.write(dlq.dead, b"u1", b"{}", [("encharge.code", b"rejected")], partition=0, timestamp=at)

    done = command("purge", "--before", "2023-11-14T22:13:21Z", "--including-waiting", "--yes")

    assert (done.code, done.out) == (0, "1 records deleted\n")
    assert [message.offset() for message in dlq.read(dlq.dead)] == [1]
